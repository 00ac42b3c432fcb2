//! Records with schemas, with a real Kafka and a real schema registry: the series equal those of the same
//! events in JSON, whatever happens to the registry.

mod encoded;
mod formats;
mod registry;

use std::collections::HashMap;

use serde_json::Value;

use crate::crash::{close, wait_for_truth_of};
use crate::end_to_end::{lines, simulate};
use crate::harness::{Exporter, Kafka, Record, SchemaRegistry};
use encoded::Format;
use ticket_exporter::domain::timestamp::Timestamp;

/// The helpdesk that produces the events.
const HELPDESK: &str = "--seed 12 --from 2026-03-02T00:00:00Z --for 2d --output -";

/// A time after all of its events.
fn after_the_helpdesk() -> Timestamp {
    Timestamp::parse("2026-03-20T00:00:00Z").unwrap()
}

/// Events of the simulated helpdesk in JSON.
fn helpdesk() -> Vec<Value> {
    let lines = simulate(HELPDESK);
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.len() > 1_000, "only {} events", events.len());
    events
}

/// The content of a topic, and the same in JSON.
#[derive(Default)]
struct Written(HashMap<Vec<u8>, String>);

impl Written {
    /// Writes events, each in the format that is chosen for its number.
    fn write<'f>(
        &mut self,
        kafka: &Kafka,
        topic: &str,
        events: &[Value],
        format: impl Fn(usize) -> &'f Format,
    ) {
        let records = events.iter().enumerate().map(|(number, event)| {
            let value = format(number).value(event);
            self.0.insert(value.clone(), event.to_string());
            Record::keyed(event["ticket_id"].as_str().unwrap(), value)
        });
        let records: Vec<Record> = records.collect();
        kafka.produce(topic, records);
    }

    /// The topic's records as lines of JSON, without those that are no events.
    fn lines(&self, kafka: &Kafka, topic: &str) -> Vec<u8> {
        let mut records = kafka.consume(topic);
        records.retain_mut(|record| {
            let value = record.value.take().unwrap();
            let json = match value.first() {
                Some(0) => self.0.get(&value).map(|text| text.clone().into_bytes()),
                _ => Some(value),
            };
            record.value = json;
            record.value.is_some()
        });
        lines(&records)
    }

    /// Ends the topic with events in JSON, and waits until every series is as if all events were JSON.
    #[track_caller]
    fn wait_for_truth(&self, exporter: &Exporter, config: &str, kafka: &Kafka, topic: &str) {
        close(kafka, topic, after_the_helpdesk());
        let (ends, lines) = (kafka.ends(topic), self.lines(kafka, topic));
        wait_for_truth_of(exporter, config, &ends, &lines);
    }
}

/// The section of a configuration.
fn registry_section(url: &str) -> String {
    format!("schema_registry: {{ url: \"{url}\", timeout: 1s }}\n")
}

fn registry_section_of(registry: &SchemaRegistry) -> String {
    registry_section(&registry.url())
}
