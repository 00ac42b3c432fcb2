//! Durations in texts: `15m`, `4h`, `1d`, `1h30m`, `500ms`.

use super::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND};

const UNITS: [(&str, Milliseconds); 6] = [
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", 1),
];

/// Reads a duration. Units may be combined from large to small.
pub fn parse(text: &str) -> Option<Milliseconds> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut total: Milliseconds = 0;
    let mut allowed = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|&end| end > 0)?;
        let amount: Milliseconds = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let position = UNITS
            .iter()
            .position(|(unit, _)| *unit == &rest[..letters])?;
        if position < allowed {
            return None;
        }
        allowed = position + 1;
        total = total.checked_add(amount.checked_mul(UNITS[position].1)?)?;
        rest = &rest[letters..];
    }
    (allowed > 0).then_some(total)
}

/// Writes a duration in the largest units that fit: `90m` becomes `1h30m`, and 7 days stay `7d`.
pub fn format(mut length: Milliseconds) -> String {
    if length <= 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in &UNITS[1..] {
        if length >= *size {
            text.push_str(&format!("{}{unit}", length / size));
            length %= size;
        }
    }
    text
}

/// Rounds a duration down for comparisons: to seconds, from a minute on to minutes, from a day on to
/// hours.
pub fn brief(length: Milliseconds) -> String {
    let unit = match length {
        ..MINUTE => SECOND,
        MINUTE..DAY => MINUTE,
        _ => HOUR,
    };
    format(length / unit * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        assert_eq!(parse("1h30m"), Some(90 * MINUTE));
        assert_eq!(parse("30d"), Some(30 * DAY));
        assert_eq!(parse("500ms"), Some(500));
        for wrong in [
            "",
            "5",
            "h",
            "1m1h",
            "-1h",
            "1.5h",
            "1x",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn brief_ones_have_two_units_at_most() {
        for (length, text) in [
            (500, "0s"),
            (59_900, "59s"),
            (3_725 * SECOND, "1h2m"),
            (180_059 * SECOND, "2d2h"),
        ] {
            assert_eq!(brief(length), text);
        }
    }

    #[test]
    fn writes_durations_that_it_reads() {
        for text in ["15m", "4h", "1d", "1h30m", "30d", "1s500ms"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
