//! Writes parts of PromQL expressions.

use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};
use crate::domain::yaml::is_printable;

/// Characters with a meaning in a regular expression.
const REGEX_SYMBOLS: &str = r"\.+*?()|[]{}^$";

/// `label="value"`.
pub fn matcher(label: &str, value: &str) -> String {
    format!("{label}={}", quoted(value))
}

/// A matcher of any of at least one value.
pub fn matcher_of_any(label: &str, values: &[String]) -> String {
    match values {
        [value] => matcher(label, value),
        values => format!("{label}=~{}", quoted(&alternatives(values))),
    }
}

/// A matcher of everything except at least one value.
pub fn matcher_of_none(label: &str, values: &[String]) -> String {
    match values {
        [value] => format!("{label}!={}", quoted(value)),
        values => format!("{label}!~{}", quoted(&alternatives(values))),
    }
}

/// `name{…}`, or just `name` without matchers.
pub fn selector(name: &str, matchers: &[String]) -> String {
    if matchers.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", matchers.join(", "))
    }
}

/// A PromQL duration, in days if possible: `36h`, `4d`, `30m`.
pub fn window(length: Milliseconds) -> String {
    // Seven days are `7d`, not `1w`: series names read better in one unit.
    match length % DAY {
        0 if length > 0 => format!("{}d", length / DAY),
        _ => duration::format(length),
    }
}

/// A number with up to four decimals and no trailing zeros.
pub fn number(value: f64) -> String {
    let rounded = format!("{value:.4}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}

/// Indents every line of a text.
pub fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// `outer(inside)`, with the inside on indented lines.
pub fn call(outer: &str, inside: &str) -> String {
    format!("{outer} (\n{}\n)", indented(inside))
}

fn alternatives(values: &[String]) -> String {
    let literal = |value: &String| {
        let mut text = String::new();
        for symbol in value.chars() {
            if REGEX_SYMBOLS.contains(symbol) {
                text.push('\\');
            }
            text.push(symbol);
        }
        text
    };
    values.iter().map(literal).collect::<Vec<_>>().join("|")
}

/// A quoted PromQL string, with the escapes of Go.
fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for symbol in value.chars() {
        match symbol {
            '"' | '\\' => text.extend(['\\', symbol]),
            symbol if is_printable(symbol) => text.push(symbol),
            symbol => text.push_str(&format!("\\U{:08x}", u32::from(symbol))),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::{HOUR, MINUTE};

    #[test]
    fn names_are_escaped() {
        let names = ["a.b".to_owned(), "c\"|\\d".to_owned(), "über\n".to_owned()];
        assert_eq!(
            matcher_of_any("team", &names),
            r#"team=~"a\\.b|c\"\\|\\\\d|über\U0000000a""#
        );
        assert_eq!(matcher_of_any("team", &names[..1]), r#"team="a.b""#);
        assert_eq!(matcher_of_none("team", &names[1..2]), r#"team!="c\"|\\d""#);
    }

    #[test]
    fn durations_and_numbers_are_short() {
        for (length, text) in [
            (30 * MINUTE, "30m"),
            (90 * MINUTE, "1h30m"),
            (16 * HOUR, "16h"),
            (DAY, "1d"),
            (36 * HOUR, "1d12h"),
            (7 * DAY, "7d"),
            (30 * DAY, "30d"),
        ] {
            assert_eq!(window(length), text);
        }
        assert_eq!(number(0.05 * 9.0), "0.45");
        assert_eq!(number(0.3), "0.3");
        assert_eq!(number(600.0), "600");
    }
}
