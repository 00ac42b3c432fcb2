//! The order of priorities by their names, the most urgent first.

/// From the most urgent to the least.
const URGENCY: [&str; 20] = [
    "blocker",
    "emergency",
    "critical",
    "highest",
    "very high",
    "immediate",
    "urgent",
    "high",
    "major",
    "elevated",
    "medium",
    "moderate",
    "normal",
    "average",
    "minor",
    "low",
    "very low",
    "lowest",
    "trivial",
    "planning",
];

/// Sorts by the words that helpdesks use, then by the first number, then by name. The user has to check
/// the order: for some helpdesks the highest number is the most urgent.
pub(super) fn sort(names: &mut [String]) {
    names.sort_by_cached_key(|name| (rank(name), number(name), name.clone()));
}

/// A longer word says more: "very low" has "low" in it.
fn rank(name: &str) -> usize {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let words = format!(" {} ", words.join(" "));
    let known = URGENCY.iter().enumerate();
    known
        .filter(|(_, word)| words.contains(&format!(" {word} ")))
        .max_by_key(|(_, word)| word.len())
        .map_or(URGENCY.len(), |(place, _)| place)
}

fn number(name: &str) -> u64 {
    let digits = name.split(|letter: char| !letter.is_ascii_digit());
    let first = digits.into_iter().find(|part| !part.is_empty());
    first.and_then(|part| part.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_comes_first() {
        for sorted in [
            &["urgent", "high", "normal", "low"][..],
            &["Highest", "High", "Medium", "Low", "Lowest"],
            &["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"],
            &["very high", "high", "low", "very_low"],
            &["p1", "p2", "p10", "other"],
            // Zammad's numbers go up.
            &["3 high", "2 normal", "1 low"],
        ] {
            let mut names: Vec<String> = sorted.iter().rev().map(|&name| name.to_owned()).collect();
            sort(&mut names);
            assert_eq!(names, sorted);
        }
    }
}
