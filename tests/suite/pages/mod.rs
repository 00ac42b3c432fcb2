//! The pages and the JSON API, from end to end: events in a real Kafka, the exporter's binary, a real
//! browser, and `replay` to compare with.

mod behavior;
mod look;
mod numbers;

use std::time::Duration;

use serde_json::{Value, json};
use ticket_exporter::domain::timestamp::{HOUR, MINUTE, Milliseconds, Timestamp};

use crate::end_to_end::{PATIENCE, kafka_section, now};
use crate::harness::{Chromium, Exporter, Kafka, Record};

/// Pages refresh every five seconds; the rest is for a busy machine.
const REFRESHED: Duration = Duration::from_secs(30);

/// A name that would run a script if a page did not escape it.
const NASTY: &str = "<img src=x onerror=\"document.title='hit'\">&'";

/// An exporter that shows tickets, and a topic with the events of some teams.
struct Site {
    kafka: &'static Kafka,
    topic: String,
    config: String,
    exporter: Exporter,
    /// The instant that the ages of the events refer to.
    now: Timestamp,
}

impl Site {
    #[track_caller]
    fn start() -> Self {
        let kafka = Kafka::shared();
        let topic = kafka.new_topic("pages", 2);
        let config = format!(
            "{}stream: {{ grace: 1s }}\nwindows: [1h, 24h, 7d]\n\
             calendars:\n  office:\n    timezone: UTC\n    weekly: {{ mon: [\"00:00-12:00\"], \
             tue: [\"00:00-12:00\"], wed: [\"00:00-12:00\"], thu: [\"00:00-12:00\"], \
             fri: [\"00:00-12:00\"], sat: [\"00:00-12:00\"], sun: [\"00:00-12:00\"] }}\n\
             teams: {{ default_calendar: office, known: [billing, network, quiet] }}\n\
             priorities: [p1, p2]\nsla:\n  policies:\n    - name: urgent\n      \
             match: {{ priority: [p1] }}\n      clock: calendar\n      \
             targets: {{ first_response: 2h, resolution: 3h }}\n    - name: usual\n      \
             clock: calendar\n      targets: {{ resolution: 1d }}\nweb: {{ tickets: true }}\n",
            kafka_section(kafka, &topic, "")
        );
        let mut site = Self {
            kafka,
            topic,
            exporter: Exporter::start(&[], &config),
            config,
            now: now(),
        };
        site.produce_events();
        site.exporter.wait_ready(PATIENCE);
        site
    }

    /// Two dozen tickets of three teams: some solved, some answered, some near their deadline,
    /// some beyond it, some rated and some that came back.
    fn produce_events(&self) {
        let mut records = Vec::new();
        // The oldest ticket comes first, so that the events are in order of time.
        for number in (0..24_u8).rev() {
            let team = ["billing", "network", NASTY][usize::from(number % 3)];
            let priority = ["p1", "p2"][usize::from(number % 2)];
            let id = format!("T-{number}");
            // From nearly five hours ago to a quarter of an hour ago.
            let age = (Milliseconds::from(number) * 12 + 15) * MINUTE;
            let mut at = |minutes: Milliseconds, mut event: Value| {
                event["ticket_id"] = json!(id);
                event["at"] = json!(self.now.minus(age).plus(minutes * MINUTE).rfc3339());
                records.push(Record::keyed(id.clone(), event.to_string()));
            };
            at(
                0,
                json!({ "type": "created", "team": team, "priority": priority }),
            );
            if number % 4 != 0 {
                at(3, json!({ "type": "message", "actor": "agent" }));
            }
            if number % 4 == 2 {
                at(
                    5,
                    json!({ "type": "worklog", "handle_seconds": 60 * u32::from(number) }),
                );
                at(9, json!({ "type": "solved" }));
                at(10, json!({ "type": "csat_rated", "score": 1 + number % 5 }));
            }
            if number % 8 == 2 {
                at(11, json!({ "type": "reopened" }));
            }
            if number % 8 == 6 {
                at(12, json!({ "type": "closed" }));
            }
        }
        self.kafka.produce(&self.topic, records);
    }

    /// A new ticket of a team.
    fn create(&self, id: &str, team: &str) {
        let event = json!({
            "ticket_id": id, "type": "created", "at": now().minus(MINUTE).rfc3339(),
            "team": team, "priority": "p1",
        });
        let record = Record::keyed(id, event.to_string());
        self.kafka.produce(&self.topic, [record]);
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let answer = self.exporter.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json()
    }

    fn open(&self, browser: &mut Chromium, path: &str) {
        browser.open(&self.exporter.url(path));
    }
}

/// One team of `/api/v1/kpis`.
#[track_caller]
fn team<'a>(kpis: &'a Value, name: &str) -> &'a Value {
    let teams = kpis["teams"].as_array().unwrap();
    let found = teams.iter().find(|team| team["team"] == json!(name));
    found.unwrap_or_else(|| panic!("no {name} in {kpis}"))
}

/// JavaScript that gives the text of a team's cell.
fn cell(team: &str, column: &str) -> String {
    format!(
        "[...document.querySelectorAll('tbody tr')].find(row => row.dataset.key === {})\
         .querySelector({}).innerText",
        json!(team),
        json!(format!("td[data-label=\"{column}\"]"))
    )
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "shown to a reader; years fit"
)]
fn brief(seconds: &Value) -> String {
    let milliseconds = seconds.as_f64().unwrap() * 1_000.0;
    ticket_exporter::domain::duration::brief(milliseconds as Milliseconds)
}

/// The deadline of a p1 ticket without a reply, relative to `now`.
fn urgent_deadline(number: Milliseconds) -> Milliseconds {
    2 * HOUR - (number * 12 + 15) * MINUTE
}
