//! `check-config --connect` with real brokers: one line for each finding, a remedy, and an exit code.

use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use serde_json::json;

use crate::end_to_end::{file, now, path, run, text};
use crate::harness::{Kafka, Record, SchemaRegistry, SecuredKafka, eventually, free_port};

const PATIENCE: Duration = Duration::from_secs(60);

/// Part of the records' content, which is never printed.
const SECRET: &str = "maria-schmidt";

fn created(ticket: &str) -> Record {
    let event = json!({
        "ticket_id": ticket, "type": "created", "at": now().0, "team": "billing", "agent": SECRET,
    });
    Record::keyed(ticket, event.to_string())
}

/// A configuration with a free port and directory. `kafka` has further lines of that section.
fn config(brokers: &str, topics: &str, group: &str, kafka: &str) -> String {
    let mut config = format!(
        "checkpoint: {{ directory: {} }}\nweb: {{ listen: [\"127.0.0.1:{}\"] }}\nkafka:\n  \
         brokers: [{brokers}]\n  topics: [{topics}]\n  group_id: {group}\n",
        std::env::temp_dir()
            .join(Kafka::unique("connect"))
            .display(),
        free_port(),
    );
    for line in kafka.lines() {
        config.push_str(&format!("  {line}\n"));
    }
    config
}

fn check(config: &str) -> Output {
    let config = file(config.as_bytes());
    let arguments = [
        "check-config",
        "--config.file",
        path(&config),
        "--connect",
        "--connect.timeout=20s",
    ];
    run(&arguments, b"")
}

/// Runs the command until it exits with this code, because brokers apply a new permission with a delay.
/// Expects lines that start with these texts, and returns the output.
#[track_caller]
fn expect(code: i32, config: &str, lines: &[&str]) -> String {
    let (printed, said) = eventually("the exit code", PATIENCE, || {
        let output = check(config);
        let printed = text(&output.stdout);
        let said = format!("{printed}\n{}", text(&output.stderr));
        match output.status.code() {
            Some(found) if found == code => Ok((printed, said)),
            found => Err(format!("{found:?}, not {code}\n{said}")),
        }
    });
    for line in lines {
        let is_there = printed.lines().any(|one| one.starts_with(line));
        assert!(is_there, "no line begins with {line:?} in\n{said}");
    }
    assert!(!said.contains(SECRET), "{said}");
    printed
}

fn one_broker(kafka: &Kafka) -> String {
    format!("\"{}\"", kafka.bootstrap())
}

#[test]
fn everything_is_right() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("connect", 3);
    let dead = kafka.new_topic("connect-dead", 1);
    kafka.produce(&topic, (0..150).map(|number| created(&number.to_string())));
    let group = Kafka::unique("connect");
    let more = format!("dead_letter_topic: {dead}");
    let config = config(&one_broker(kafka), &topic, &group, &more);
    let broker = format!("ok       broker {}: reachable", kafka.bootstrap());
    let printed = expect(
        0,
        &config,
        &[
            "ok       checkpoint.directory: ",
            "ok       web.listen 127.0.0.1:",
            &broker,
            "ok       kafka: ",
            &format!("ok       group {group}: "),
            &format!("ok       topic {topic}: partitions: 3, records are kept for "),
            &format!("ok       records of {topic}: 100 of 100 give events"),
            &format!("ok       dead-letter topic {dead}: "),
        ],
    );
    assert!(!printed.contains("warning"), "{printed}");
    // The command joined no group and wrote no record.
    assert_eq!(kafka.consume(&dead).len(), 0);
}

#[test]
fn problems_of_topics_are_reported() {
    let kafka = Kafka::shared();
    let short = Kafka::unique("connect-short");
    kafka.create_topic(&short, 1, &[("retention.ms", "3600000")]);
    let compacted = Kafka::unique("connect-compacted");
    kafka.create_topic(&compacted, 1, &[("cleanup.policy", "compact")]);
    kafka.produce(&compacted, [created("a")]);
    let unkeyed = json!({"webhookEvent": "x", "text": SECRET}).to_string();
    kafka.produce(&short, [Record::new(unkeyed)]);
    let missing = Kafka::unique("connect-missing");
    let empty = kafka.new_topic("connect-empty", 1);
    let topics = format!("{short}, {compacted}, {missing}, {empty}");
    let more = format!("dead_letter_topic: {missing}-dead");
    let config = config(&one_broker(kafka), &topics, "connect", &more);
    let printed = expect(
        1,
        &config,
        &[
            &format!("warning  topic {compacted}: the topic is compacted"),
            &format!("ok       topic {compacted}: partitions: 1, records are kept forever"),
            &format!("warning  topic {short}: records are deleted after 1h"),
            &format!("warning  records of {short}: 1 of 1 records have no key"),
            &format!("error    records of {short}: nothing can be made of any of them"),
            &format!("error    topic {missing}: it does not exist: create it"),
            &format!("warning  records of {empty}: there are none yet"),
            &format!("error    dead-letter topic {missing}-dead: it does not exist"),
        ],
    );
    assert!(printed.contains("missing_ticket_id"), "{printed}");
}

