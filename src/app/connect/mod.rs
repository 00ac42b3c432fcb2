//! `check-config --connect`: checks whether everything that a configuration names exists and may be used.
//!
//! Each check has a deadline and reports one line with advice. It commits nothing, takes no partition away
//! from a running exporter, and shows nothing of a record.

mod kafka;
mod local;
mod records;

use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::config::Config;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckVerdict {
    Ok,
    /// The exporter works, but the user should know this.
    Warning,
    /// The exporter does not work with this.
    Error,
}

impl CheckVerdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFinding {
    pub verdict: CheckVerdict,
    /// The checked part, such as `topic tickets`.
    pub subject: String,
    pub text: String,
}

impl fmt::Display for CheckFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict.name();
        write!(formatter, "{verdict:<8} {}: {}", self.subject, self.text)
    }
}

/// Collects findings.
struct CheckReport<'a> {
    tell: &'a mut dyn FnMut(&CheckFinding),
    worst: CheckVerdict,
}

impl CheckReport<'_> {
    fn say(&mut self, verdict: CheckVerdict, subject: &str, text: impl Into<String>) {
        let finding = CheckFinding {
            verdict,
            subject: subject.to_owned(),
            text: text.into(),
        };
        self.worst = self.worst.max(verdict);
        (self.tell)(&finding);
    }

    fn ok(&mut self, subject: &str, text: impl Into<String>) {
        self.say(CheckVerdict::Ok, subject, text);
    }

    fn warning(&mut self, subject: &str, text: impl Into<String>) {
        self.say(CheckVerdict::Warning, subject, text);
    }

    fn error(&mut self, subject: &str, text: impl Into<String>) {
        self.say(CheckVerdict::Error, subject, text);
    }
}

/// Runs all checks, each for at most `timeout`, and returns the worst verdict.
pub fn check(
    config: &Config,
    timeout: Duration,
    tell: &mut dyn FnMut(&CheckFinding),
) -> CheckVerdict {
    let mut report = CheckReport {
        tell,
        worst: CheckVerdict::Ok,
    };
    let is_running = local::directory(config, timeout, &mut report);
    local::listen(config, is_running, timeout, &mut report);
    let registry = local::schema_registry(config, timeout, &mut report);
    kafka::check(config, registry, timeout, &mut report);
    report.worst
}

/// Runs work that may block, such as resolving a name. `None`: it took too long.
fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // The receiver may be dropped after the timeout; that is fine.
        let _ = done.send(work());
    });
    result.recv_timeout(timeout).ok()
}

fn late(timeout: Duration) -> String {
    format!("no answer within {} s", timeout.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let mut lines = Vec::new();
        let mut tell = |finding: &CheckFinding| lines.push(finding.to_string());
        let mut report = CheckReport {
            tell: &mut tell,
            worst: CheckVerdict::Ok,
        };
        report.ok("a", "fine");
        report.error("b", "broken");
        report.warning("c", "odd");
        assert_eq!(report.worst, CheckVerdict::Error);
        assert_eq!(
            lines,
            ["ok       a: fine", "error    b: broken", "warning  c: odd"]
        );
    }

    #[test]
    fn what_takes_too_long_is_left() {
        assert_eq!(within(Duration::from_secs(60), || 7), Some(7));
        let long = || thread::sleep(Duration::from_secs(60));
        assert_eq!(within(Duration::from_millis(1), long), None);
    }
}
