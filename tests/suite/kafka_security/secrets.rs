//! No secret is ever printed: every output of the program in every situation, with a secret in every place
//! that can have one.

use std::process::Stdio;
use std::time::Duration;

use super::{config, open_topic, trust, wait_for_log};
use crate::end_to_end::{PATIENCE, file, path};
use crate::harness::{Exporter, SecuredKafka, command, get};

/// Part of each secret, and of no other text.
const MARK: &str = "hunter2";

/// All output of a run.
fn said(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = command()
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all += &String::from_utf8_lossy(&output.stderr);
    all
}

#[track_caller]
fn assert_silent(what: &str, said: &str) {
    assert!(!said.is_empty(), "{what} has no output");
    assert!(!said.contains(MARK), "{what}: {said}");
}

const TYPED: [&str; 5] = [
    "kafka.sasl.password",
    "kafka.tls.key_password",
    "kafka.sasl.oauth.client_secret",
    "kafka.properties.sasl.password",
    "schema_registry.password",
];

/// Right and wrong ways to write a secret in a configuration. The test checks each, and runs commands that
/// fail for other reasons.
const WRITTEN: [&str; 16] = [
    "kafka: { sasl: { mechanism: plain, username: me, password: hunter2-a } }",
    "kafka: { sasl: { mechanism: plain, username: me, password: [hunter2-a] } }",
    "kafka: { sasl: { mechanism: plain, username: me, password: hunter2-a, password_file: x } }",
    "kafka: { sasl: { mechanism: plain, passwort: hunter2-a } }",
    "kafka: { sasl: { mechanism: plain, username: me, password: \"hunter2-a",
    "kafka: { sasl: { mechanism: oauthbearer, oauth: { token_url: \"https://me:hunter2-a@h/\", client_id: me, client_secret: hunter2-b } } }",
    "kafka: { sasl: { mechanism: oauthbearer, oauth: { token_url: \"hunter2-a\", client_id: me, client_secret: hunter2-b } } }",
    "kafka: { sasl: { mechanism: oauthbearer, oauth: { token_url: \"https://127.0.0.1:1/\", client_id: me, client_secret: hunter2-b } } }",
    "kafka: { tls: { certificate_file: /nowhere.pem, key_file: /nowhere.key, key_password: hunter2-a } }",
    "kafka: { tls: { key_password: hunter2-a } }",
    "kafka: { properties: { sasl.password: hunter2-a, ssl.key.password: hunter2-b, ssl.key.pem: hunter2-c } }",
    "kafka: { properties: { security.protocol: sasl_ssl, sasl.mechanism: PLAIN, sasl.username: me, sasl.password: hunter2-a, debug: all } }",
    "kafka: { properties: { ssl.keystore.password: hunter2-a, sasl.oauthbearer.client.secret: hunter2-b } }",
    "kafka: { brokers: [\"me:hunter2-a@broker:9092\"] }",
    "schema_registry: { url: \"http://me:hunter2-a@registry\" }",
    "schema_registry: { url: \"http://127.0.0.1:1\", username: me, password: hunter2-a }",
];

#[test]
fn checks_of_configurations_print_no_secret() {
    for yaml in WRITTEN {
        let config = file(yaml.as_bytes());
        let arguments = ["check-config", "--config.file", path(&config)];
        assert_silent(yaml, &said(&arguments, &[]));
        let explain = [
            "explain",
            "--config.file",
            path(&config),
            "t-1",
            "/nowhere.jsonl",
        ];
        assert_silent(yaml, &said(&explain, &[]));
    }
    for key in TYPED {
        let set = format!("{key}=hunter2-flag");
        assert_silent(&set, &said(&["check-config", "--set", &set], &[]));
        let variable = format!("TICKET_EXPORTER_{}", key.to_uppercase().replace('.', "_"));
        let environment = [(variable.as_str(), "hunter2-variable")];
        assert_silent(&variable, &said(&["check-config"], &environment));
    }
    for (variable, value) in [
        (
            "TICKET_EXPORTER_KAFKA_PROPERTIES",
            "{sasl.password: hunter2",
        ),
        ("TICKET_EXPORTER_KAFKA_SASL_PASSWORDS", "hunter2"),
        (
            "TICKET_EXPORTER_KAFKA_SASL_OAUTH_EXTENSIONS",
            "{a: [hunter2]}",
        ),
    ] {
        assert_silent(variable, &said(&["check-config"], &[(variable, value)]));
    }
    let url = "http://me:hunter2-url@127.0.0.1:1/metrics";
    assert_silent(url, &said(&["verify", "--url", url], &[]));
}

/// A running exporter with secrets everywhere, refused and accepted, at the most verbose log level.
#[test]
fn a_running_exporter_prints_no_secret() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "secrets", 2);
    let right = SecuredKafka::password("exporter");
    let password = file(right.as_bytes());
    let registry = file(b"hunter2-registry");
    let more = format!(
        "{}sasl: {{ mechanism: scram-sha-512, username: exporter, password_file: \"{}\" }}\n",
        trust(secured),
        path(&password)
    );
    let config = config(secured, "SASL_SSL", &topic, &more).replace(
        "  properties:\n",
        "  properties:\n    debug: all\n    ssl.key.password: hunter2-key\n",
    ) + &format!(
        "schema_registry: {{ url: \"http://127.0.0.1:1\", username: me, password_file: \"{}\" }}\n",
        path(&registry)
    );
    for format in ["logfmt", "json"] {
        let level = ["serve", "--log.level", "debug", "--log.format", format];
        let mut exporter = Exporter::start(&level, &config);
        exporter.wait_ready(PATIENCE);
        std::fs::write(password.path(), "hunter2-wrong").unwrap();
        wait_for_log(&exporter, "new kafka credentials");
        wait_for_log(&exporter, "refuses the login");
        for page in [
            "/",
            "/metrics",
            "/-/ready",
            "/-/healthy",
            "/api/v1/kpis",
            "/nowhere",
        ] {
            assert_silent(page, &get(&exporter.url(page)).unwrap().text());
        }
        let variables = std::fs::read(format!("/proc/{}/cmdline", exporter.id())).unwrap();
        assert_silent("the command line", &String::from_utf8_lossy(&variables));
        exporter.stop(Duration::from_secs(30));
        assert_silent("the log", &exporter.logs());
        std::fs::write(password.path(), right).unwrap();
    }
}
