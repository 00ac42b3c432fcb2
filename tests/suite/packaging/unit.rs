//! The systemd units: their exposure, and the names and paths in them and their files.

use std::process::Command;

use ticket_exporter::config::{ENVIRONMENT_PREFIX, KEYS};

use super::{read, run};
use crate::harness::repository;

const UNIT: &str = "deploy/systemd/ticket-exporter.service";
const GATEWAY_UNIT: &str = "deploy/systemd/ticket-gateway.service";
const DEFAULTS: [&str; 2] = [
    "deploy/systemd/ticket-exporter.default",
    "deploy/systemd/ticket-gateway.default",
];
/// The maximum of systemd's exposure score, from 0 to 100. 11 is normal for a service with network access.
const MOST_EXPOSED: u32 = 15;

#[test]
fn they_expose_little() {
    for unit in [UNIT, GATEWAY_UNIT] {
        let said = run(Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={MOST_EXPOSED}"))
            .arg(repository().join(unit)));
        assert!(said.success, "{unit}: {}{}", said.out, said.err);
        assert!(said.out.contains("Overall exposure level"), "{said:?}");
    }
}

/// The values of a key of the unit, including commented ones.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().map(|line| line.trim_start_matches('#'));
    let values = lines.filter_map(|line| line.split_once('='));
    values
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn it_checks_before_it_starts_and_gives_up_on_permanent_errors() {
    let unit = read(UNIT);
    for (unit, command) in [(&unit, "serve"), (&read(GATEWAY_UNIT), "gateway")] {
        let start = values(unit, "ExecStart");
        let [start] = start[..] else {
            panic!("{start:?}");
        };
        let flags = start.strip_prefix(&format!("/usr/bin/ticket-exporter {command}"));
        let check = format!("/usr/bin/ticket-exporter check-config{}", flags.unwrap());
        assert_eq!(values(unit, "ExecStartPre"), [check.as_str()]);
        // A command waits for the outcome of a reload; a signal would always look like a success.
        let reload = "/usr/bin/ticket-exporter reload";
        assert_eq!(values(unit, "ExecReload"), [reload]);
        assert_eq!(values(unit, "RuntimeDirectoryMode"), ["0700"]);
    }
    assert_eq!(values(&unit, "RuntimeDirectory"), ["ticket-exporter"]);
    // systemd 247 knows it; `notify-reload` needs 253 and is ignored before.
    assert_eq!(values(&unit, "Type"), ["notify"]);
    let prevented = values(&unit, "RestartPreventExitStatus");
    assert_eq!(prevented, ["64 78"]);
    // The shipped configuration has its state there.
    assert_eq!(values(&unit, "StateDirectory"), ["ticket-exporter"]);
    let configuration = read("deploy/systemd/ticket-exporter.yaml");
    assert!(configuration.contains("\n  directory: /var/lib/ticket-exporter\n"));
}

#[test]
fn their_variables_exist() {
    let own = ["CONFIG_FILE", "LOG_LEVEL", "LOG_FORMAT"];
    let mut seen = 0;
    for file in [UNIT, GATEWAY_UNIT].into_iter().chain(DEFAULTS) {
        let text = read(file);
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| word.starts_with(ENVIRONMENT_PREFIX)) {
            seen += 1;
            let is_key = KEYS.iter().any(|key| key.variable() == word);
            let is_flag = own
                .iter()
                .any(|name| word == format!("{ENVIRONMENT_PREFIX}{name}"));
            assert!(is_key || is_flag, "{file}: there is no variable {word}");
        }
    }
    assert!(seen >= 4, "{seen}");
}
