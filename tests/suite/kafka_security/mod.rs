//! A Kafka that requires a certificate or login and permissions: right credentials work, wrong ones get an
//! explanation, and no secret is ever printed.

mod acls;
mod refused;
mod rotation;
mod secrets;
mod tokens;

use std::fmt::Write as _;

use crate::end_to_end::{PATIENCE, now};
use crate::harness::{
    CLIENT, Certificate, Exporter, Kafka, Record, SECRET, SecuredKafka, eventually,
};

/// A topic of one partition with tickets, which every authenticated user may read.
fn open_topic(secured: &SecuredKafka, name: &str, tickets: usize) -> String {
    let topic = secured.kafka.new_topic(&format!("open-{name}"), 1);
    write_tickets(secured, &topic, 0, tickets);
    topic
}

fn write_tickets(secured: &SecuredKafka, topic: &str, from: usize, tickets: usize) {
    let records = (from..from + tickets).map(|number| {
        let ticket = format!("t-{number}");
        let event = serde_json::json!({
            "ticket_id": ticket, "type": "created", "at": now().rfc3339(), "team": "billing",
        });
        Record::keyed(ticket, event.to_string())
    });
    secured.kafka.produce(topic, records);
}

/// A configuration for a listener. `security` has further lines of the section `kafka`, not indented.
fn config(secured: &SecuredKafka, listener: &str, topic: &str, security: &str) -> String {
    let group = Kafka::unique("open-group");
    config_of_group(secured, listener, topic, &group, security)
}

fn config_of_group(
    secured: &SecuredKafka,
    listener: &str,
    topic: &str,
    group: &str,
    security: &str,
) -> String {
    let mut config = format!(
        "kafka:\n  brokers: [\"{}\"]\n  topics: [{topic}]\n  group_id: {group}\n  properties:\n    \
         topic.metadata.refresh.interval.ms: \"1000\"\n    session.timeout.ms: \"6000\"\n    \
         heartbeat.interval.ms: \"500\"\n    reconnect.backoff.max.ms: \"500\"\n",
        secured.listener(listener)
    );
    for line in security.lines() {
        writeln!(config, "  {line}").unwrap();
    }
    config
}

fn trust(secured: &SecuredKafka) -> String {
    format!(
        "tls: {{ ca_file: \"{}\" }}\n",
        secured.authority_file().display()
    )
}

fn login(mechanism: &str, user: &str, password: &str) -> String {
    format!("sasl: {{ mechanism: {mechanism}, username: {user}, password: \"{password}\" }}\n")
}

/// The login of a user who may read the open topics.
fn right_login(mechanism: &str) -> String {
    login(mechanism, "exporter", SecuredKafka::password("exporter"))
}

fn oauth(url: &str, secret_file: &str) -> String {
    format!(
        "sasl:\n  oauth:\n    token_url: {url}\n    client_id: {CLIENT}\n    \
         client_secret_file: \"{secret_file}\"\n    scope: kafka\n    \
         extensions: {{ logicalCluster: lkc-1 }}\n"
    )
}

fn mutual(secured: &SecuredKafka, identity: &Certificate) -> String {
    format!(
        "tls: {{ ca_file: \"{}\", certificate_file: \"{}\", key_file: \"{}\" }}\n",
        secured.authority_file().display(),
        identity.certificate.display(),
        identity.key.display()
    )
}

/// Waits until this number of tickets is counted.
#[track_caller]
fn wait_for_tickets(exporter: &Exporter, count: usize) {
    exporter.wait_for_metrics(&format!("{count} tickets"), PATIENCE, |scrape| {
        let created = scrape
            .metric("ticket_created_total")
            .label("team", "billing");
        created.check(count as f64).map_err(|error| {
            let (ready, log) = (exporter.get("/-/ready").text(), exporter.logs());
            format!("{error}; {ready}; log\n{log}")
        })
    });
}

/// Waits for a line of the log. Returns the whole log.
#[track_caller]
fn wait_for_log(exporter: &Exporter, wanted: &str) -> String {
    eventually(&format!("the log line {wanted}"), PATIENCE, || {
        let log = exporter.logs();
        if log.contains(wanted) {
            Ok(log)
        } else {
            Err(log)
        }
    })
}

#[test]
fn right_credentials_are_accepted() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "right", 7);
    let trust = trust(secured);
    let secret = crate::end_to_end::file(SECRET.as_bytes());
    let url = format!("http://{}/token", secured.tokens.address());
    let certificate = secured.client_certificate(&[("O", "Desk"), ("CN", "exporter")], true);
    for (listener, security) in [
        ("SASL_SSL", trust.clone() + &right_login("plain")),
        ("SASL_SSL", trust.clone() + &right_login("scram-sha-256")),
        ("SASL_SSL", trust.clone() + &right_login("SCRAM-SHA-512")),
        (
            "SASL_SSL",
            trust + &oauth(&url, crate::end_to_end::path(&secret)),
        ),
        ("SSL", mutual(secured, &certificate)),
        (
            "SASL_PLAINTEXT",
            "security_protocol: sasl_plaintext\n".to_owned() + &right_login("plain"),
        ),
    ] {
        let config = config(secured, listener, &topic, &security);
        let mut exporter = Exporter::start(&["serve"], &config);
        exporter.wait_ready(PATIENCE);
        wait_for_tickets(&exporter, 7);
    }
    // Properties of the client library, instead of our settings and against them.
    let properties = format!(
        "    security.protocol: SASL_SSL\n    sasl.mechanism: PLAIN\n    sasl.username: exporter\n    \
         sasl.password: {}\n    ssl.ca.location: \"{}\"\n",
        SecuredKafka::password("exporter"),
        secured.authority_file().display()
    );
    for security in [
        "",
        &right_login("scram-sha-512").replace("exporter", "unknown"),
    ] {
        let config = config(secured, "SASL_SSL", &topic, security);
        let config = config.replace("  properties:\n", &format!("  properties:\n{properties}"));
        let mut exporter = Exporter::start(&["serve"], &config);
        exporter.wait_ready(PATIENCE);
    }
}
