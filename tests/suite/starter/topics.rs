//! The first records of a real topic as the sample.

use serde_json::json;

use super::{OTHERS, Starter};
use crate::end_to_end::now;
use crate::harness::{Kafka, Record, folder, run, run_well, text};

const SECRET: &str = "maria-schmidt";

fn created(ticket: u32) -> Record {
    let team = match ticket % 3 {
        0 => "billing",
        1 => "network",
        _ => "maria@example.com",
    };
    let priority = if ticket.is_multiple_of(2) {
        "low"
    } else {
        "urgent"
    };
    let event = json!({
        "ticket_id": ticket.to_string(), "type": "created", "at": now().0, "agent": SECRET,
        "team": team, "priority": priority, "subject": SECRET,
    });
    Record::keyed(ticket.to_string(), event.to_string())
}

#[test]
fn the_first_records_of_a_topic_are_the_sample() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("init", 3);
    kafka.produce(&topic, (0..300).map(created));
    let brokers = kafka.bootstrap();
    let starter = Starter::run(&["--brokers", &brokers, "--topic", &topic, "--deploy", "none"]);
    starter.check();
    let yaml = starter.read("ticket-exporter.yaml");
    for part in [
        format!("brokers: [\"{brokers}\"]"),
        "known: [billing, network]".to_owned(),
        "priorities: [urgent, low]".to_owned(),
        "from 300 sample records".to_owned(),
    ] {
        assert!(yaml.contains(&part), "no {part} in\n{yaml}");
    }
    let all = yaml + &starter.read("alertmanager.yml") + &starter.said;
    assert!(!all.contains(SECRET) && !all.contains("maria@"), "{all}");
    // The next steps that it prints.
    assert!(
        starter.said.contains("left out 1 teams"),
        "{}",
        starter.said
    );
    let state = folder("init-state");
    let directory = format!("checkpoint.directory={}", state.path().display());
    let config = starter.config();
    run_well(
        &[
            "check-config",
            "--config.file",
            &config,
            "--connect",
            "--set",
            &directory,
            "--set",
            "web.listen=127.0.0.1:0",
        ],
        b"",
    );
    run_well(&["suggest-targets", "--config.file", &config], b"");
}

#[test]
fn a_topic_without_records_is_named() {
    let kafka = Kafka::shared();
    let (empty, brokers) = (kafka.new_topic("init-empty", 2), kafka.bootstrap());
    for (topic, expected) in [
        (empty.as_str(), "no records yet"),
        ("init-nowhere", "does not exist"),
    ] {
        let there = folder("init");
        let output = there.path().join("new");
        let mut arguments = vec![
            "init",
            "--output",
            output.to_str().unwrap(),
            "--deploy",
            "none",
        ];
        arguments.extend(OTHERS);
        arguments.extend(["--brokers", &brokers, "--topic", topic]);
        let done = run(&arguments, b"");
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(topic) && said.contains(expected), "{said}");
        assert!(!output.exists(), "{said}");
    }
}
