//! Compares the compiled calendar with the definition, minute by minute, and checks properties of all
//! calendars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::timestamp::{HOUR, MINUTE};

/// Zones with different kinds of daylight saving time.
const ZONES: [Tz; 5] = [
    Tz::America__New_York,
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::Africa__Casablanca,
    Tz::Pacific__Kiritimati,
];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn hours(texts: &[&str]) -> Vec<OpenHours> {
    texts
        .iter()
        .map(|text| OpenHours::parse(text).unwrap())
        .collect()
}

/// Monday to Friday `week`, Saturday `saturday`, with exceptions in years near and far.
fn spec(timezone: Tz, week: &[&str], saturday: &[&str]) -> CalendarSpec {
    let dates = |texts: &[&str]| -> BTreeSet<NaiveDate> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    CalendarSpec {
        timezone,
        weekly: std::array::from_fn(|weekday| match weekday {
            0..=4 => hours(week),
            5 => hours(saturday),
            _ => Vec::new(),
        }),
        holidays: dates(&[
            "0001-01-03",
            "1804-12-31",
            "2025-03-10",
            "2026-01-01",
            "2101-05-02",
            "9000-01-01",
        ]),
        special: BTreeMap::from([
            ("2026-01-01".parse().unwrap(), hours(&["10:00-11:00"])),
            ("2026-12-24".parse().unwrap(), hours(&["08:00-12:00"])),
            ("5000-01-01".parse().unwrap(), hours(&["00:00-24:00"])),
        ]),
    }
}

static CALENDARS: LazyLock<Vec<Calendar>> = LazyLock::new(|| {
    let mut calendars = Vec::new();
    for zone in ZONES {
        calendars.push(spec(
            zone,
            &["08:00-12:00", "13:00-17:00"],
            &["09:00-12:30"],
        ));
        calendars.push(spec(
            zone,
            &["20:00-02:30", "01:30-03:00"],
            &["00:00-24:00"],
        ));
    }
    let mut rare = spec(Tz::UTC, &[], &[]);
    rare.weekly = Default::default();
    calendars.push(rare);
    calendars
        .iter()
        .map(|spec| Calendar::compile(spec).unwrap())
        .collect()
});

/// The definition for one instant: whether an opening of a near date contains it. The offsets of the day
/// before tell whether a local time is in a gap.
fn is_open(spec: &CalendarSpec, instant: Timestamp) -> bool {
    let near = DateTime::from_timestamp_millis(instant.0)
        .unwrap()
        .with_timezone(&spec.timezone)
        .date_naive();
    (near - Days::new(3)).iter_days().take(6).any(|date| {
        spec.hours(date).iter().any(|hours| {
            let resolve = |minute: u16| {
                let local = date.and_hms_opt(0, 0, 0).unwrap()
                    + chrono::TimeDelta::minutes(i64::from(minute));
                let day_before = (local - chrono::TimeDelta::hours(24)).and_utc();
                let resolved = spec.timezone.from_local_datetime(&local).earliest();
                resolved.map_or_else(
                    || {
                        let offset = spec
                            .timezone
                            .offset_from_utc_datetime(&day_before.naive_utc());
                        local.and_utc().timestamp() - i64::from(offset.fix().local_minus_utc())
                    },
                    |resolved| resolved.timestamp(),
                ) * 1000
            };
            (resolve(hours.start())..resolve(hours.end())).contains(&instant.0)
        })
    })
}

fn walk(spec: &CalendarSpec, start: Timestamp, minutes: i64) -> Milliseconds {
    (0..minutes)
        .filter(|minute| is_open(spec, start.plus(minute * MINUTE)))
        .map(|_| MINUTE)
        .sum()
}

#[test]
fn an_office_week() {
    let office = Calendar::compile(&spec(
        Tz::Asia__Jakarta,
        &["08:00-12:00", "13:00-17:00"],
        &[],
    ))
    .unwrap();
    let friday = at("2026-01-09T16:30:00+07:00");
    let monday = at("2026-01-12T08:00:00+07:00");
    assert_eq!(office.between(friday, monday.plus(HOUR)), 90 * MINUTE);
    assert_eq!(office.between(monday, friday), 0);
    // The end of a working day and the start of the next have the same running time.
    assert_eq!(office.latest(friday, 30 * MINUTE), monday);
    assert_eq!(
        office.latest(friday, 30 * MINUTE - 1),
        friday.plus(30 * MINUTE - 1)
    );
    assert_eq!(office.latest(friday.plus(HOUR), 0), monday);
    assert_eq!(
        office.latest(friday, 5 * HOUR),
        at("2026-01-12T13:30:00+07:00")
    );
    assert_eq!(
        office.between(
            at("2026-01-01T00:00:00+07:00"),
            at("2026-01-02T00:00:00+07:00")
        ),
        HOUR,
        "special hours win over the holiday"
    );
}

#[test]
fn a_calendar_must_open() {
    let mut closed = spec(Tz::UTC, &[], &[]);
    closed.special.clear();
    assert_eq!(
        Calendar::compile(&closed).unwrap_err(),
        CalendarError::NeverOpen
    );
}

