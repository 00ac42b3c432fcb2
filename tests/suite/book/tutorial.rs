//! The tutorial works: its files are written and its commands run, in order, against real tools.
//!
//! A comment before a block says how: `file: NAME` is written, `run: background` goes on while the next
//! commands run, `run: until TEXT` is repeated until it prints the text, `run: stop COMMAND` ends what runs
//! in the background (the last one, without a name), `run: skip, REASON` is not run. All else has to succeed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::markdown::{blocks, command_lines, read, root};
use crate::harness::{
    Kafka, Process, Signal, amtool_path, binary, eventually, folder, free_port, promtool_path, text,
};

const PAGE: &str = "docs/tutorial/first-alert.md";
/// For whatever takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

struct Reader {
    folder: tempfile::TempDir,
    /// Addresses of the page, and those of this test.
    addresses: Vec<(&'static str, String)>,
    environment: Vec<(&'static str, String)>,
    background: Vec<(String, Process)>,
}

impl Reader {
    fn new(kafka: &Kafka) -> Self {
        let address = || format!("localhost:{}", free_port());
        let exporter = address();
        let folders: Vec<PathBuf> = [binary().to_owned(), promtool_path(), amtool_path()]
            .iter()
            .map(|program| program.parent().unwrap().to_owned())
            .collect();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)));
        Self {
            folder: folder("tutorial"),
            environment: vec![
                ("TICKET_EXPORTER_WEB_LISTEN", exporter.clone()),
                ("TICKET_EXPORTER_KAFKA_BROKERS", kafka.bootstrap()),
                ("PATH", path.unwrap().into_string().unwrap()),
            ],
            addresses: vec![
                ("localhost:10047", exporter),
                ("localhost:9090", address()),
                ("localhost:9092", kafka.bootstrap()),
                ("localhost:9093", address()),
            ],
            background: Vec::new(),
        }
    }

    /// The text with the addresses of this test.
    fn here(&self, text: &str) -> String {
        let replace = |text: String, (theirs, ours): &(&str, String)| text.replace(theirs, ours);
        self.addresses.iter().fold(text.to_owned(), replace)
    }

    fn write(&self, name: &str, contents: &str) {
        fs::write(self.folder.path().join(name), self.here(contents)).unwrap();
    }

    /// Runs a command to its end; what it printed, as an error if it failed.
    fn run(&self, command: &str) -> Result<String, String> {
        let output = Command::new("bash")
            .args(["-c", &self.here(command)])
            .current_dir(self.folder.path())
            .envs(self.environment.iter().cloned())
            .output()
            .unwrap();
        let printed = text(&output.stdout) + &text(&output.stderr);
        if output.status.success() {
            Ok(printed)
        } else {
            Err(printed)
        }
    }

    fn start(&mut self, command: &str) {
        let script = format!("exec {}", self.here(command));
        let log = format!("background-{}.log", self.background.len());
        let process = Process::start(
            Path::new("bash"),
            &["-c".to_owned(), script],
            &|prepared| {
                prepared
                    .current_dir(self.folder.path())
                    .envs(self.environment.iter().cloned());
            },
            &self.folder.path().join(log),
        );
        self.background.push((command.to_owned(), process));
    }

    /// Ctrl-C for the last command in the background that begins like this.
    fn stop(&mut self, begin: &str) {
        let (command, process) = self
            .background
            .iter_mut()
            .rev()
            .find(|(command, _)| command.starts_with(begin))
            .unwrap();
        process.signal(Signal::Int);
        let status = process.wait(STOP_PATIENCE);
        assert!(
            status.success(),
            "{command}: {status}\n{}",
            process.last_lines()
        );
    }

    fn logs(&self) -> String {
        let logs = self.background.iter();
        logs.map(|(command, process)| format!("$ {command}\n{}\n", process.last_lines()))
            .collect()
    }
}

#[test]
fn every_command_of_the_tutorial_works() {
    let kafka = Kafka::start();
    kafka.create_topic("tickets", 3, &[("retention.ms", "-1")]);
    let mut reader = Reader::new(&kafka);
    let document = read(&root().join(PAGE));
    // A stop stands alone; it takes effect before the next block.
    let marked = document.replace("<!-- run: stop", "```stop\n```\n<!-- run: stop");
    let mut stops = document.lines().filter_map(|line| {
        let rest = line.strip_prefix("<!-- run: stop")?;
        Some(rest.trim_end_matches("-->").trim().to_owned())
    });
    let (mut files, mut commands) = (0, 0);
    for block in blocks(&marked).0 {
        let remark = block.remark.as_str();
        if block.language == "stop" {
            reader.stop(&stops.next().unwrap());
        } else if let Some(name) = remark.strip_prefix("file: ") {
            files += 1;
            reader.write(name, &block.text);
        } else if block.language == "console" && !remark.starts_with("run: skip,") {
            for command in command_lines(&block.text) {
                commands += 1;
                if remark == "run: background" {
                    // The demo takes its address from no variable.
                    let listen = &reader.addresses[0].1;
                    let demo = format!("ticket-exporter demo --web.listen-address={listen}");
                    reader.start(&command.replace("ticket-exporter demo", &demo));
                } else if let Some(expected) = remark.strip_prefix("run: until ") {
                    eventually(&command, PATIENCE, || match reader.run(&command) {
                        Ok(printed) if printed.contains(expected) => Ok(()),
                        Ok(printed) | Err(printed) => Err(format!("{printed}\n{}", reader.logs())),
                    });
                } else if let Err(printed) = reader.run(&command) {
                    panic!("{command}: {printed}\n{}", reader.logs());
                }
            }
        }
    }
    assert_eq!(files, 3);
    assert!(commands > 20, "only {commands} commands were run");
}
