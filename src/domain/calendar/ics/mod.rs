//! Holidays from an iCalendar text (RFC 5545): the dates that its events fill.
//!
//! Reads no file and decides nothing about opening hours. An event that fills only a part of a
//! date is no holiday; it is left out and noted.

mod lines;
mod times;

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use lines::{ContentLine, content_lines};
use times::{Moment, Times};

/// A holiday longer than this is a mistake in the file.
const LONGEST_EVENT_DAYS: i64 = 366;
/// Holidays beyond are not looked for: no zone is known to behave so far ahead.
const LAST_YEAR: i32 = 2100;
/// Occurrences of one rule: every day of a century fits.
const MOST_OCCURRENCES: u16 = 50_000;
/// Dates of one file: two centuries of nothing but holidays fit.
const MOST_DATES: usize = 100_000;

/// What a file of holidays says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    pub dates: BTreeSet<NaiveDate>,
    /// Events that were left out, and why.
    pub notes: Vec<Note>,
}

/// An event that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Line of the file, from 1.
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.message)
    }
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IcsError {
    /// Line of the file, from 1.
    pub line: usize,
    pub message: String,
}

/// Reads the holidays of a file, as dates in `timezone`, up to the year 2100.
///
/// # Errors
///
/// The first line that is not iCalendar, or an event that makes no sense.
pub fn read(text: &str, timezone: Tz) -> Result<Holidays, IcsError> {
    let events = events(&content_lines(text)?)?;
    let times = Times { timezone };
    let mut holidays = Holidays::default();
    // An event with a RECURRENCE-ID stands in for one occurrence of the event of that UID.
    let mut replaced = BTreeSet::new();
    for event in &events {
        if let Some(recurrence) = event.property("RECURRENCE-ID") {
            replaced.insert((
                event.uid(),
                times.moment(recurrence, &recurrence.value)?.date(),
            ));
        }
    }
    for event in &events {
        if event.is_cancelled() {
            continue;
        }
        let is_replacement = event.property("RECURRENCE-ID").is_some();
        for start in event.starts(times, &mut holidays.notes)? {
            if is_replacement || !replaced.contains(&(event.uid(), start.first)) {
                holidays.dates.extend(start.dates());
            }
        }
        if holidays.dates.len() > MOST_DATES {
            return Err(event.error("more than 100,000 holidays"));
        }
    }
    Ok(holidays)
}

/// The content lines of one VEVENT, without those of components inside it.
struct Event {
    line: usize,
    lines: Vec<ContentLine>,
}

/// One occurrence of an event.
struct Occurrence {
    first: NaiveDate,
    days: i64,
}

impl Occurrence {
    fn dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.first
            .iter_days()
            .take(usize::try_from(self.days).unwrap_or(0))
    }
}

impl Event {
    fn property(&self, name: &str) -> Option<&ContentLine> {
        self.lines.iter().find(|line| line.name == name)
    }

    fn properties<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ContentLine> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    fn uid(&self) -> &str {
        self.property("UID").map_or("", |line| line.value.as_str())
    }

    fn is_cancelled(&self) -> bool {
        self.property("STATUS")
            .is_some_and(|status| status.value.eq_ignore_ascii_case("CANCELLED"))
    }

    fn error(&self, message: impl Into<String>) -> IcsError {
        IcsError {
            line: self.line,
            message: message.into(),
        }
    }

    /// Every occurrence, without the replaced ones; none, and a note, where the event does not
    /// fill whole dates.
    fn starts(&self, times: Times, notes: &mut Vec<Note>) -> Result<Vec<Occurrence>, IcsError> {
        let start_line = self
            .property("DTSTART")
            .ok_or_else(|| self.error("event without DTSTART"))?;
        let start = times.moment(start_line, &start_line.value)?;
        let Some(days) = self.whole_days(times, start)? else {
            notes.push(Note {
                line: self.line,
                message: "event left out: it does not fill whole dates".to_owned(),
            });
            return Ok(Vec::new());
        };
        let mut firsts = BTreeSet::from([start.date()]);
        for rule in self.properties("RRULE") {
            firsts.extend(times.recurrences(rule, start.date())?);
        }
        for line in self.properties("RDATE") {
            for value in line.value.split(',') {
                let value = value.split('/').next().unwrap_or(value);
                firsts.insert(times.moment(line, value)?.date());
            }
        }
        for line in self.properties("EXDATE") {
            for value in line.value.split(',') {
                firsts.remove(&times.moment(line, value)?.date());
            }
        }
        let occurrences = firsts.into_iter().map(|first| Occurrence { first, days });
        Ok(occurrences.collect())
    }

