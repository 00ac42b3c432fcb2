//! `check-config --connect`: whether everything that a configuration names is there and may be used.
//! Each check has a deadline, says one line, and what to do. Nothing is committed, no partition is
//! taken away from an exporter that reads, and nothing of a record is shown.

mod kafka;
mod local;
mod records;

use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::config::Config;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Ok,
    /// The exporter works, but a person should know this.
    Warning,
    /// The exporter does not work like this.
    Error,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    /// What was looked at, such as `topic tickets`.
    pub subject: String,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict.name();
        write!(formatter, "{verdict:<8} {}: {}", self.subject, self.text)
    }
}

/// Takes findings as they come.
struct Report<'a> {
    tell: &'a mut dyn FnMut(&Finding),
    worst: Verdict,
}

impl Report<'_> {
    fn say(&mut self, verdict: Verdict, subject: &str, text: impl Into<String>) {
        let finding = Finding {
            verdict,
            subject: subject.to_owned(),
            text: text.into(),
        };
        self.worst = self.worst.max(verdict);
        (self.tell)(&finding);
    }

    fn ok(&mut self, subject: &str, text: impl Into<String>) {
        self.say(Verdict::Ok, subject, text);
    }

    fn warning(&mut self, subject: &str, text: impl Into<String>) {
        self.say(Verdict::Warning, subject, text);
    }

    fn error(&mut self, subject: &str, text: impl Into<String>) {
        self.say(Verdict::Error, subject, text);
    }
}

/// Checks everything, each for `timeout` at most, and gives the worst verdict.
pub fn check(config: &Config, timeout: Duration, tell: &mut dyn FnMut(&Finding)) -> Verdict {
    let mut report = Report {
        tell,
        worst: Verdict::Ok,
    };
    let is_running = local::directory(config, timeout, &mut report);
    local::listen(config, is_running, timeout, &mut report);
    let registry = local::schema_registry(config, timeout, &mut report);
    kafka::check(config, registry, timeout, &mut report);
    report.worst
}

/// Does something that may take long, such as to resolve a name. `None`: it took longer.
fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // The receiver is gone where this took too long; that is fine.
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
        let mut tell = |finding: &Finding| lines.push(finding.to_string());
        let mut report = Report {
            tell: &mut tell,
            worst: Verdict::Ok,
        };
        report.ok("a", "fine");
        report.error("b", "broken");
        report.warning("c", "odd");
        assert_eq!(report.worst, Verdict::Error);
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
