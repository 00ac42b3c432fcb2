//! The exporter as users run it: the built binary, a configuration file, signals and HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::faults::Environment;
use super::http::{self, Response};
use super::process::{Process, Signal};
use super::scrape::{Scrape, scrape};
use super::tools;
use super::wait::eventually;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const LISTEN: &str = "--web.listen-address";

/// A running exporter in its own folder, which is also its working directory. When dropped, the process is
/// killed and the folder removed.
#[derive(Debug)]
pub(crate) struct Exporter {
    process: Process,
    arguments: Vec<String>,
    environment: Environment,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Exporter {
    /// Runs the binary with `arguments` (a subcommand first, if any) and with `config` as its configuration
    /// file. Waits until it listens, but not until it is ready: see [`Exporter::wait_ready`].
    #[track_caller]
    pub(crate) fn start(arguments: &[&str], config: &str) -> Self {
        Self::start_in(arguments, config, Environment::new())
    }

    /// Adds environment variables, which also apply after a restart.
    #[track_caller]
    pub(crate) fn start_in(arguments: &[&str], config: &str, environment: Environment) -> Self {
        let mut exporter = Self::launch(arguments, config, environment);
        exporter.address = listening_address(&mut exporter.process);
        exporter
    }

    /// Runs a start that fails. Returns the exit status.
    #[track_caller]
    pub(crate) fn run_to_end(
        arguments: &[&str],
        config: &str,
        environment: Environment,
    ) -> (Self, ExitStatus) {
        let mut exporter = Self::launch(arguments, config, environment);
        let status = exporter.process.wait(START_TIMEOUT);
        (exporter, status)
    }

    fn launch(arguments: &[&str], config: &str, environment: Environment) -> Self {
        let folder = tools::folder("exporter");
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, config).unwrap();
        let mut all: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        all.push(format!("--config.file={}", file.display()));
        if !arguments.iter().any(|one| one.starts_with(LISTEN)) {
            all.push(format!("{LISTEN}=127.0.0.1:0"));
        }
        let process = launch(&all, &environment, folder.path());
        Self {
            process,
            arguments: all,
            environment,
            address: ([127, 0, 0, 1], 0).into(),
            folder,
        }
    }

    /// Starts it again in the same folder with the same arguments. It listens on another port, unless the
    /// arguments name one.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.launch_again();
        self.address = listening_address(&mut self.process);
    }

    /// Starts it again, expects that to fail, and returns the exit status.
    #[track_caller]
    pub(crate) fn restart_to_end(&mut self) -> ExitStatus {
        self.launch_again();
        self.process.wait(START_TIMEOUT)
    }

    #[track_caller]
    fn launch_again(&mut self) {
        assert!(
            self.process.ended().is_some(),
            "stop the exporter before it is started again"
        );
        self.process = launch(&self.arguments, &self.environment, self.folder.path());
    }

    /// `host:port`, as a scrape target.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The working directory, which contains `config.yaml`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the configuration file. The test has to trigger the reload.
    pub(crate) fn write_config(&self, config: &str) {
        std::fs::write(self.folder().join("config.yaml"), config).unwrap();
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        self.get_with(path, &[])
    }

    #[track_caller]
    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        http::get_with(&self.url(path), headers).unwrap_or_else(|error| {
            panic!(
                "GET {path}: {error}; the log ends\n{}",
                self.process.last_lines()
            )
        })
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str) -> Response {
        http::post(&self.url(path), &[]).unwrap_or_else(|error| {
            panic!(
                "POST {path}: {error}; the log ends\n{}",
                self.process.last_lines()
            )
        })
    }

    /// A scrape in the classic text format.
    #[track_caller]
    pub(crate) fn metrics(&self) -> Scrape {
        let response = self.get("/metrics");
        assert_eq!(response.status, 200, "{}", response.text());
        scrape(&response.text())
    }

    #[track_caller]
    pub(crate) fn wait_ready(&mut self, timeout: Duration) {
        let url = self.url("/-/ready");
        let process = &mut self.process;
        eventually("a ready exporter", timeout, || {
            if let Some(status) = process.ended() {
                panic!(
                    "the exporter ended with {status}; its log ends\n{}",
                    process.last_lines()
                );
            }
            match http::get(&url)? {
                ready if ready.status == 200 => Ok(()),
                other => Err(format!(
                    "{} {}; the log ends\n{}",
                    other.status,
                    other.text(),
                    process.last_lines()
                )),
            }
        });
    }

    /// Waits until `accept` returns `Ok` for a scrape. Its error says what is missing.
    #[track_caller]
    pub(crate) fn wait_for_metrics(
        &self,
        what: &str,
        timeout: Duration,
        accept: impl Fn(&Scrape) -> Result<(), String>,
    ) -> Scrape {
        eventually(what, timeout, || {
            let now = self.metrics();
            accept(&now).map(|()| now)
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub(crate) fn kill9(&mut self) {
        self.process.kill();
    }

    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Duration) -> ExitStatus {
        self.process.wait(timeout)
    }

    /// Sends SIGTERM and returns the exit status.
    #[track_caller]
    pub(crate) fn stop(&mut self, timeout: Duration) -> ExitStatus {
        self.signal(Signal::Term);
        self.wait(timeout)
    }

    /// The log of all starts.
    pub(crate) fn logs(&self) -> String {
        self.process.logs()
    }

    /// The log since the last start.
    pub(crate) fn logs_since_start(&self) -> String {
        self.process.logs_since_start()
    }
}

/// A command for subcommands that end by themselves, without the settings of the environment that runs the
/// tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(binary());
    without_own_variables(&mut command);
    command
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ticket-exporter"))
}