#[test]
fn rare_openings_end() {
    let rare = &CALENDARS[10];
    assert_eq!(
        rare.between(Timestamp::EARLIEST, Timestamp::NEVER),
        29 * HOUR
    );
    assert_eq!(
        rare.latest(Timestamp::EARLIEST, 0),
        at("2026-01-01T10:00:00Z")
    );
    assert_eq!(
        rare.latest(Timestamp::EARLIEST, HOUR),
        at("2026-12-24T08:00:00Z")
    );
    assert_eq!(
        rare.latest(Timestamp::EARLIEST, 5 * HOUR),
        at("5000-01-01T00:00:00Z")
    );
    assert_eq!(
        rare.latest(at("2026-12-24T12:00:00Z"), 24 * HOUR),
        Timestamp::NEVER
    );
    assert_eq!(rare.latest(Timestamp::LATEST, 0), Timestamp::NEVER);
    assert_eq!(rare.latest(Timestamp::EARLIEST, i64::MAX), Timestamp::NEVER);
}

#[test]
fn extremes_do_not_overflow() {
    for calendar in CALENDARS.iter() {
        let all = calendar.between(Timestamp(i64::MIN), Timestamp::NEVER);
        assert_eq!(
            all,
            calendar.between(Timestamp::EARLIEST, Timestamp::LATEST)
        );
        calendar.latest(Timestamp(i64::MIN), i64::MIN);
        calendar.latest(Timestamp::NEVER, i64::MAX);
    }
}

#[test]
fn outside_the_changing_years_every_zone_stands_still() {
    for zone in chrono_tz::TZ_VARIANTS {
        let offset = |year, month| {
            let date = NaiveDate::from_ymd_opt(year, month, 3).unwrap();
            zone.offset_from_utc_date(&date).fix()
        };
        for year in (1..ZONES_CHANGE.start).step_by(50) {
            assert_eq!(offset(year, 1), offset(ZONES_CHANGE.start, 1), "{zone}");
        }
        for year in [ZONES_CHANGE.end, 2111, 2400, 5000, 9999] {
            assert_eq!(offset(year, 1), offset(ZONES_CHANGE.end - 1, 12), "{zone}");
            assert_eq!(offset(year, 7), offset(ZONES_CHANGE.end - 1, 12), "{zone}");
        }
    }
}

#[test]
fn the_days_precomputed_are_those_of_the_years() {
    assert_eq!(year_start(PRECOMPUTED.start), Timestamp(0));
    let end = year_start(PRECOMPUTED.end);
    assert_eq!(precomputed_day(end), None);
    assert_eq!(
        precomputed_day(end.minus(1)),
        Some(CALENDARS[0].days.len() - 1)
    );
}

/// Arbitrary instants, most of them near current daylight-saving changes.
fn instants() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        6 => 1_735_000_000_000_i64..1_800_000_000_000,
        2 => -100 * DAY..100 * DAY,
        1 => Timestamp::EARLIEST.0..=Timestamp::LATEST.0,
        1 => 4_102_444_800_000_i64 - 40 * DAY..4_102_444_800_000 + 40 * DAY,
        1 => -5_300_000_000_000_i64..0,
    ]
    .prop_map(Timestamp)
}

proptest! {
    #[test]
    fn between_adds_up(
        which in 0..CALENDARS.len(),
        mut three in [instants(), instants(), instants()],
    ) {
        three.sort();
        let [a, b, c] = three;
        let calendar = &CALENDARS[which];
        let whole = calendar.between(a, c);
        prop_assert_eq!(whole, calendar.between(a, b) + calendar.between(b, c));
        prop_assert!((0..=c.since(a)).contains(&whole));
        prop_assert!(calendar.between(a, b) <= whole);
    }

    #[test]
    fn between_agrees_with_the_dates(
        which in 0..CALENDARS.len(),
        start in instants(),
        minutes in 0_i64..3 * 1440,
    ) {
        let start = Timestamp(start.0 / MINUTE * MINUTE).max(Timestamp::EARLIEST);
        let end = start.plus(minutes * MINUTE);
        // Zones on local mean time are off the minute.
        prop_assume!(start.0 > 0 && end <= Timestamp::LATEST);
        let calendar = &CALENDARS[which];
        prop_assert_eq!(calendar.between(start, end), walk(&calendar.spec, start, minutes));
    }

    #[test]
    fn between_by_year_is_the_walk_of_the_dates(
        which in 0..CALENDARS.len(),
        start in instants(),
        length in 0_i64..1000 * DAY,
    ) {
        let end = start.plus(length).min(Timestamp::LATEST);
        let calendar = &CALENDARS[which];
        let walked = open_time(&calendar.spec.spans(start, end));
        prop_assert_eq!(calendar.between(start, end), walked);
    }

    #[test]
    fn latest_is_the_last_instant_of_its_running_time(
        which in 0..CALENDARS.len(),
        start in instants(),
        running in prop_oneof![
            Just(0),
            (0_i64..1000).prop_map(|half_hours| half_hours * 30 * MINUTE),
            0_i64..200 * DAY,
            0_i64..4_000 * 365 * DAY,
        ],
    ) {
        let calendar = &CALENDARS[which];
        let latest = calendar.latest(start, running);
        if latest == Timestamp::NEVER {
            prop_assert!(calendar.between(start, Timestamp::LATEST) <= running);
        } else {
            prop_assert!(latest >= start);
            prop_assert_eq!(calendar.between(start, latest), running);
            if latest < Timestamp::LATEST {
                prop_assert_eq!(calendar.between(start, latest.plus(1)), running + 1);
            }
        }
    }
}
