//! Texts as YAML.

/// A text as a value or a key: plain where that is safe, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    let rest = text.strip_prefix(['.', '$']).unwrap_or(text);
    let is_plain = rest.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-$".contains(character))
        && ![
            "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan",
        ]
        .contains(&rest.to_ascii_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            _ if character.is_control() || "\u{85}\u{2028}\u{2029}\u{feff}".contains(character) => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A list on one line.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(scalar).collect();
    format!("[{}]", texts.join(", "))
}

/// A text for a comment, which must not end before its line does or hold what YAML forbids.
pub(super) fn comment(text: &str) -> String {
    let is_unfit = |character: char| {
        character.is_control() || "\u{85}\u{2028}\u{2029}\u{feff}".contains(character)
    };
    text.replace(is_unfit, " ")
}