#[test]
fn unreachable_brokers_and_a_port_in_use_are_reported() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("connect-brokers", 1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let unused = free_port();
    let brokers = format!(
        "{}, \"127.0.0.1:{unused}\", \"nowhere.invalid:9092\"",
        one_broker(kafka)
    );
    let config = config(&brokers, &topic, "connect", "");
    let listen = format!("listen: [\"127.0.0.1:{port}\"]");
    let start = config.find("listen: [").unwrap();
    let end = start + config[start..].find(']').unwrap() + 1;
    let config = format!("{}{listen}{}", &config[..start], &config[end..]);
    let config = config + "schema_registry: { url: \"http://127.0.0.1:1\" }\n";
    expect(
        1,
        &config,
        &[
            &format!("error    web.listen 127.0.0.1:{port}: another process listens there"),
            &format!("error    broker 127.0.0.1:{unused}: it accepts no connection"),
            "error    broker nowhere.invalid:9092: its host name cannot be resolved",
            "error    schema_registry: ",
            &format!("ok       topic {topic}: "),
        ],
    );
    // Without any broker the command ends within its deadline.
    let other = format!("\"127.0.0.1:{}\"", free_port());
    let config = config.replace(&one_broker(kafka), &other);
    expect(1, &config, &["error    kafka: "]);
}

#[test]
fn missing_permissions_are_reported_with_the_commands_that_grant_them() {
    let secured = SecuredKafka::shared();
    let topic = secured.kafka.new_topic("private-connect", 1);
    let dead = secured.kafka.new_topic("private-connect-dead", 1);
    let group = Kafka::unique("private-connect");
    secured.kafka.produce(&topic, [created("a")]);
    let password = SecuredKafka::password("exporter");
    let security = format!(
        "tls: {{ ca_file: \"{}\" }}\nsasl: {{ mechanism: scram-sha-512, username: exporter, \
         password: \"{password}\" }}\ndead_letter_topic: {dead}\n",
        secured.authority_file().display()
    );
    let listener = secured.listener("SASL_SSL");
    let config = config(&format!("\"{listener}\""), &topic, &group, &security);
    let printed = expect(
        1,
        &config,
        &[
            &format!("ok       broker {listener}: reachable"),
            "ok       kafka: ",
            &format!("error    group {group}: "),
            &format!("error    topic {topic}: "),
            &format!("error    dead-letter topic {dead}: "),
        ],
    );
    let grants: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("error"))
        .filter_map(|line| Some(&line[line.find("kafka-acls ")?..]))
        .collect();
    assert_eq!(grants.len(), 3, "{printed}");
    for grant in grants {
        secured.run_printed(grant);
    }
    // A topic can be read without the permission to see its settings.
    let printed = expect(
        0,
        &config,
        &[
            &format!("warning  topic {topic}: Kafka does not show its settings"),
            &format!("ok       topic {topic}: partitions: 1"),
            &format!("ok       records of {topic}: 1 of 1 give events"),
            &format!("ok       dead-letter topic {dead}: may be written"),
        ],
    );
    let settings = printed
        .lines()
        .find_map(|line| Some(&line[line.find("kafka-acls ")?..]));
    secured.run_printed(settings.unwrap());
    let printed = expect(
        0,
        &config,
        &[&format!("ok       topic {topic}: partitions: 1, records")],
    );
    assert!(!printed.contains(password), "{printed}");

    let wrong = config.replace(password, "wrong");
    let printed = expect(
        1,
        &wrong,
        &["error    kafka: Kafka refuses the login of the user exporter"],
    );
    assert!(!printed.contains("wrong,"), "{printed}");
    let foreign = secured.foreign_authority_file().display().to_string();
    let untrusted = config.replace(&secured.authority_file().display().to_string(), &foreign);
    expect(
        1,
        &untrusted,
        &[&format!(
            "error    broker {listener}: the certificate of {listener} is not trusted"
        )],
    );
}

#[test]
fn a_running_exporter_and_its_numbers_are_no_error() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("connect-running", 1);
    kafka.produce(&topic, [created("a")]);
    let registry = SchemaRegistry::shared();
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let config = format!(
        "checkpoint: {{ directory: {} }}\nweb: {{ listen: [\"127.0.0.1:{port}\"] }}\n\
         schema_registry: {{ url: \"{}\" }}\nkafka: {{ brokers: [{}], topics: [{topic}], group_id: {} }}\n",
        directory.path().display(),
        registry.url(),
        one_broker(kafka),
        Kafka::unique("connect"),
    );
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let mut exporter = crate::harness::Exporter::start(&[&listen], &config);
    exporter.wait_ready(crate::end_to_end::PATIENCE);
    expect(
        0,
        &config,
        &[
            "warning  checkpoint.directory: ",
            "ok       stored numbers: they go on under this configuration",
            &format!("warning  web.listen 127.0.0.1:{port}: taken"),
            "ok       schema_registry: it answers",
        ],
    );
    exporter.stop(crate::end_to_end::PATIENCE);
    let changed = config + "mapping: { preset: jira }\n";
    expect(
        1,
        &changed,
        &["error    stored numbers: ", "error    records of "],
    );
}
