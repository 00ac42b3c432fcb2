//! Business calendars at any instant, and holidays from any iCalendar text.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};
use ticket_exporter::domain::calendar::{Calendar, CalendarError, CalendarSpec, OpenHours, ics};
use ticket_exporter::domain::timestamp::{DAY, HOUR, Milliseconds, Timestamp};

use super::fuzz;
use super::mutation::{mutated, random_bytes, random_text};
use crate::stories::dice::Dice;

const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//desk//EN\r\n\
BEGIN:VTIMEZONE\r\nTZID:Office\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n\
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1\r\n\
EXDATE;VALUE=DATE:20300101\r\nSUMMARY:New\r\n  Year\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:2\r\nDTSTART;TZID=Europe/Berlin:20260403T000000\r\nDURATION:P1D\r\n\
RDATE;TZID=Europe/Berlin:20270326T000000,20280414T000000\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;VALUE=DATE:20280101\r\nDTSTART;VALUE=DATE:20280103\r\n\
DTEND;VALUE=DATE:20280105\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:3\r\nDTSTART;VALUE=DATE:20260504\r\nSTATUS:CANCELLED\r\n\
RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO;UNTIL=20991231\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

const WORDS: [&str; 52] = [
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "BEGIN:VALARM\r\n",
    "END:VCALENDAR\r\n",
    "FREQ=DAILY",
    "FREQ=WEEKLY",
    "FREQ=MONTHLY",
    "FREQ=SECONDLY",
    "INTERVAL=1",
    "INTERVAL=0",
    "INTERVAL=65535",
    "COUNT=4294967295",
    "COUNT=1",
    "COUNT=100000",
    "BYDAY=MO,TU,WE,TH,FR,SA,SU",
    "BYDAY=53MO",
    "BYDAY=-5SU",
    "BYMONTH=2",
    "BYMONTHDAY=30",
    "BYMONTHDAY=-31",
    "BYYEARDAY=366",
    "BYWEEKNO=53",
    "BYSETPOS=-1",
    "BYSETPOS=366",
    "WKST=SU",
    "BYEASTER=0",
    "UNTIL=99981231",
    "UNTIL=00010101",
    "UNTIL=20260101T000000",
    "BYHOUR=1",
    "00010101",
    "00000101",
    "99981231",
    "99991231",
    "20260229",
    "20261231T235960Z",
    "20260329T023000",
    "P1W",
    "P366D",
    "P367D",
    "PT24H",
    "P-1D",
    "P9223372036854775807W",
    "P",
    "TZID=Australia/Lord_Howe",
    "TZID=America/Sao_Paulo",
    "VALUE=DATE",
    "VALUE=PERIOD",
    "\r\n ",
    "\r\n",
    ";",
    ":",
];

