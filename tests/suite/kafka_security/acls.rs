//! The permissions that the exporter needs. It asks for each one with the command that grants it, works
//! with just those, and names a missing one.

use super::{PATIENCE, config_of_group, right_login, trust, wait_for_tickets, write_tickets};
use crate::end_to_end::{file, path, run, text, wait_for_reason};
use crate::harness::{Exporter, Kafka, Record, SecuredKafka, eventually, get};

/// The command in a text: the rest of its line.
#[track_caller]
fn command(text: &str) -> String {
    let at = text
        .rfind("kafka-acls ")
        .unwrap_or_else(|| panic!("{text}"));
    text[at..]
        .lines()
        .next()
        .unwrap()
        .trim_end_matches('"')
        .to_owned()
}

/// Waits until the exporter is not ready and names the command that grants `what`. Returns the command.
#[track_caller]
fn wait_for_command(exporter: &Exporter, what: &str) -> String {
    wait_for_reason(exporter, what);
    let reasons = exporter.get("/-/ready").text();
    let reason = reasons.lines().find(|line| line.contains(what));
    command(reason.unwrap_or_else(|| panic!("{reasons}")))
}

#[test]
fn three_permissions_suffice_and_each_is_needed() {
    let secured = SecuredKafka::shared();
    let topic = secured.kafka.new_topic("private", 1);
    let dead = secured.kafka.new_topic("private-dead", 1);
    let group = Kafka::unique("private-group");
    write_tickets(secured, &topic, 0, 3);
    let security = trust(secured) + &right_login("scram-sha-512");
    let security = format!("{security}dead_letter_topic: {dead}\n");
    let config = config_of_group(secured, "SASL_SSL", &topic, &group, &security);
    let mut exporter = Exporter::start(&["serve"], &config);

    let read_group = wait_for_command(&exporter, "--operation Read --group");
    let principal = "--add --allow-principal 'User:exporter'";
    let expected = format!("{principal} --operation Read --group '{group}'");
    assert!(read_group.ends_with(&expected), "{read_group}");
    secured.run_printed(&read_group);
    let read_topic = wait_for_command(&exporter, "--operation Read --topic");
    let expected = format!("{principal} --operation Read --topic {topic}");
    assert!(read_topic.ends_with(&expected), "{read_topic}");
    secured.run_printed(&read_topic);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 3);

    // The exporter holds dead letters until it may write them.
    secured
        .kafka
        .produce(&topic, [Record::keyed("x", "no event")]);
    let write = wait_for_command(&exporter, "--operation Write --topic");
    let expected = format!("{principal} --operation Write --topic {dead}");
    assert!(write.ends_with(&expected), "{write}");
    secured.run_printed(&write);
    exporter.wait_ready(PATIENCE);
    eventually("the dead letter", PATIENCE, || {
        match secured.kafka.consume(&dead).len() {
            1 => Ok(()),
            count => Err(format!("{count}; log\n{}", exporter.logs())),
        }
    });
    let lost = exporter.metrics();
    assert_eq!(
        lost.metric("ticket_exporter_dead_letters_lost_total").sum(),
        0.0
    );

    // A permission is revoked while the exporter runs.
    secured.run_printed(&read_topic.replace("--add", "--remove"));
    let again = wait_for_command(&exporter, "--operation Read --topic");
    assert_eq!(again, read_topic);
    write_tickets(secured, &topic, 3, 2);
    secured.run_printed(&again);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 5);

    // `verify` uses groups of its own.
    let directory = exporter.folder().join("data").display().to_string();
    let directory = format!("checkpoint.directory={directory}");
    let config = file(config.as_bytes());
    let arguments = [
        "verify",
        "--config.file",
        path(&config),
        "--set",
        &directory,
    ];
    let refused = run(&arguments, b"");
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let read_groups = command(&said);
    let expected = format!("--group '{group}-verify-' --resource-pattern-type prefixed");
    assert!(read_groups.ends_with(&expected), "{read_groups}");
    secured.run_printed(&read_groups);
    let verified = run(&arguments, b"");
    assert_eq!(
        verified.status.code(),
        Some(0),
        "{}",
        text(&verified.stderr)
    );
}

#[test]
fn a_certificate_is_a_principal_too() {
    let secured = SecuredKafka::shared();
    let topic = secured.kafka.new_topic("certified", 1);
    write_tickets(secured, &topic, 0, 2);
    let group = Kafka::unique("open-certified");
    let subject = [
        ("C", "ID"),
        ("O", "Desk, Ltd"),
        ("OU", "Support"),
        ("CN", "exporter"),
    ];
    let certificate = secured.client_certificate(&subject, true);
    let security = super::mutual(secured, &certificate);
    let config = config_of_group(secured, "SSL", &topic, &group, &security);
    let mut exporter = Exporter::start(&["serve"], &config);
    let command = wait_for_command(&exporter, "--operation Read --topic");
    secured.run_printed(&command);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 2);
    let principal = r"'User:CN=exporter,OU=Support,O=Desk\, Ltd,C=ID'";
    assert!(command.contains(principal), "{command}");
    assert_eq!(get(&exporter.url("/-/ready")).unwrap().status, 200);
}
