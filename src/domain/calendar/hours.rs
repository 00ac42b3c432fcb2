//! Opening hours in local time.

const DATE_MINUTES: u16 = 24 * 60;

/// One opening of a date, in whole minutes of local time. It belongs to the date on which it starts, and
/// may end on the next date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenHours {
    /// Minutes after 00:00: `0..1440`.
    start: u16,
    /// Minutes after 00:00 of the date of `start`: `start < end <= start + 1440`.
    end: u16,
}

impl OpenHours {
    /// The whole date.
    pub const ALL_DAY: Self = Self {
        start: 0,
        end: DATE_MINUTES,
    };

    /// Reads `HH:MM-HH:MM`. An end of `24:00` is the end of the date. An end that is not after the start is
    /// on the next date.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let start = minute_of_date(start.trim())?;
        let end = minute_of_date(end.trim())?;
        if start == DATE_MINUTES {
            return None;
        }
        let end = if end <= start {
            end + DATE_MINUTES
        } else {
            end
        };
        Some(Self { start, end })
    }

    /// Whether the end is 23:59, which is probably meant as the end of the day.
    pub fn ends_at_last_minute(self) -> bool {
        self.end % DATE_MINUTES == DATE_MINUTES - 1
    }

    pub fn is_whole_day(self) -> bool {
        self.end - self.start == DATE_MINUTES
    }

    /// Whether two openings of the same date overlap.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    pub(super) const fn start(self) -> u16 {
        self.start
    }

    pub(super) const fn end(self) -> u16 {
        self.end
    }
}

impl std::fmt::Display for OpenHours {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.end > DATE_MINUTES {
            self.end - DATE_MINUTES
        } else {
            self.end
        };
        write!(
            formatter,
            "{:02}:{:02}-{:02}:{:02}",
            self.start / 60,
            self.start % 60,
            end / 60,
            end % 60
        )
    }
}

/// `HH:MM` with two digits each, up to and including `24:00`.
fn minute_of_date(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DATE_MINUTES).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_hours() {
        for text in [
            "08:00-12:00",
            "00:00-24:00",
            "22:00-06:00",
            "08:00-08:00",
            "23:59-24:00",
        ] {
            assert_eq!(OpenHours::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(OpenHours::parse("00:00-24:00"), Some(OpenHours::ALL_DAY));
        assert_eq!(OpenHours::parse("22:00-06:00").unwrap().end(), 30 * 60);
    }

    #[test]
    fn rejects_other_texts() {
        for text in [
            "",
            "08:00",
            "8:00-12:00",
            "08:00-12:60",
            "24:00-25:00",
            "24:00-06:00",
            "08:00-24:01",
            "+8:00-12:00",
            "08.00-12.00",
        ] {
            assert_eq!(OpenHours::parse(text), None, "{text}");
        }
    }
}