#[test]
fn any_holidays() {
    fuzz("ics", 400, |dice| {
        let zone = *dice.pick(&TZ_VARIANTS);
        let mut other = random_bytes(60, dice);
        other.extend_from_slice(dice.pick(&WORDS).as_bytes());
        let text = match dice.below(5) {
            0 => random_text(200, dice),
            1 => recurring(dice),
            _ => {
                let bytes = mutated(HOLIDAYS.as_bytes(), &other, &WORDS, dice);
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        match ics::read(&text, zone) {
            Ok(holidays) => assert!(holidays.dates.len() <= 101_000, "{text}"),
            Err(error) => assert!(
                error.line >= 1 && error.line <= text.lines().count().max(1) + 1,
                "line {}: {}\n{text}",
                error.line,
                error.message
            ),
        }
    });
}

/// An event with a rule of arbitrary parts.
fn recurring(dice: &mut Dice) -> String {
    let mut rule = format!(
        "FREQ={}",
        dice.pick(&["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    );
    let numbers = [
        "0", "1", "2", "-1", "5", "12", "28", "30", "31", "53", "100", "366", "-366",
    ];
    let parts = [
        "INTERVAL",
        "COUNT",
        "BYMONTH",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYSETPOS",
        "BYDAY",
    ];
    for _ in 0..dice.below(4) {
        let part = *dice.pick(&parts);
        let value = if part == "BYDAY" {
            format!(
                "{}{}",
                dice.pick(&["", "1", "-1", "53"]),
                dice.pick(&["MO", "SU"])
            )
        } else {
            (*dice.pick(&numbers)).to_owned()
        };
        rule.push_str(&format!(";{part}={value}"));
    }
    let year = dice.pick(&["0001", "1600", "1970", "2026", "2099", "2100", "9998"]);
    format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{year}0228\r\nRRULE:{rule}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn any_spec(dice: &mut Dice) -> CalendarSpec {
    let hours = |dice: &mut Dice| -> Vec<OpenHours> {
        (0..dice.below(4))
            .filter_map(|_| {
                let mut time = || format!("{:02}:{:02}", dice.below(25), dice.below(4) * 15);
                OpenHours::parse(&format!("{}-{}", time(), time()))
            })
            .collect()
    };
    let date = |dice: &mut Dice| -> NaiveDate {
        match dice.below(4) {
            0 => *dice.pick(&[
                NaiveDate::from_ymd_opt(1, 1, 1).unwrap(),
                NaiveDate::from_ymd_opt(9999, 12, 31).unwrap(),
                NaiveDate::from_ymd_opt(2011, 12, 30).unwrap(),
                NaiveDate::MIN,
                NaiveDate::MAX,
            ]),
            1 => {
                NaiveDate::from_ymd_opt(1, 1, 1).unwrap()
                    + Days::new(u64::try_from(dice.below(3_652_000)).unwrap())
            }
            _ => {
                NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
                    + Days::new(u64::try_from(dice.below(700)).unwrap())
            }
        }
    };
    let mut weekly: [Vec<OpenHours>; 7] = Default::default();
    for day in &mut weekly {
        if dice.chance(60) {
            *day = hours(dice);
        }
    }
    let holidays: BTreeSet<NaiveDate> = (0..dice.below(20)).map(|_| date(dice)).collect();
    let special: BTreeMap<NaiveDate, Vec<OpenHours>> = (0..dice.below(10))
        .map(|_| (date(dice), hours(dice)))
        .collect();
    CalendarSpec {
        timezone: *dice.pick::<Tz>(&TZ_VARIANTS),
        weekly,
        holidays,
        special,
    }
}

/// An instant that an event may have, more often one at an edge; a few lie outside.
fn any_instant(dice: &mut Dice) -> Timestamp {
    let range = Timestamp::LATEST.since(Timestamp::EARLIEST);
    match dice.below(8) {
        0 => *dice.pick(&[
            Timestamp::EARLIEST,
            Timestamp::LATEST,
            Timestamp::NEVER,
            Timestamp(i64::MIN),
            Timestamp(0),
            Timestamp(-1),
            Timestamp(4_102_444_800_000),
            Timestamp(4_102_444_799_999),
        ]),
        1 => Timestamp::EARLIEST.plus(dice.below(range)),
        2 => Timestamp::LATEST.minus(dice.below(400 * DAY)),
        3 => Timestamp::EARLIEST.plus(dice.below(400 * DAY)),
        _ => Timestamp(dice.below(130 * 365 * DAY)),
    }
}

fn any_length(dice: &mut Dice) -> Milliseconds {
    match dice.below(6) {
        0 => *dice.pick(&[0, 1, i64::MAX, i64::MIN, -1]),
        1 => dice.below(8_000 * 365 * DAY),
        2 => dice.below(24) * HOUR,
        _ => dice.below(100 * DAY),
    }
}

#[test]
fn any_calendar() {
    fuzz("calendars", 60, |dice| {
        let spec = any_spec(dice);
        let calendar = match Calendar::compile(&spec) {
            Ok(calendar) => calendar,
            Err(CalendarError::NeverOpen) => return,
        };
        for _ in 0..60 {
            let mut at = [any_instant(dice), any_instant(dice), any_instant(dice)];
            at.sort_unstable();
            let [one, two, three] = at;
            let whole = calendar.between(one, three);
            assert_eq!(
                calendar.between(one, two) + calendar.between(two, three),
                whole,
                "{at:?} of {spec:?}"
            );
            assert!(
                whole >= 0 && whole <= three.since(one),
                "{at:?} of {spec:?}"
            );
            assert_eq!(calendar.between(three, one), 0);
            let running = any_length(dice);
            let latest = calendar.latest(one, running);
            if latest == Timestamp::NEVER {
                assert!(
                    calendar.between(one, Timestamp::LATEST) <= running.max(0),
                    "{one:?} and {running} of {spec:?}"
                );
                continue;
            }
            // Instants outside those of events count as the nearest one.
            assert!(
                latest >= one.max(Timestamp::EARLIEST),
                "{one:?} and {running} of {spec:?}"
            );
            assert_eq!(
                calendar.between(one, latest),
                running.max(0),
                "{one:?} and {running} of {spec:?}"
            );
            assert!(
                calendar.between(one, latest.plus(1)) > running.max(0),
                "{one:?} and {running} of {spec:?}"
            );
        }
    });
}
