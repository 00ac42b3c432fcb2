//! Answers: from flags, or on a terminal.

use std::process::Command;

use super::{USAGE, events};
use crate::harness::{binary, folder, run, text};

#[test]
fn without_a_terminal_missing_flags_are_named() {
    for (given, missing) in [
        (
            &[][..],
            "--brokers, --topic, --hours, --timezone, --deploy: missing",
        ),
        (
            &["--brokers", "a:9092", "--topic", "t", "--hours", "24x7"],
            "--deploy: missing",
        ),
        (&["--hours", "always"], "24x7"),
        (&["--timezone", "Berlin"], "Europe/Berlin"),
        (&["--deploy", "nomad"], "compose, helm or none"),
        (&["--envelope"], "FILE"),
        (&["-"], "standard input"),
    ] {
        let mut arguments = vec!["init"];
        arguments.extend(given);
        let done = run(&arguments, b"");
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(USAGE), "{said}");
        assert!(said.contains(missing), "{given:?}: {said}");
    }
}

/// `script` gives the program a terminal.
#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let there = folder("terminal");
    let sample = events(there.path());
    let command = format!("{} init {}", binary().display(), sample.display());
    let answers = "localhost:1\\n\\nmon 9\\nmon-fri 08:00-16:00\\nEurope/Rome\\nnone\\n";
    let done = Command::new("sh")
        .args([
            "-c",
            &format!(
                "printf '{answers}' | script --quiet --return --command '{command}' /dev/null"
            ),
        ])
        .current_dir(there.path())
        .output()
        .unwrap();
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("Kafka brokers [localhost:9092]: "), "{said}");
    assert!(said.contains("\"mon 9\" says no opening hours"), "{said}");
    let yaml =
        std::fs::read_to_string(there.path().join("ticket-exporter/ticket-exporter.yaml")).unwrap();
    for part in [
        "[\"localhost:1\"]",
        "topics: [tickets]",
        "\"08:00-16:00\"",
        "\"Europe/Rome\"",
    ] {
        assert!(yaml.contains(part), "no {part} in\n{yaml}");
    }
}
