//! A child process that ends with its value and with the test process.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use super::wait::eventually;

/// How long a killed process may take to end.
const GONE_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Term,
    Int,
    Hup,
    Stop,
    Cont,
}

/// A running program whose output goes to a file. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    /// The position in the log of this start.
    log_start: usize,
}

impl Process {
    /// Starts `program` in its own process group. Standard output and error are appended to `log`; standard
    /// input is empty.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        prepare: Prepare,
        log: &Path,
    ) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let log_start = usize::try_from(out.metadata().unwrap().len()).unwrap();
        let mut command = dying_with_this_process(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .process_group(0);
        prepare(&mut command);
        let child = spawn_from_lasting_thread(command)
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        Self {
            child,
            log: log.to_owned(),
            log_start,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The output of all starts with the same log.
    pub(crate) fn logs(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The output since this start.
    pub(crate) fn logs_since_start(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.log_start..).unwrap_or_default()).into_owned()
    }

    /// The last lines of the log, for a failure message.
    pub(crate) fn last_lines(&self) -> String {
        let logs = self.logs();
        let lines: Vec<&str> = logs.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let id = self.id();
        eventually(&format!("the end of process {id}"), timeout, || {
            self.ended()
                .ok_or_else(|| format!("it still runs; its log ends\n{}", self.last_lines()))
        })
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        // After a wait the id may belong to another process.
        if self.ended().is_some() {
            return;
        }
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
            Signal::Hup => "HUP",
            Signal::Stop => "STOP",
            Signal::Cont => "CONT",
        };
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.id()))
            .status()
            .unwrap();
        // The process may have ended by itself; otherwise the signal must arrive.
        assert!(
            sent.success() || self.ended().is_some(),
            "cannot send {name} to {}",
            self.id()
        );
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub(crate) fn kill(&mut self) {
        // An error means that the process has ended already.
        let _ = self.child.kill();
        self.wait(GONE_WITHIN);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets further options of the command: environment, folder.
pub(crate) type Prepare<'a> = &'a dyn Fn(&mut Command);

/// Linux kills the child when the thread that started it ends; elsewhere only `Drop` does.
fn dying_with_this_process(program: &Path) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts the command from a thread that lives as long as the process. The kernel ties the death signal to
/// the thread that started the child. A test's own thread ends with the test, which would kill a shared
/// broker.
fn spawn_from_lasting_thread(command: Command) -> std::io::Result<Child> {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static ORDERS: OnceLock<Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in receiver {
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, answer) = mpsc::channel();
    orders.send((command, reply)).unwrap();
    answer.recv().unwrap()
}

#[test]
fn a_child_outlives_the_thread_that_asked_for_it_and_not_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = thread::spawn(move || {
        let script = "echo started; exec sleep 600".to_owned();
        Process::start(Path::new("sh"), &["-c".to_owned(), script], &|_| {}, &log)
    })
    .join()
    .unwrap();
    eventually("its output", Duration::from_secs(10), || {
        if child.logs().contains("started") {
            Ok(())
        } else {
            Err(child.logs())
        }
    });
    thread::sleep(Duration::from_millis(100));
    assert_eq!(child.ended(), None);

    let id = child.id();
    drop(child);
    let alive = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -0 {id} 2>/dev/null"))
        .status();
    assert!(!alive.unwrap().success());
}

#[test]
fn a_signal_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done".to_owned();
    let log = folder.path().join("log");
    let mut child = Process::start(Path::new("sh"), &["-c".to_owned(), script], &|_| {}, &log);
    eventually("its output", Duration::from_secs(10), || {
        if child.logs().contains("ready") {
            Ok(())
        } else {
            Err(child.logs())
        }
    });
    child.signal(Signal::Term);
    assert_eq!(child.wait(Duration::from_secs(10)).code(), Some(7));
}
