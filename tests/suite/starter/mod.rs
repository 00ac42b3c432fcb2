//! `init`: the program that reads a file accepts it, whatever the sample, and nothing is overwritten.

mod deployments;
mod questions;
mod samples;
mod topics;

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{amtool, folder, promtool, repository, run, run_well, text};

const USAGE: i32 = 64;
/// Flags for the answers without brokers and topic.
const OTHERS: [&str; 4] = [
    "--hours",
    "mon-thu 09:00-17:00, fri 09:00-15:00",
    "--timezone",
    "Europe/Berlin",
];
const CANONICAL: &str = "{\"ticket_id\":\"1\",\"type\":\"created\",\"at\":\"2026-03-02T09:00:00Z\",\"team\":\"billing\",\"priority\":\"p1\"}\n";

/// A folder that `init` wrote.
struct Starter {
    folder: tempfile::TempDir,
    /// Standard output and error.
    said: String,
}

impl Starter {
    /// Runs `init` for a broker that does not answer, because a file is the sample.
    #[track_caller]
    fn of(sample: &Path, deploy: &str, more: &[&str]) -> Self {
        let sample = sample.to_str().unwrap();
        let mut arguments = vec![
            sample,
            "--brokers",
            "localhost:1",
            "--topic",
            "tickets",
            "--deploy",
            deploy,
        ];
        arguments.extend(more);
        Self::run(&arguments)
    }

    #[track_caller]
    fn run(arguments: &[&str]) -> Self {
        let folder = folder("init");
        let output = folder.path().join("new");
        let mut all = vec!["init", "--output", output.to_str().unwrap()];
        all.extend(OTHERS);
        all.extend(arguments);
        let done = run(&all, b"");
        let said = text(&done.stdout) + &text(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{arguments:?}\n{said}");
        Self { folder, said }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("new").join(name)
    }

    #[track_caller]
    fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn config(&self) -> String {
        self.path("ticket-exporter.yaml")
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// The program that reads each file accepts it.
    #[track_caller]
    fn check(&self) {
        let checked = run(&["check-config", "--config.file", &self.config()], b"");
        let said = text(&checked.stderr);
        assert_eq!(
            checked.status.code(),
            Some(0),
            "{said}\n{}",
            self.read("ticket-exporter.yaml")
        );
        assert!(!said.contains("warning"), "{said}");
        for name in ["rules/alerts.yml", "rules/recording.yml"] {
            let answer = promtool(&["check", "rules", self.path(name).to_str().unwrap()], "");
            assert!(answer.success, "{answer:?}");
            assert!(answer.stdout.contains("SUCCESS"), "{answer:?}");
        }
        let routes = self.path("alertmanager.yml");
        let (success, said) = amtool(&["check-config", routes.to_str().unwrap()]);
        assert!(success, "{said}\n{}", self.read("alertmanager.yml"));
    }
}

/// A temporary file of canonical events.
fn events(there: &Path) -> PathBuf {
    let path = there.join("events.jsonl");
    fs::write(&path, CANONICAL).unwrap();
    path
}

/// `init` with all answers.
fn scripted<'a>(sample: &'a Path, output: &'a Path, deploy: &'a str) -> Vec<&'a str> {
    let (sample, output) = (sample.to_str().unwrap(), output.to_str().unwrap());
    let mut arguments = vec!["init", sample, "--output", output, "--hours", "24x7"];
    arguments.extend([
        "--brokers",
        "localhost:1",
        "--topic",
        "t",
        "--deploy",
        deploy,
    ]);
    arguments
}

/// The example for Alertmanager has the same routes and inhibitions, for the teams of the reference
/// configuration.
#[test]
fn routes_are_those_of_the_example() {
    let middle = |text: &str| -> Vec<String> {
        let start = text.find("\nroute:\n").unwrap();
        let end = text.find("\nreceivers:\n").unwrap();
        let parts = text[start..end].split("\n\n");
        // A sample does not tell which customers are gold.
        let parts = parts.filter(|part| !part.contains("tier = gold"));
        parts.map(str::to_owned).collect()
    };
    let example = repository().join("deploy/alertmanager/alertmanager.yml");
    let example = fs::read_to_string(example).unwrap();
    let teams = ["billing", "network", "accounts", "emergency"].map(str::to_owned);
    let written = ticket_exporter::app::init::routes(&teams);
    assert_eq!(middle(&written), middle(&example));
}

#[test]
fn nothing_is_overwritten_and_nothing_is_written_then() {
    let there = folder("existing");
    let sample = events(there.path());
    let output = there.path().join("mine");
    fs::create_dir(&output).unwrap();
    fs::write(output.join("alertmanager.yml"), "mine").unwrap();
    let arguments = scripted(&sample, &output, "compose");
    let done = run(&arguments, b"");
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("mine/alertmanager.yml exist already"),
        "{said}"
    );
    assert!(!said.contains("mine/ticket-exporter.yaml"), "{said}");
    let left: Vec<_> = fs::read_dir(&output).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(
        fs::read_to_string(output.join("alertmanager.yml")).unwrap(),
        "mine"
    );

    fs::remove_file(output.join("alertmanager.yml")).unwrap();
    run_well(&arguments, b"");
    assert!(output.join("rules/alerts.yml").exists());
}
