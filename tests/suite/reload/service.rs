//! Under a service manager: the notifications, and the command `reload`, which waits for the outcome.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use super::hang_up;
use crate::end_to_end::PATIENCE;
use crate::harness::{Exporter, command, folder};

/// These tests need no broker.
const CONFIG: &str = "kafka: { brokers: [\"localhost:1\"] }\n";
const REFUSED: i32 = 78;

/// A service manager's socket and a directory, as systemd gives them to a service.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = folder("manager");
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().display();
        vec![
            ("NOTIFY_SOCKET".to_owned(), format!("{folder}/notify")),
            // systemd separates several directories with colons.
            (
                "RUNTIME_DIRECTORY".to_owned(),
                format!("{folder}:/nowhere/else"),
            ),
        ]
    }

    /// Reads messages up to the first with this line, and returns it.
    #[track_caller]
    fn wait_for(&self, line: &str) -> String {
        let began = Instant::now();
        let mut all = Vec::new();
        while began.elapsed() < PATIENCE {
            let mut buffer = [0; 4096];
            let length = self
                .socket
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("{error}: no {line} in {all:?}"));
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.lines().any(|one| one.starts_with(line)) {
                return message;
            }
            all.push(message);
        }
        panic!("no {line} in {all:?}");
    }

    /// The command of the unit's `ExecReload=`, with the environment that systemd sets.
    fn reload(&self) -> Command {
        let mut command = command();
        command.arg("reload").envs(self.environment());
        command
    }
}

/// Exit code, standard output and error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn systemd_is_notified_of_the_start_each_reload_and_the_stop() {
    let manager = Manager::new();
    let mut exporter = Exporter::start_in(&["serve"], CONFIG, manager.environment());
    manager.wait_for("READY=1");
    // The text of /-/ready, on one line.
    manager.wait_for("STATUS=not ready: ");

    exporter.write_config(&format!("{CONFIG}tickets: {{ retain: 20d }}\n"));
    let (code, out, err) = run(&mut manager.reload());
    assert_eq!(code, Some(0), "{out}{err}\n{}", exporter.logs());
    assert!(out.contains("reloaded, changed: "), "{out}");
    let begin = manager.wait_for("RELOADING=1");
    let time = begin
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    let reloading: u64 = time.expect("systemd needs the time").parse().unwrap();
    // systemd uses the same clock of the kernel, which counts since the boot.
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    assert!(Duration::from_micros(reloading).as_secs_f64() < uptime + 1.0);
    assert!(!manager.wait_for("READY=1").contains("refused"));

    // After a refusal the command fails with all errors, and the status line has them, too.
    for (wrong, words) in [
        (
            "tickets: { retain: soon }\n",
            "config.yaml:2:20: tickets.retain",
        ),
        (
            "checkpoint: { directory: elsewhere }\n",
            "checkpoint.directory cannot change while the exporter runs",
        ),
    ] {
        exporter.write_config(&format!("{CONFIG}{wrong}"));
        let (code, out, err) = run(&mut manager.reload());
        assert_eq!(code, Some(REFUSED), "{out}{err}");
        assert!(err.contains(words), "{err}");
        manager.wait_for("RELOADING=1");
        let end = manager.wait_for("READY=1");
        assert!(end.contains("\nSTATUS=configuration refused: "), "{end}");
    }
    // A signal has the same notifications.
    hang_up(&mut exporter, CONFIG, true);
    manager.wait_for("RELOADING=1");
    let end = manager.wait_for("READY=1");
    assert!(end.contains("STATUS=not ready: "), "{end}");

    assert!(exporter.stop(PATIENCE).success());
    manager.wait_for("STOPPING=1");
}

#[test]
fn the_command_fails_without_an_exporter() {
    let manager = Manager::new();
    let (code, _, err) = run(&mut manager.reload());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("reload.sock"), "{err}");
    let (code, _, err) = run(command().arg("reload").env_remove("RUNTIME_DIRECTORY"));
    assert_eq!(code, Some(64), "{err}");
    assert!(err.contains("--socket"), "{err}");

    // The socket of a killed exporter does not prevent a start.
    let mut exporter = Exporter::start_in(&["serve"], CONFIG, manager.environment());
    manager.wait_for("READY=1");
    exporter.kill9();
    let socket = manager.folder.path().join("reload.sock");
    assert!(socket.symlink_metadata().unwrap().file_type().is_socket());
    let (code, _, err) = run(&mut manager.reload());
    assert_eq!(code, Some(1), "{err}");
    exporter.restart();
    manager.wait_for("READY=1");
    let (code, _, err) = run(command().arg("reload").arg("--socket").arg(&socket));
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn without_a_service_manager_there_is_no_socket() {
    let exporter = Exporter::start(&["serve"], CONFIG);
    let logs = exporter.logs();
    assert!(!logs.contains("reload socket"), "{logs}");
    assert!(!exporter.folder().join("reload.sock").exists());
}
