//! Every answer, and the records of those that are accepted.

use std::io::Write as _;

use super::{Gateway, exchange, hmac_sha256};
use crate::harness::{Kafka, eventually, folder, request};

const HOOKS: &str = "{ open: { auth: none, headers: [x-request-id], max_body_bytes: 2000, \
                     max_expanded_bytes: 5000 }, signed: { auth: github, secret: one, next_secret: two }, \
                     token: { auth: bearer, secret: t0ken }, by-path: { auth: none, key: .a.b } }";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn accepted_requests_are_in_the_topic_unchanged() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("webhooks", 3);
    let gateway = Gateway::start(kafka, &topic, HOOKS);
    let body = "{ \"id\" : 7,\n \"text\": \"caf\u{e9}\" }";
    let headers = [("x-request-id", "r-1"), ("x-other", "secret")];
    let response = gateway.send("open", &headers, body.as_bytes()).unwrap();
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "accepted\n")
    );
    let records = kafka.consume(&topic);
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.value_text(), body);
    assert_eq!(record.key_text(), "7");
    assert_eq!(record.header("x-request-id").unwrap(), "r-1");
    assert_eq!(record.header("content-type").unwrap(), "application/json");
    assert_eq!(record.header("ticket_exporter.hook").unwrap(), "open");
    assert!(
        record
            .header("ticket_exporter.received_at")
            .unwrap()
            .ends_with('Z')
    );
    assert_eq!(record.header("x-other"), None);

    let array = b"[{\"id\":1}, {\"id\": 2 }]";
    assert_eq!(gateway.status("open", &[], array), 200);
    let lines = b"{\"id\":3}\n\n{\"id\":4}\r\n";
    let ndjson = [("content-type", "application/x-ndjson")];
    assert_eq!(gateway.status("open", &ndjson, lines), 200);
    let zipped = [("content-encoding", "gzip")];
    assert_eq!(gateway.status("open", &zipped, &gzip(b"{\"id\":5}")), 200);
    assert_eq!(
        gateway.status("by-path", &[], b"{\"a\":{\"b\":\"x\"}}"),
        200
    );
    assert_eq!(gateway.status("open", &[], b"{\"zen\":\"ping\"}"), 200);
    let mut found: Vec<(String, String)> = kafka
        .consume(&topic)
        .iter()
        .map(|record| (record.key_text(), record.value_text()))
        .collect();
    found.retain(|(key, _)| key != "7");
    found.sort();
    let pairs = [
        ("", "{\"zen\":\"ping\"}"),
        ("1", "{\"id\":1}"),
        ("2", "{\"id\": 2 }"),
        ("3", "{\"id\":3}"),
        ("4", "{\"id\":4}"),
        ("5", "{\"id\":5}"),
        ("x", "{\"a\":{\"b\":\"x\"}}"),
    ];
    let expected = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(found, expected);

    let scrape = gateway.exporter.metrics();
    let open = |family: &str| scrape.metric(family).label("hook", "open");
    open("ticket_gateway_requests_total")
        .label("code", "200")
        .is(5.0);
    open("ticket_gateway_records_total").is(7.0);
    open("ticket_gateway_keyless_records_total").is(1.0);
    scrape
        .metric("ticket_gateway_produce_duration_seconds_count")
        .is(6.0);
    scrape.metric("ticket_gateway_requests_in_flight").is(0.0);
    scrape.metric("ticket_gateway_ready").is(1.0);
}

