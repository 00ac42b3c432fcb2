//! Names of members: the words in them, and how they are written as steps of a path.

pub(super) const TICKETS: &str =
    "ticket case issue incident request conversation problem vorgang anfrage";
pub(super) const IDS: &str = "id number key no nr nummer uuid identifier";
/// A longer name holds content.
const MOST_NAME_BYTES: usize = 64;
/// A row of this many digits is an id, not a part of a name.
const DIGITS_OF_AN_ID: usize = 4;

/// Whether a list, with spaces between its words, has this word.
pub(super) fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

pub(super) fn has_any(words: &[String], list: &str) -> bool {
    words.iter().any(|word| is_in(list, word))
}

/// The lower-case words of a name: `ticketId`, `ticket_id`, `Ticket-ID` and `ticketid` are `ticket`
/// and `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(index + 1);
        let is_start = character.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
                || before.is_some_and(char::is_uppercase)
                    && after.is_some_and(|after| after.is_lowercase()));
        if (is_start || !character.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words.into_iter().flat_map(split).collect()
}

/// Splits `ticketid`, as databases without capital letters write it.
fn split(word: String) -> Vec<String> {
    for front in TICKETS.split(' ') {
        if let Some(end) = word.strip_prefix(front)
            && is_in(IDS, end)
        {
            return vec![front.to_owned(), end.to_owned()];
        }
    }
    vec![word]
}

/// The step of a path to a member. `None`: the name cannot be written, or it looks like content (an
/// address, an id), which must not be shown.
pub(super) fn step(name: &str) -> Option<String> {
    let digits = name.split(|character: char| !character.is_ascii_digit());
    let is_id = digits.map(str::len).max().unwrap_or(0) >= DIGITS_OF_AN_ID;
    let is_unfit = name.is_empty()
        || name.len() > MOST_NAME_BYTES
        || is_id
        || name.contains(['@', '"', '\\', '{', '}'])
        || name.chars().any(char::is_control);
    if is_unfit {
        return None;
    }
    let is_plain = name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "_-".contains(character));
    Some(if is_plain {
        format!(".{name}")
    } else {
        format!(".[\"{name}\"]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        for (name, expected) in [
            ("ticketId", "ticket id"),
            ("ticketid", "ticket id"),
            ("Case-Number", "case number"),
            ("HTTPStatusCode", "http status code"),
            ("__source_ts_ms", "source ts ms"),
            ("Größe", "größe"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn steps_are_valid_and_show_no_content() {
        for (name, expected) in [
            ("a_b-2", ".a_b-2"),
            ("content.type", ".[\"content.type\"]"),
            ("in [x]", ".[\"in [x]\"]"),
        ] {
            let step = step(name).unwrap();
            assert_eq!(step, expected);
            assert!(
                crate::domain::mapping::RecordPath::parse(&step).is_ok(),
                "{step}"
            );
        }
        for name in [
            "",
            "a@example.com",
            "360001",
            "a\nb",
            "a\"]b",
            &"x".repeat(99),
        ] {
            assert_eq!(step(name), None, "{name}");
        }
    }
}
