//! The holidays of an iCalendar file (RFC 5545): the dates that its events fill.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::error::IcsError;
use super::events::events;
use super::lines::content_lines;
use super::times::IcsTimes;

/// The most dates of one file, which is more than two centuries.
const MOST_DATES: usize = 100_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    pub dates: BTreeSet<NaiveDate>,
    /// Events that fill only a part of a date.
    pub skipped: Vec<IcsError>,
}

/// Reads the holidays of a file as dates in `timezone`, up to the year 2100.
pub fn read(text: &str, timezone: Tz) -> Result<Holidays, IcsError> {
    let events = events(&content_lines(text)?)?;
    let times = IcsTimes { timezone };
    let mut holidays = Holidays::default();
    // An event with a RECURRENCE-ID replaces one occurrence of the event with the same UID.
    let mut replaced = BTreeSet::new();
    for event in &events {
        if let Some(recurrence) = event.property("RECURRENCE-ID") {
            replaced.insert((
                event.uid(),
                times.time(recurrence, &recurrence.value)?.date(),
            ));
        }
    }
    for event in &events {
        if event.is_cancelled() {
            continue;
        }
        let is_replacement = event.property("RECURRENCE-ID").is_some();
        for occurrence in event.occurrences(times, &mut holidays.skipped)? {
            if is_replacement || !replaced.contains(&(event.uid(), occurrence.first)) {
                holidays.dates.extend(occurrence.dates());
            }
        }
        if holidays.dates.len() > MOST_DATES {
            return Err(event.error("more than 100,000 holidays"));
        }
    }
    Ok(holidays)
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
            holidays.skipped[0].to_string(),
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
