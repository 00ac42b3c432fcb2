//! Names of members: the words in them, and how they are written as a path.

/// Longer names are no names: they hold content.
const MOST_NAME_BYTES: usize = 64;
/// So many digits in a row are an id, not a part of a name.
const DIGITS_OF_AN_ID: usize = 4;

/// What stands at the end of a name that is written in one word: `ticketid`, `casenumber`.
const ENDINGS: [&str; 14] = [
    "id", "ids", "key", "no", "nr", "num", "number", "nummer", "ref", "uuid", "status", "state",
    "type", "name",
];

/// The words of a name in small letters: `ticketId`, `ticket_id`, `Ticket-ID` are `ticket`, `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (place, character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(place + 1);
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
    words.into_iter().flat_map(apart).collect()
}

/// `ticketid` is two words, as long as what is in front of the ending is one of a desk's.
fn apart(word: String) -> Vec<String> {
    let fronts = super::vocabulary::TICKETS
        .iter()
        .chain(&["event", "group", "team", "agent"]);
    for front in fronts {
        if let Some(ending) = word.strip_prefix(front)
            && ENDINGS.contains(&ending)
        {
            return vec![(*front).to_owned(), ending.to_owned()];
        }
    }
    vec![word]
}

/// The step of a path to a member. `None`: the name cannot be written, or it looks like content
/// (an address, an id) and must not be shown.
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
    fn names_are_told_apart_into_words() {
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
    fn steps_can_be_read_again_and_show_no_content() {
        for (name, expected) in [
            ("a_b-2", ".a_b-2"),
            ("content.type", ".[\"content.type\"]"),
            ("in [x]", ".[\"in [x]\"]"),
        ] {
            let step = step(name).unwrap();
            assert_eq!(step, expected);
            assert!(crate::domain::mapping::Path::parse(&step).is_ok(), "{step}");
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
