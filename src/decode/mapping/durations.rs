//! Reads lengths of time in the formats that other systems use.

use super::scalar::Scalar;
use super::times;

/// Reads a length of time, in seconds: `1:30` and `01:30:00` (hours and minutes first), `PT1H30M`
/// (ISO 8601), `1970-01-01 01:30:00` (a time since 1970), or a number of seconds.
pub(super) fn seconds(scalar: &Scalar<'_>) -> Option<f64> {
    let Scalar::Text(text) = scalar else {
        return scalar.number();
    };
    let text = text.trim();
    if let Some(seconds) = hours_and_minutes(text).or_else(|| in_units(text)) {
        return Some(seconds);
    }
    match times::local_time(text) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "lengths of work, far below 2^53 seconds"
        )]
        Some(time) => Some(time.and_utc().timestamp() as f64),
        None => scalar.number(),
    }
}

/// `1:30`, `01:30:00`.
fn hours_and_minutes(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_: &f64| is_number)
    };
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0.0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    (minutes < 60.0 && seconds < 60.0).then_some(hours * 3_600.0 + minutes * 60.0 + seconds)
}

/// `P1DT2H30M`, `PT45S`.
fn in_units(text: &str) -> Option<f64> {
    let mut rest = text.strip_prefix('P')?;
    let mut seconds = 0.0;
    let mut is_time = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T')
            && !is_time
        {
            (is_time, rest) = (true, after);
            continue;
        }
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = match (rest.as_bytes()[end], is_time) {
            (b'W', false) => 604_800.0,
            (b'D', false) => 86_400.0,
            (b'H', true) => 3_600.0,
            (b'M', true) => 60.0,
            (b'S', true) => 1.0,
            _ => return None,
        };
        seconds += number * unit;
        rest = &rest[end + 1..];
    }
    (text.len() > 1).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_work() {
        for (written, expected) in [
            ("01:30", Some(5_400.0)),
            ("0:05", Some(300.0)),
            ("100:00:30", Some(360_030.0)),
            ("PT1H30M", Some(5_400.0)),
            ("P1DT0.5H", Some(88_200.0)),
            ("1970-01-01 00:15:00", Some(900.0)),
            ("90", Some(90.0)),
            ("1:60", None),
            ("1:2:3:4", None),
            ("P", None),
            ("PT", Some(0.0)),
            ("PT5", None),
            ("PTé", None),
            (":", None),
            ("soon", None),
        ] {
            assert_eq!(
                seconds(&Scalar::Text(written.into())),
                expected,
                "{written}"
            );
        }
    }
}
