//! Refused credentials: one log line says what to correct, and the exporter keeps trying.

use std::time::{Duration, Instant};

use ticket_exporter::domain::timestamp::Timestamp;

use super::{PATIENCE, config, login, mutual, open_topic, right_login, trust, wait_for_tickets};
use crate::end_to_end::{file, now, path, run, text, wait_for_reason};
use crate::harness::{Exporter, Record, SecuredKafka};

/// Long enough for a dozen attempts, short enough for a test.
const GOES_ON: Duration = Duration::from_secs(3);

/// The log lines about Kafka.
fn complaints(exporter: &Exporter) -> Vec<String> {
    let logs = exporter.logs();
    let is_complaint = |line: &&str| line.contains("level=warn") || line.contains("level=error");
    // Warnings about the configuration have a form of their own.
    let lines = logs
        .lines()
        .filter(is_complaint)
        .filter(|line| !line.contains("unencrypted over the network"));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_refusal_is_one_line_with_the_remedy() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "refused", 1);
    let trust = trust(secured);
    let foreign = format!(
        "tls: {{ ca_file: \"{}\" }}\n",
        secured.foreign_authority_file().display()
    );
    let stranger = secured.client_certificate(&[("CN", "exporter")], false);
    let password = SecuredKafka::password("exporter");
    let plaintext = "security_protocol: plaintext\n".to_owned();
    let unprotected = "security_protocol: sasl_plaintext\n".to_owned();
    let cases: Vec<(&str, String, &[&str])> = vec![
        (
            "SASL_SSL",
            trust.clone() + &login("plain", "exporter", "hunter2-no"),
            &[
                "refuses the login of the user exporter by PLAIN",
                "kafka.sasl.password_file",
            ],
        ),
        (
            "SASL_SSL",
            trust.clone() + &login("scram-sha-512", "exporter", "hunter2-no"),
            &[
                "refuses the login of the user exporter by SCRAM-SHA-512",
                "kafka.sasl.password",
            ],
        ),
        (
            "SASL_SSL",
            trust.clone() + &login("scram-sha-256", "unknown", password),
            &[
                "refuses the login of the user unknown",
                "no such user",
                "kafka.sasl.username",
            ],
        ),
        (
            "SASL_PLAINTEXT",
            unprotected.clone() + &right_login("scram-sha-512"),
            &[
                "does not support the mechanism SCRAM-SHA-512",
                "PLAIN",
                "kafka.sasl.mechanism",
            ],
        ),
        (
            "SASL_SSL",
            foreign + &right_login("plain"),
            &["is not trusted", "Foreign CA.pem", "kafka.tls.ca_file"],
        ),
        (
            "SASL_SSL",
            right_login("plain"),
            &["is not trusted", "this system", "kafka.tls.ca_file"],
        ),
        (
            "EXPIRED",
            trust.clone(),
            &["has expired", "renew it on the broker"],
        ),
        (
            "OTHERNAME",
            trust.clone(),
            &["is for another host than 127.0.0.1", "advertised.listeners"],
        ),
        (
            "SSL",
            trust.clone(),
            &["requires one", "kafka.tls.certificate_file"],
        ),
        (
            "SSL",
            mutual(secured, &stranger),
            &[
                "rejects the client certificate",
                "kafka.tls.certificate_file",
            ],
        ),
        (
            "SSL",
            plaintext.clone(),
            &[
                "speaks TLS, but the exporter does not",
                "kafka.security_protocol to ssl",
            ],
        ),
        (
            "SASL_SSL",
            unprotected.clone() + &right_login("plain"),
            &[
                "speaks TLS, but the exporter does not",
                "kafka.security_protocol to sasl_ssl",
            ],
        ),
        (
            "PLAINTEXT",
            trust.clone(),
            &[
                "does not speak TLS, but the exporter does",
                "kafka.security_protocol to plaintext",
            ],
        ),
        (
            "SASL_PLAINTEXT",
            plaintext,
            &["may require a login", "kafka.sasl"],
        ),
        ("SASL_SSL", trust, &["may require a login", "kafka.sasl"]),
        (
            "PLAINTEXT",
            unprotected + &right_login("plain"),
            &["expects no login", "remove kafka.sasl"],
        ),
    ];
    for (listener, security, said) in cases {
        let config = config(secured, listener, &topic, &security);
        let mut exporter = Exporter::start(&["serve"], &config);
        for part in said {
            wait_for_reason(&exporter, part);
        }
        let begun = Instant::now();
        while begun.elapsed() < GOES_ON {
            std::thread::sleep(Duration::from_millis(100));
        }
        let complaints = complaints(&exporter);
        assert_eq!(
            complaints.len(),
            1,
            "{listener} {security}: {complaints:#?}"
        );
        for part in said {
            assert!(complaints[0].contains(part), "{part}: {complaints:#?}");
        }
        assert!(!exporter.logs().contains("hunter2"), "{}", exporter.logs());
        assert_eq!(
            exporter.stop(PATIENCE).code(),
            Some(0),
            "it waits, and stops on a signal"
        );
    }
}

#[test]
fn commands_that_read_topics_do_not_wait_in_vain() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "commands", 0);
    let yesterday = now().minus(86_400_000);
    for number in 0..3 {
        let ticket = format!("old-{number}");
        let event = |kind: &str, at: Timestamp| {
            let event = serde_json::json!({
                "ticket_id": ticket, "type": kind, "at": at.rfc3339(), "team": "billing",
                "priority": "p1", "actor": "agent",
            });
            Record::keyed(ticket.as_str(), event.to_string())
        };
        let answered = yesterday.plus(600_000);
        let events = [event("created", yesterday), event("message", answered)];
        secured.kafka.produce(&topic, events);
    }
    let wrong = trust(secured) + &login("plain", "exporter", "hunter2-no");
    let right = trust(secured) + &right_login("plain");
    let right = file(config(secured, "SASL_SSL", &topic, &right).as_bytes());
    let wrong = file(config(secured, "SASL_SSL", &topic, &wrong).as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("past.om").display().to_string();
    let backfill = ["backfill", "--output", &output, "--config.file"];
    let suggest = ["suggest-targets", "--minimum-goals", "1", "--config.file"];
    for command in [&backfill[..], &suggest] {
        let mut arguments = command.to_vec();
        arguments.push(path(&wrong));
        let refused = run(&arguments, b"");
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains("refuses the login of the user exporter"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        *arguments.last_mut().unwrap() = path(&right);
        let let_in = run(&arguments, b"");
        let said = text(&let_in.stderr);
        assert!(!said.contains("refuses"), "{said}");
        assert_eq!(let_in.status.code(), Some(0), "{arguments:?} {said}");
    }
}

#[test]
fn a_corrected_login_is_used_without_a_restart() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "put-right", 4);
    let password = file(b"hunter2-no\n");
    let security = trust(secured)
        + &format!(
            "sasl: {{ mechanism: plain, username: exporter, password_file: \"{}\" }}\n",
            path(&password)
        );
    let config = config(secured, "SASL_SSL", &topic, &security);
    let mut exporter = Exporter::start(&["serve"], &config);
    wait_for_reason(&exporter, "refuses the login of the user exporter");
    std::fs::write(password.path(), SecuredKafka::password("exporter")).unwrap();
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 4);
}