    /// How many whole dates the event fills; `None` where it does not.
    fn whole_days(&self, times: Times, start: Moment) -> Result<Option<i64>, IcsError> {
        let end = match (self.property("DTEND"), self.property("DURATION")) {
            (Some(line), _) => times.moment(line, &line.value)?,
            (None, Some(line)) => start.plus(line)?,
            (None, None) => match start {
                Moment::Date(date) => Moment::Date(date + Days::new(1)),
                Moment::Time(_) => return Ok(None),
            },
        };
        if !start.is_midnight() || !end.is_midnight() {
            return Ok(None);
        }
        let days = (end.date() - start.date()).num_days();
        match days {
            // Some programs write the last date where the standard wants the one after.
            0 if matches!(start, Moment::Date(_)) => Ok(Some(1)),
            0 => Ok(None),
            1..=LONGEST_EVENT_DAYS => Ok(Some(days)),
            ..0 => Err(self.error("event ends before it starts")),
            _ => Err(self.error("event longer than a year")),
        }
    }
}

fn events(lines: &[ContentLine]) -> Result<Vec<Event>, IcsError> {
    let mut events = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut current = None;
    for line in lines {
        let component = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                if component == "VEVENT" && current.is_none() {
                    current = Some(Event {
                        line: line.line,
                        lines: Vec::new(),
                    });
                }
                open.push((component, line.line));
            }
            "END" => {
                if open.pop().is_none_or(|(begun, _)| begun != component) {
                    return Err(line.error(format!("END:{component} without its BEGIN")));
                }
                if component == "VEVENT" && !open.iter().any(|(begun, _)| begun == "VEVENT") {
                    events.extend(current.take());
                }
            }
            _ if open.is_empty() => {
                return Err(line.error("not an iCalendar file: it must start with BEGIN:VCALENDAR"));
            }
            _ if open.last().is_some_and(|(begun, _)| begun == "VEVENT") => {
                if let Some(event) = &mut current {
                    event.lines.push(line.clone());
                }
            }
            _ => {}
        }
    }
    if let Some((component, line)) = open.pop() {
        return Err(IcsError {
            line,
            message: format!("BEGIN:{component} without its END"),
        });
    }
    if lines.is_empty() {
        return Err(IcsError {
            line: 1,
            message: "not an iCalendar file: it is empty".to_owned(),
        });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_events(events: &str) -> Result<Holidays, IcsError> {
        let text = format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n");
        read(&text, Tz::Europe__Berlin)
    }

    fn dates(properties: &str) -> Vec<String> {
        let event = format!("BEGIN:VEVENT\n{properties}\nEND:VEVENT\n");
        let holidays = read_events(&event).unwrap();
        holidays.dates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dates_of_one_and_many_days() {
        assert_eq!(dates("DTSTART;VALUE=DATE:20260101"), ["2026-01-01"]);
        assert_eq!(
            dates("DTSTART;VALUE=DATE:20260403\nDTEND;VALUE=DATE:20260406"),
            ["2026-04-03", "2026-04-04", "2026-04-05"]
        );
        assert_eq!(
            dates("DTSTART;VALUE=DATE:20260101\nDURATION:P2D"),
            ["2026-01-01", "2026-01-02"]
        );
        assert_eq!(
            dates("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20260101"),
            ["2026-01-01"]
        );
    }

    #[test]
    fn times_count_where_they_fill_a_date_of_the_calendar() {
        assert_eq!(
            dates("DTSTART:20260430T220000Z\nDTEND:20260501T220000Z"),
            ["2026-05-01"]
        );
        assert_eq!(
            dates("DTSTART;TZID=Europe/Berlin:20260501T000000\nDURATION:PT24H"),
            ["2026-05-01"]
        );
        let party = "BEGIN:VEVENT\nDTSTART:20261224T120000\nDTEND:20261224T140000\nEND:VEVENT\n";
        let holidays = read_events(party).unwrap();
        assert!(holidays.dates.is_empty());
        assert_eq!(
            holidays.notes[0].to_string(),
            "line 2: event left out: it does not fill whole dates"
        );
    }

    #[test]
    fn rules_and_their_exceptions() {
        assert_eq!(
            dates(
                "DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;COUNT=4\nEXDATE;VALUE=DATE:20261225"
            ),
            ["2024-12-25", "2025-12-25", "2027-12-25"]
        );
        assert_eq!(
            dates(
                "DTSTART;VALUE=DATE:20241128\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20261231"
            ),
            ["2024-11-28", "2025-11-27", "2026-11-26"]
        );
        assert_eq!(
            dates(
                "DTSTART:20251231T230000Z\nDTEND:20260101T230000Z\nRRULE:FREQ=YEARLY;UNTIL=20271231T230000Z"
            ),
            ["2026-01-01", "2027-01-01", "2028-01-01"]
        );
        assert_eq!(
            dates("DTSTART;VALUE=DATE:20010501\nRRULE:FREQ=YEARLY").len(),
            100
        );
    }

    #[test]
    fn cancelled_and_replaced_events() {
        assert!(dates("DTSTART;VALUE=DATE:20260101\nSTATUS:CANCELLED").is_empty());
        let moved = "BEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;VALUE=DATE:20260102\nDTSTART;VALUE=DATE:20260110\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;VALUE=DATE:20260103\nDTSTART;VALUE=DATE:20260103\nSTATUS:CANCELLED\nEND:VEVENT\n";
        let holidays = read_events(moved).unwrap();
        let texts: Vec<String> = holidays.dates.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["2026-01-01", "2026-01-10"]);
    }

    #[test]
    fn alarms_inside_events_do_not_count() {
        assert_eq!(
            dates("DTSTART;VALUE=DATE:20260101\nBEGIN:VALARM\nDURATION:PT5M\nEND:VALARM"),
            ["2026-01-01"]
        );
    }

    #[test]
    fn errors_name_the_line() {
        for (text, wanted) in [
            ("", "line 1: not an iCalendar file: it is empty"),
            (
                "a:b",
                "line 1: not an iCalendar file: it must start with BEGIN:VCALENDAR",
            ),
            (
                "BEGIN:VCALENDAR\n",
                "line 1: BEGIN:VCALENDAR without its END",
            ),
            (
                "BEGIN:VCALENDAR\nEND:VEVENT",
                "line 2: END:VEVENT without its BEGIN",
            ),
        ] {
            assert_eq!(read(text, Tz::UTC).unwrap_err().to_string(), wanted);
        }
        for (properties, wanted) in [
            ("UID:a", "line 2: event without DTSTART"),
            ("DTSTART;VALUE=DATE:20260230", "line 3: no such date"),
            (
                "DTSTART:2026",
                "line 3: no date or time of the form 20260131 or 20260131T080000Z",
            ),
            (
                "DTSTART:20260102\nDTEND:20260101",
                "line 2: event ends before it starts",
            ),
            (
                "DTSTART:20260101\nDURATION:1D",
                "line 4: no duration of the form P1D",
            ),
            (
                "DTSTART:20260101\nRRULE:FREQ=HOURLY",
                "line 4: a rule of whole dates must be DAILY, WEEKLY, MONTHLY or YEARLY",
            ),
        ] {
            let event = format!("BEGIN:VEVENT\n{properties}\nEND:VEVENT\n");
            assert_eq!(read_events(&event).unwrap_err().to_string(), wanted);
        }
        let endless = "BEGIN:VEVENT\nDTSTART:19000101\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
        assert_eq!(
            read_events(endless).unwrap_err().to_string(),
            "line 4: rule gives too many dates"
        );
        let wrong = "BEGIN:VEVENT\nDTSTART:20260101\nRRULE:FREQ=YEARLY;BYMONTH=13\nEND:VEVENT\n";
        assert_eq!(read_events(wrong).unwrap_err().line, 4);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(BEGIN:|END:|VEVENT|VCALENDAR|\n|DTSTART:|RRULE:|FREQ=|;|=|2026010[1-9]|[A-Z0-9]{1,4}|é){0,20}") {
            let _ = read(&text, Tz::UTC);
            let _ = read_events(&format!("BEGIN:VEVENT\n{text}\nEND:VEVENT\n"));
            let _ = read_events(&format!("BEGIN:VEVENT\nDTSTART:20260101\nRRULE:{text}\nEND:VEVENT\n"));
        }
    }
}
