//! The events of an iCalendar file and the dates that they fill.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::error::IcsError;
use super::lines::ContentLine;
use super::times::{IcsTime, IcsTimes};

/// A longer holiday is a mistake in the file.
const LONGEST_EVENT_DAYS: i64 = 366;

/// The content lines of one VEVENT, without those of nested components.
pub(super) struct IcsEvent {
    line: usize,
    lines: Vec<ContentLine>,
}

/// One occurrence of an event.
pub(super) struct Occurrence {
    pub(super) first: NaiveDate,
    days: i64,
}

impl Occurrence {
    pub(super) fn dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.first
            .iter_days()
            .take(usize::try_from(self.days).unwrap_or(0))
    }
}

impl IcsEvent {
    pub(super) fn property(&self, name: &str) -> Option<&ContentLine> {
        self.lines.iter().find(|line| line.name == name)
    }

    fn properties<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ContentLine> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    pub(super) fn uid(&self) -> &str {
        self.property("UID").map_or("", |line| line.value.as_str())
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.property("STATUS")
            .is_some_and(|status| status.value.eq_ignore_ascii_case("CANCELLED"))
    }

    pub(super) fn error(&self, message: impl Into<String>) -> IcsError {
        IcsError {
            line: self.line,
            message: message.into(),
        }
    }

    /// The occurrences of the event. An event that does not fill whole dates is skipped.
    pub(super) fn occurrences(
        &self,
        times: IcsTimes,
        skipped: &mut Vec<IcsError>,
    ) -> Result<Vec<Occurrence>, IcsError> {
        let start_line = self
            .property("DTSTART")
            .ok_or_else(|| self.error("event without DTSTART"))?;
        let start = times.time(start_line, &start_line.value)?;
        let Some(days) = self.whole_days(times, start)? else {
            skipped.push(self.error("event left out: it does not fill whole dates"));
            return Ok(Vec::new());
        };
        let mut firsts = BTreeSet::from([start.date()]);
        for rule in self.properties("RRULE") {
            firsts.extend(times.recurrences(rule, start.date())?);
        }
        for line in self.properties("RDATE") {
            for value in line.value.split(',') {
                let value = value.split('/').next().unwrap_or(value);
                firsts.insert(times.time(line, value)?.date());
            }
        }
        for line in self.properties("EXDATE") {
            for value in line.value.split(',') {
                firsts.remove(&times.time(line, value)?.date());
            }
        }
        let occurrences = firsts.into_iter().map(|first| Occurrence { first, days });
        Ok(occurrences.collect())
    }

    /// The number of dates that the event fills. `None`: it fills only a part of a date.
    fn whole_days(&self, times: IcsTimes, start: IcsTime) -> Result<Option<i64>, IcsError> {
        let end = match (self.property("DTEND"), self.property("DURATION")) {
            (Some(line), _) => times.time(line, &line.value)?,
            (None, Some(line)) => start.plus(line)?,
            (None, None) => match start {
                IcsTime::Date(date) => IcsTime::Date(date + Days::new(1)),
                IcsTime::Time(_) => return Ok(None),
            },
        };
        if !start.is_midnight() || !end.is_midnight() {
            return Ok(None);
        }
        let days = (end.date() - start.date()).num_days();
        match days {
            // Some programs write the last date instead of the date after it.
            0 if matches!(start, IcsTime::Date(_)) => Ok(Some(1)),
            0 => Ok(None),
            1..=LONGEST_EVENT_DAYS => Ok(Some(days)),
            ..0 => Err(self.error("event ends before it starts")),
            _ => Err(self.error("event longer than a year")),
        }
    }
}

pub(super) fn events(lines: &[ContentLine]) -> Result<Vec<IcsEvent>, IcsError> {
    let mut events = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut current = None;
    for line in lines {
        let component = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                if component == "VEVENT" && current.is_none() {
                    current = Some(IcsEvent {
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
