//! Passwords and certificates change while the exporter runs: no event is lost, and there are no needless
//! reconnects.

use std::fs;

use super::{
    PATIENCE, config, mutual, open_topic, trust, wait_for_log, wait_for_tickets, write_tickets,
};
use crate::end_to_end::{file, path};
use crate::harness::{Certificate, Exporter, SecuredKafka, eventually};

const RENEWED: &str = "new kafka credentials; continuing with new clients";

fn renewals(exporter: &Exporter) -> usize {
    exporter.logs().matches(RENEWED).count()
}

/// Waits until the clients were replaced this number of times and the exporter is ready again.
#[track_caller]
fn wait_for_renewals(exporter: &mut Exporter, count: usize) {
    eventually(
        "clients with the new credentials",
        PATIENCE,
        || match renewals(exporter) {
            found if found >= count => Ok(()),
            found => Err(format!("{found}; log\n{}", exporter.logs())),
        },
    );
    exporter.wait_ready(PATIENCE);
}

#[test]
fn a_password_changes_without_a_restart() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "password", 10);
    let password = file(SecuredKafka::password("rotating").as_bytes());
    let security = trust(secured)
        + &format!(
            "sasl: {{ mechanism: scram-sha-512, username: rotating, password_file: \"{}\" }}\n",
            path(&password)
        );
    let config = config(secured, "SASL_SSL", &topic, &security);
    let mut exporter = Exporter::start(&["serve"], &config);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 10);
    let id = exporter.id();

    secured.set_password("rotating", "hunter2-new");
    fs::write(password.path(), "hunter2-new\n").unwrap();
    write_tickets(secured, &topic, 10, 10);
    wait_for_renewals(&mut exporter, 1);
    wait_for_tickets(&exporter, 20);
    write_tickets(secured, &topic, 20, 10);
    wait_for_tickets(&exporter, 30);
    assert_eq!((exporter.id(), renewals(&exporter)), (id, 1));
    assert!(!exporter.logs().contains("hunter2"), "{}", exporter.logs());
    // The same password in a new file: no reconnect.
    fs::write(password.path(), "hunter2-new\n").unwrap();
    write_tickets(secured, &topic, 30, 1);
    wait_for_tickets(&exporter, 31);
    assert_eq!(renewals(&exporter), 1);
}

fn put(from: &std::path::Path, to: &std::path::Path) {
    fs::write(to, fs::read(from).unwrap()).unwrap();
}

#[test]
fn a_certificate_changes_without_a_restart() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "certificate", 5);
    let folder = tempfile::tempdir().unwrap();
    let used = Certificate {
        certificate: folder.path().join("client.pem"),
        key: folder.path().join("client.key"),
    };
    let old = secured.client_certificate(&[("CN", "old")], true);
    put(&old.certificate, &used.certificate);
    put(&old.key, &used.key);
    let config = config(secured, "SSL", &topic, &mutual(secured, &used));
    let mut exporter = Exporter::start(&["serve"], &config);
    exporter.wait_ready(PATIENCE);

    // The certificate arrives before its key.
    let new = secured.client_certificate(&[("CN", "new")], true);
    put(&new.certificate, &used.certificate);
    let log = wait_for_log(&exporter, "new kafka credentials cannot be used");
    assert!(log.contains("kafka.tls.key_file"), "{log}");
    write_tickets(secured, &topic, 5, 5);
    wait_for_tickets(&exporter, 10);
    assert_eq!(renewals(&exporter), 0);
    put(&new.key, &used.key);
    wait_for_renewals(&mut exporter, 1);
    write_tickets(secured, &topic, 10, 5);
    wait_for_tickets(&exporter, 15);
    assert_eq!(renewals(&exporter), 1);
}
