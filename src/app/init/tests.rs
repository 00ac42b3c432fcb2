//! The texts of the files, from answers and samples.

use super::*;
use crate::app::inference;
use crate::decode::{Decoder, Record};

fn answers(hours: &str, deployment: Deployment) -> StarterAnswers {
    StarterAnswers {
        brokers: vec!["a:9092".to_owned(), "b:9092".to_owned()],
        topic: "tickets".to_owned(),
        zone: "Europe/Berlin".to_owned(),
        hours: OpeningHours::parse(hours).unwrap(),
        deployment,
    }
}

fn canonical(lines: &[&str]) -> (String, SampleFindings) {
    let records: Vec<Record<'_>> = lines
        .iter()
        .map(|line| Record::of(line.as_bytes()))
        .collect();
    let proposal = inference::propose(&records).unwrap();
    assert_eq!(proposal.preset, Some(config::CANONICAL));
    let decoder = Decoder::new(&load(&proposal.yaml).unwrap().config.mapping);
    (proposal.yaml, find(&records, &decoder))
}

const EVENTS: [&str; 5] = [
    r#"{"ticket_id":"1","type":"created","at":1767225600000,"team":"network","priority":"low","attributes":{"tier":"gold","phone":"+49 30 1"}}"#,
    r#"{"ticket_id":"2","type":"created","at":1767225600001,"team":"Billing & Co","priority":"urgent","attributes":{"tier":"standard","team":"x","mail":"a@example.com"}}"#,
    r#"{"ticket_id":"3","type":"created","at":1767225600002,"team":"maria@example.com","priority":"high","subject":"secret"}"#,
    r#"{"ticket_id":"3","type":"message","at":1767225600003,"actor":"agent","author":"maria"}"#,
    r#"{"ticket_id":"4","type":"created","at":1767225600004,"team":"maria"}"#,
];

#[test]
fn names_of_the_sample_are_found_and_those_of_people_are_not() {
    let (_, findings) = canonical(&EVENTS);
    assert_eq!(findings.teams, ["Billing & Co", "network"]);
    assert_eq!(findings.teams_left_out, 2);
    assert_eq!(findings.priorities, ["urgent", "high", "low"]);
    let names: Vec<&String> = findings.attributes.keys().collect();
    assert_eq!(
        names,
        ["tier"],
        "the others are reserved or could be a person's"
    );
    assert_eq!((findings.records, findings.events), (5, 5));
}

#[test]
fn the_configuration_is_valid_without_warnings_and_has_the_answers() {
    let (mapping, findings) = canonical(&EVENTS);
    let yaml = configuration(
        &answers("mon-fri 09:00-17:00", Deployment::None),
        &mapping,
        &findings,
        NO_TARGETS,
    );
    let loaded = load(&yaml).unwrap_or_else(|errors| panic!("{errors}\nin\n{yaml}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let config = loaded.config;
    assert_eq!(config.kafka.brokers, ["a:9092", "b:9092"]);
    assert_eq!(config.kafka.topics, ["tickets"]);
    assert_eq!(config.rules.known_teams, ["Billing & Co", "network"]);
    assert_eq!(config.rules.priorities, ["urgent", "high", "low"]);
    assert_eq!(config.rules.attributes.len(), 1);
    assert!(config.rules.default_calendar.is_some() && config.rules.policies.is_empty());
    for content in ["secret", "maria", "example.com"] {
        assert!(!yaml.contains(content), "{yaml}");
    }
}

#[test]
fn a_sample_that_shows_little_gives_a_valid_configuration_too() {
    let (mapping, findings) =
        canonical(&[r#"{"ticket_id":"1","type":"created","at":1767225600000}"#]);
    let answers = answers("24x7", Deployment::None);
    let yaml = configuration(&answers, &mapping, &findings, NO_TARGETS);
    let loaded = load(&yaml).unwrap_or_else(|errors| panic!("{errors}\nin\n{yaml}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.config.rules.default_calendar, None);
    let files = files(yaml, &loaded.config, answers.deployment);
    let (_, routes) = files.iter().find(|(path, _)| path == ROUTES_FILE).unwrap();
    assert!(routes.contains("routes: &teams\n        []\n"));
}

#[test]
fn a_deployment_adds_its_files() {
    let names = |deployment| -> Vec<String> {
        let files = files(String::new(), &Config::default(), deployment).into_iter();
        let mut names: Vec<String> = files.map(|(path, _)| path).collect();
        names.sort();
        names
    };
    let always = [
        "alertmanager.yml",
        "rules/alerts.yml",
        "rules/recording.yml",
        "ticket-exporter.yaml",
    ];
    assert_eq!(names(Deployment::None), always);
    let with = |more: &'static str| {
        let mut all = always.to_vec();
        all.push(more);
        all.sort_unstable();
        all
    };
    assert_eq!(names(Deployment::Helm), with("values.yaml"));
    let stack = names(Deployment::Compose);
    for path in [
        "alertmanager.yml",
        "compose.yaml",
        "prometheus.yml",
        "grafana/dashboards/tickets.yaml",
        "dashboards/ticket-quality.json",
    ] {
        assert!(stack.iter().any(|one| one == path), "{path} in {stack:?}");
    }
}
