//! Reloads: hooks, topics and secrets change while the gateway runs, or nothing changes at all.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{ANSWER_PATIENCE, Gateway, PATIENCE, config, hmac_sha256, values};
use crate::harness::{Exporter, Kafka, Signal, eventually, folder};

const LIFECYCLE: &str = "web: { enable_lifecycle: true }\n";

/// A gateway that reloads after a POST.
#[track_caller]
fn start(topic: &str, hooks: &str) -> Gateway {
    let mut gateway = Gateway::start(Kafka::shared(), topic, hooks);
    let config = config(Kafka::shared(), topic, gateway.port, hooks);
    gateway.exporter.write_config(&(config + LIFECYCLE));
    gateway.exporter.signal(Signal::Hup);
    eventually("the first reload", PATIENCE, || {
        let logs = gateway.exporter.logs();
        let is_there = logs.contains("configuration reloaded");
        is_there.then_some(()).ok_or(logs)
    });
    gateway
}

/// Reloads with other hooks and perhaps further lines. Returns the status and the answer.
fn reload(gateway: &Gateway, topic: &str, hooks: &str, more: &str) -> (u16, String) {
    let config = config(Kafka::shared(), topic, gateway.port, hooks);
    gateway.exporter.write_config(&(config + more));
    let answer = gateway.exporter.post("/-/reload");
    (answer.status, answer.text())
}

fn succeeded(gateway: &Gateway) -> bool {
    let scrape = gateway.exporter.metrics();
    let metric = scrape.metric("ticket_exporter_config_last_reload_successful");
    metric.value() == 1.0
}

fn signed(gateway: &Gateway, secret: &str) -> u16 {
    let signature = format!("sha256={}", hmac_sha256(secret, b"{}"));
    gateway.status("a", &[("x-hub-signature-256", &signature)], b"{}")
}

#[test]
fn hooks_topics_and_secrets_change() {
    let kafka = Kafka::shared();
    let (topic, other) = (kafka.new_topic("former", 1), kafka.new_topic("latter", 1));
    let gateway = start(&topic, "{ a: { auth: github, secret: one } }");
    assert_eq!(
        [signed(&gateway, "one"), signed(&gateway, "two")],
        [200, 403]
    );
    let hooks =
        format!("{{ a: {{ auth: github, secret: two }}, b: {{ auth: none, topic: {other} }} }}");
    assert_eq!(
        reload(&gateway, &topic, &hooks, LIFECYCLE),
        (200, "reloaded, changed: kafka, hooks\n".to_owned())
    );
    assert_eq!(
        [signed(&gateway, "one"), signed(&gateway, "two")],
        [403, 200]
    );
    gateway
        .exporter
        .metrics()
        .metric("ticket_gateway_records_total")
        .label("hook", "b")
        .is(0.0);
    assert_eq!(gateway.status("b", &[], b"{\"id\":1}"), 200);
    assert_eq!(
        values(&kafka.consume(&other)),
        ["{\"id\":1}".to_owned()].into()
    );

    // A removed hook keeps its series.
    let (status, text) = reload(&gateway, &topic, "{ c: { auth: none } }", "");
    assert_eq!(
        (status, text.as_str()),
        (200, "reloaded, changed: kafka, hooks, pages\n")
    );
    assert_eq!(gateway.status("a", &[], b"{}"), 404);
    let scrape = gateway.exporter.metrics();
    let accepted = scrape.metric("ticket_gateway_requests_total");
    accepted.label("hook", "a").label("code", "200").is(2.0);
    // The last configuration does not allow it over HTTP.
    assert_eq!(gateway.exporter.post("/-/reload").status, 403);
}