#[test]
fn other_requests_are_refused_with_a_reason() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("refused", 1);
    let gateway = Gateway::start(kafka, &topic, HOOKS);
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(2_000)).into_bytes();
    let bomb = gzip(format!("{{\"id\":\"{}\"}}", "x".repeat(6_000)).as_bytes());
    let right = format!("sha256={}", hmac_sha256("one", b"{}"));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let cases: [Case<'_>; 14] = [
        ("nothing", &[], b"{}", 404, "there is no such hook"),
        ("signed", &[], b"{}", 401, "no header x-hub-signature-256"),
        (
            "signed",
            &[("x-hub-signature-256", "sha256=00")],
            b"{}",
            403,
            "the signature is wrong",
        ),
        (
            "signed",
            &[("x-hub-signature-256", &right)],
            b"{} ",
            403,
            "the signature is wrong",
        ),
        ("token", &[], b"{}", 401, "no header authorization"),
        (
            "token",
            &[("authorization", "Bearer x")],
            b"{}",
            403,
            "the secret is wrong",
        ),
        (
            "open",
            &[],
            &large,
            413,
            "the body has more than 2000 bytes",
        ),
        (
            "open",
            &[("content-encoding", "gzip")],
            &bomb,
            413,
            "more than 5000 bytes when it is expanded",
        ),
        (
            "open",
            &[("content-type", "text/xml")],
            b"<a/>",
            415,
            "use application/json",
        ),
        (
            "open",
            &[("content-encoding", "br")],
            b"{}",
            415,
            "is not gzip",
        ),
        (
            "open",
            &[("content-encoding", "gzip")],
            b"{}",
            400,
            "the body is not gzip",
        ),
        ("open", &[], b"payload=1", 400, "the body is not JSON"),
        ("open", &[], b"", 400, "the body is empty"),
        (
            "open",
            &[("content-type", "application/x-ndjson")],
            b"{}\n{",
            400,
            "line 2 of the body",
        ),
    ];
    for (hook, headers, body, status, text) in cases {
        let response = gateway.send(hook, headers, body).unwrap();
        assert_eq!(
            response.status,
            status,
            "{hook}: {text}: {}",
            response.text()
        );
        assert!(
            response.text().contains(text),
            "{text}: {}",
            response.text()
        );
        assert_eq!(response.text().lines().count(), 1);
    }
    // Without a length, the limit applies while the body arrives.
    let chunked = format!(
        "POST /hooks/open HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        3_000,
        " ".repeat(3_000)
    );
    assert_eq!(
        exchange(gateway.port, chunked.as_bytes()).unwrap().status,
        413
    );
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", gateway.port);
    let get = request("GET", &url("/hooks/open")).unwrap();
    assert_eq!((get.status, get.header("allow")), (405, "POST, HEAD"));
    assert_eq!(request("HEAD", &url("/hooks/open")).unwrap().status, 200);
    assert_eq!(request("HEAD", &url("/hooks/nothing")).unwrap().status, 404);
    assert_eq!(request("GET", &url("/metrics")).unwrap().status, 404);
    assert_eq!(request("GET", &url("/-/ready")).unwrap().status, 200);
    assert!(kafka.consume(&topic).is_empty());
    let scrape = gateway.exporter.metrics();
    let requests = scrape.metric("ticket_gateway_requests_total");
    requests
        .label("hook", "__other__")
        .label("code", "404")
        .is(3.0);
    let requests = scrape.metric("ticket_gateway_requests_total");
    requests
        .label("hook", "signed")
        .label("code", "403")
        .is(2.0);
}

#[test]
fn both_secrets_are_valid_and_a_file_is_read_again() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("rotated", 1);
    let secrets = folder("secrets");
    let file = secrets.path().join("secret");
    std::fs::write(&file, "old\n").unwrap();
    let hooks = format!(
        "{{ a: {{ auth: github, secret_file: \"{}\", next_secret: next }} }}",
        file.display()
    );
    let gateway = Gateway::start(kafka, &topic, &hooks);
    let status = |secret: &str| {
        let signature = format!("sha256={}", hmac_sha256(secret, b"{}"));
        gateway.status("a", &[("x-hub-signature-256", &signature)], b"{}")
    };
    assert_eq!(
        [status("old"), status("next"), status("new")],
        [200, 200, 403]
    );
    std::fs::write(&file, "new\n").unwrap();
    eventually("the new secret", super::PATIENCE, || {
        match [status("new"), status("old")] {
            [200, 403] => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert_eq!(status("next"), 200);
    // An empty file is a mistake: the earlier secret stays.
    std::fs::write(&file, "").unwrap();
    eventually("the warning", super::PATIENCE, || {
        let logs = gateway.exporter.logs();
        let is_there = logs.contains("secrets not loaded, the earlier ones stay in force");
        is_there.then_some(()).ok_or(logs)
    });
    assert_eq!(status("new"), 200);
}
