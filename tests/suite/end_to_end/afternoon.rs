//! A simulated helpdesk in which it is a working afternoon now, whatever the day and hour of the test: at night
//! and on weekends goals would not be at risk, and panels would be empty.
//!
//! The simulation ends on a Wednesday afternoon. Its events move to the present, and the zone and the weekdays
//! of its calendar move with them.

use ticket_exporter::domain::timestamp::{HOUR, MINUTE, Timestamp};

use super::{helpdesk_config, now, simulate};
use crate::harness::{Kafka, Record};

const ZONE: &str = "Asia/Jakarta";
const ZONE_HOURS: i64 = 7;
/// Wednesday, between two and three o'clock: hours since Monday.
const AFTERNOON: i64 = 2 * 24 + 14;
const WEEK: i64 = 7 * 24;
/// 1970 began on a Thursday.
const FIRST_HOUR: i64 = 3 * 24;
/// The offset of the first zone.
const LEAST_OFFSET: i64 = -11;
/// One zone for each offset in whole hours, without daylight saving time.
const ZONES: [&str; 24] = [
    "Pacific/Pago_Pago",
    "Pacific/Honolulu",
    "Pacific/Gambier",
    "Pacific/Pitcairn",
    "America/Phoenix",
    "America/Guatemala",
    "America/Panama",
    "America/Puerto_Rico",
    "America/Sao_Paulo",
    "America/Noronha",
    "Atlantic/Cape_Verde",
    "Africa/Abidjan",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Africa/Nairobi",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Dhaka",
    "Asia/Jakarta",
    "Asia/Manila",
    "Asia/Tokyo",
    "Australia/Brisbane",
    "Pacific/Noumea",
    "Pacific/Tarawa",
];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The last events are some minutes old.
const PAUSE: i64 = 10 * MINUTE;
/// The distance from the simulation to the present.
#[derive(Debug)]
pub(crate) struct AfternoonHelpdesk {
    hours: i64,
    /// The arguments of the simulation, for failure messages.
    pub(crate) arguments: String,
}

impl AfternoonHelpdesk {
    /// Writes the events of the last `days` to a topic.
    #[track_caller]
    pub(crate) fn write(kafka: &Kafka, topic: &str, seed: u32, days: i64) -> Self {
        let now = now();
        let hours = hours_since_afternoon(now);
        let from = now.minus(days * 24 * HOUR + PAUSE + hours * HOUR).rfc3339();
        let arguments = format!("--seed {seed} --from {from} --for {days}d --output -");
        let events = simulate(&arguments);
        kafka.produce(topic, events.lines().map(|event| moved(event, hours)));
        Self { hours, arguments }
    }

    pub(crate) fn config(&self, kafka: &Kafka, topic: &str) -> String {
        moved_config(&helpdesk_config(kafka, topic), self.hours)
    }
}

fn hours_since_afternoon(now: Timestamp) -> i64 {
    (now.0.div_euclid(HOUR) + ZONE_HOURS + FIRST_HOUR - AFTERNOON).rem_euclid(WEEK)
}

fn moved(event: &str, hours: i64) -> Record {
    let mut event: serde_json::Value = serde_json::from_str(event).unwrap();
    for key in ["at", "created_at"] {
        let time = Timestamp::parse(event[key].as_str().unwrap()).unwrap();
        event[key] = time.plus(hours * HOUR).rfc3339().into();
    }
    let ticket = event["ticket_id"].as_str().unwrap().to_owned();
    Record::keyed(ticket, event.to_string())
}

fn moved_config(config: &str, hours: i64) -> String {
    let offset = ZONE_HOURS - hours;
    let zone = usize::try_from((offset - LEAST_OFFSET).rem_euclid(24)).unwrap();
    let days = usize::try_from(-(offset - LEAST_OFFSET).div_euclid(24)).unwrap();
    let mut moved = String::new();
    for line in config.replace(ZONE, ZONES[zone]).lines() {
        let (key, rest) = line.split_once(": [").unwrap_or((line, ""));
        let weekday = WEEKDAYS.iter().position(|name| *name == key.trim());
        match weekday {
            Some(weekday) => {
                let weekday = WEEKDAYS[(weekday + days) % WEEKDAYS.len()];
                moved += &format!("      {weekday}: [{rest}\n");
            }
            None => moved += &format!("{line}\n"),
        }
    }
    moved
}

#[test]
fn the_calendar_moves_with_the_events() {
    let config =
        "timezone: Asia/Jakarta\n      mon: [\"08:00-12:00\"]\n      fri: []\npriorities: [p1]\n";
    for (now, zone, monday, friday) in [
        // Wednesday, 14:30 in Jakarta.
        ("2026-03-04T07:30:00Z", "Asia/Jakarta", "mon", "fri"),
        // Three in the morning.
        ("2026-03-04T20:30:00Z", "America/Guatemala", "mon", "fri"),
        ("2026-03-05T07:30:00Z", "Asia/Jakarta", "tue", "sat"),
        // A week less an hour.
        ("2026-03-11T06:30:00Z", "Asia/Manila", "mon", "fri"),
    ] {
        let hours = hours_since_afternoon(Timestamp::parse(now).unwrap());
        assert_eq!(
            moved_config(config, hours),
            format!(
                "timezone: {zone}\n      {monday}: [\"08:00-12:00\"]\n      {friday}: []\npriorities: [p1]\n"
            ),
            "{now}"
        );
    }
}