/// Starts a long-running command, also without the settings of the environment. The folder's `exporter.log`
/// receives its output.
pub(crate) fn launch(arguments: &[String], environment: &Environment, folder: &Path) -> Process {
    let prepare = |command: &mut Command| {
        command.current_dir(folder);
        without_own_variables(command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
    };
    Process::start(binary(), arguments, &prepare, &folder.join("exporter.log"))
}

fn without_own_variables(command: &mut Command) {
    // systemd sets these for a service that runs the tests.
    command
        .env_remove("NOTIFY_SOCKET")
        .env_remove("RUNTIME_DIRECTORY");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKET_EXPORTER_") {
            command.env_remove(name);
        }
    }
}

#[track_caller]
fn listening_address(process: &mut Process) -> SocketAddr {
    eventually(
        "the exporter's log line with its address",
        START_TIMEOUT,
        || {
            if let Some(address) = address_in(&process.logs_since_start()) {
                return Ok(address);
            }
            if let Some(status) = process.ended() {
                panic!(
                    "the exporter ended with {status}; its log ends\n{}",
                    process.last_lines()
                );
            }
            Err(format!("not there; the log ends\n{}", process.last_lines()))
        },
    )
}

/// The address in the line that says `listening`, in logfmt or JSON.
fn address_in(logs: &str) -> Option<SocketAddr> {
    logs.lines().find_map(|line| {
        let words: Vec<&str> = line
            .split(|character: char| character.is_whitespace() || "=\",{}".contains(character))
            .filter(|word| !word.is_empty() && *word != ":")
            .collect();
        let after = |name: &str| {
            let place = words.iter().position(|word| *word == name)?;
            words.get(place + 1).copied()
        };
        (after("msg").or_else(|| after("message")) == Some("listening"))
            .then(|| after("address")?.parse().ok())?
    })
}

#[test]
fn the_address_is_read_from_logfmt_and_json() {
    let expected = Some("127.0.0.1:4711".parse().unwrap());
    for line in [
        "ts=2026-01-01T00:00:00Z level=info msg=\"listening\" address=127.0.0.1:4711",
        "level=info msg=listening address=\"127.0.0.1:4711\" tls=false",
        "{\"level\":\"info\",\"message\":\"listening\",\"address\":\"127.0.0.1:4711\"}",
        "first line\nlevel=info address=127.0.0.1:4711 msg=listening\nlast line",
    ] {
        assert_eq!(address_in(line), expected, "{line}");
    }
    assert_eq!(
        address_in("level=info msg=\"not listening\" address=127.0.0.1:4711"),
        None
    );
    assert_eq!(
        address_in("level=info msg=connected address=127.0.0.1:4711"),
        None
    );
}