#[test]
fn a_bad_configuration_changes_nothing_and_is_explained() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("kept", 1);
    let secrets = folder("secrets");
    let empty = secrets.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let good = "{ a: { auth: github, secret: one } }";
    let mut gateway = start(&topic, good);
    let file = format!(
        "{{ a: {{ auth: github, secret_file: \"{}\" }} }}",
        empty.display()
    );
    let path = "web: { telemetry_path: /kpis, enable_lifecycle: true }\n";
    for (hooks, more, words) in [
        (
            "{ a: { auth: nothing } }",
            LIFECYCLE,
            "no authentication \"nothing\"",
        ),
        (file.as_str(), LIFECYCLE, "empty: the file is empty"),
        ("{}", LIFECYCLE, "no hook is configured"),
        (
            "{ a: { auth: none } }",
            path,
            "web.telemetry_path cannot change while the gateway runs",
        ),
        (
            "{ a: { auth: none } }, max_buffered_bytes: 100000000",
            LIFECYCLE,
            "gateway.max_buffered_bytes cannot change",
        ),
    ] {
        let (status, text) = reload(&gateway, &topic, hooks, more);
        assert_eq!(status, 500, "{text}");
        assert!(text.starts_with("not reloaded, the last configuration stays in force:\n"));
        assert!(text.contains(words), "{text}");
        assert!(!succeeded(&gateway));
        assert_eq!(
            [signed(&gateway, "one"), signed(&gateway, "two")],
            [200, 403]
        );
    }
    assert_eq!(reload(&gateway, &topic, good, LIFECYCLE).0, 200);
    assert!(succeeded(&gateway));
    // A signal has no answer, but the log and the metric have the result.
    gateway.exporter.write_config("gateway: { hooks: 1 }\n");
    gateway.exporter.signal(Signal::Hup);
    eventually("the refusal", PATIENCE, || {
        (!succeeded(&gateway))
            .then_some(())
            .ok_or_else(|| gateway.exporter.logs())
    });
    assert!(
        gateway
            .exporter
            .logs()
            .contains("configuration not reloaded")
    );
    assert_eq!(signed(&gateway, "one"), 200);
}

#[test]
fn a_request_in_progress_ends_with_its_hook() {
    let kafka = Kafka::shared();
    let (topic, other) = (kafka.new_topic("begun", 1), kafka.new_topic("ended", 1));
    let gateway = start(&topic, "{ a: { auth: none } }");
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.set_read_timeout(Some(ANSWER_PATIENCE)).unwrap();
    let head = "POST /hooks/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"id\"";
    stream.write_all(head.as_bytes()).unwrap();
    eventually("the request", PATIENCE, || {
        let scrape = gateway.exporter.metrics();
        let in_flight = scrape.metric("ticket_gateway_requests_in_flight").value();
        (in_flight == 1.0)
            .then_some(())
            .ok_or(in_flight.to_string())
    });
    assert_eq!(reload(&gateway, &other, "{ b: { auth: none } }", "").0, 200);
    assert_eq!(gateway.status("a", &[], b"{}"), 404);
    stream.write_all(b":1}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(
        values(&kafka.consume(&topic)),
        ["{\"id\":1}".to_owned()].into()
    );
    assert!(kafka.consume(&other).is_empty());
}

#[test]
fn new_credentials_start_one_client() {
    const STARTED: &str = "kafka client started again";
    let secrets = folder("credentials");
    let file = secrets.path().join("password");
    std::fs::write(&file, "old").unwrap();
    let config = format!(
        "kafka: {{ brokers: [\"localhost:1\"], sasl: {{ mechanism: PLAIN, username: u, \
         password_file: \"{}\" }} }}\n\
         gateway: {{ listen: [\"127.0.0.1:0\"], hooks: {{ a: {{ auth: none }} }} }}\n",
        file.display()
    );
    let exporter = Exporter::start(&["gateway"], &config);
    std::fs::write(&file, "new").unwrap();
    let count = || exporter.logs().matches(STARTED).count();
    eventually("the new client", PATIENCE, || {
        (count() > 0).then_some(()).ok_or(exporter.logs())
    });
    // Several checks later it is the only one.
    std::thread::sleep(Duration::from_secs(13));
    assert_eq!(count(), 1, "{}", exporter.logs());
}
