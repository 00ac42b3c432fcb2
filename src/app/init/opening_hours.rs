//! Opening hours in one line, such as `mon-thu 09:00-12:00 13:00-17:00, fri 09:00-15:00`.

use std::fmt::Write as _;

use crate::domain::calendar::OpenHours;
use crate::domain::yaml;

/// The calendar that is always open.
pub(super) const ALWAYS: &str = "24x7";
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The hours of each weekday, from Monday on. `None`: always open.
#[derive(Clone, Debug, PartialEq)]
pub struct OpeningHours(Option<[Vec<OpenHours>; 7]>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" says no opening hours; write, for example, mon-thu 09:00-17:00, fri 09:00-15:00, or 24x7"
)]
pub struct OpeningHoursError(String);

impl OpeningHours {
    pub const USUAL: &str = "mon-fri 09:00-17:00";

    /// # Errors
    /// The text is neither `24x7` nor days with hours.
    pub fn parse(text: &str) -> Result<Self, OpeningHoursError> {
        if text.trim() == ALWAYS {
            return Ok(Self(None));
        }
        let mut weekly: [Vec<OpenHours>; 7] = Default::default();
        for part in text.split(',') {
            let Some((days, hours)) = days_with_hours(part) else {
                return Err(OpeningHoursError(part.trim().to_owned()));
            };
            for day in days {
                weekly[day].extend(&hours);
            }
        }
        Ok(Self(Some(weekly)))
    }

    pub fn is_always(&self) -> bool {
        self.0.is_none()
    }

    /// The lines of the key `weekly`. Days without hours have no line.
    pub(super) fn weekly(&self, indent: &str) -> String {
        let mut text = String::new();
        for (day, hours) in WEEKDAYS.iter().zip(self.0.iter().flatten()) {
            let hours: Vec<String> = hours.iter().map(OpenHours::to_string).collect();
            if !hours.is_empty() {
                // Writing to a string cannot fail.
                let list = yaml::list(hours.iter().map(String::as_str));
                let _ = writeln!(text, "{indent}{day}: {list}");
            }
        }
        text
    }
}

fn days_with_hours(part: &str) -> Option<(Vec<usize>, Vec<OpenHours>)> {
    let mut words = part.split_whitespace();
    let days = days(words.next()?)?;
    let hours: Vec<OpenHours> = words.map(OpenHours::parse).collect::<Option<_>>()?;
    (!hours.is_empty()).then_some((days, hours))
}

/// One day, or a range, which may pass Sunday.
fn days(text: &str) -> Option<Vec<usize>> {
    let day = |name: &str| {
        let name = name.to_lowercase();
        WEEKDAYS.iter().position(|known| *known == name)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let count = (last + WEEKDAYS.len() - first) % WEEKDAYS.len() + 1;
    Some(
        (first..first + count)
            .map(|day| day % WEEKDAYS.len())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_become_lines() {
        let lines = |text: &str| OpeningHours::parse(text).unwrap().weekly("");
        assert_eq!(
            lines("mon-tue 09:00-12:00 13:00-17:00, Fri 09:00-15:00"),
            "mon: [\"09:00-12:00\", \"13:00-17:00\"]\ntue: [\"09:00-12:00\", \"13:00-17:00\"]\nfri: [\"09:00-15:00\"]\n"
        );
        assert_eq!(
            lines("sat-mon 22:00-24:00"),
            "mon: [\"22:00-24:00\"]\nsat: [\"22:00-24:00\"]\nsun: [\"22:00-24:00\"]\n"
        );
        assert!(OpeningHours::parse(" 24x7").unwrap().is_always());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "mon",
            "09:00-17:00",
            "mon-fri 9-17",
            "mo 09:00-17:00",
            "mon 09:00-17:00,",
        ] {
            assert!(OpeningHours::parse(text).is_err(), "{text}");
        }
    }
}
