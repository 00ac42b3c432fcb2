//! Findings, and the deadline of a check.

use crate::domain::named::named_enum;
use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

named_enum! {
    /// How bad a finding is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum CheckVerdict {
        Ok = "ok",
        /// The exporter works, but the user should know this.
        Warning = "warning",
        /// The exporter does not work with this.
        Error = "error",
    }
}

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
pub(super) struct CheckReport<'a> {
    pub(super) notify: &'a mut dyn FnMut(&CheckFinding),
    pub(super) worst: CheckVerdict,
}

impl CheckReport<'_> {
    fn add(&mut self, verdict: CheckVerdict, subject: &str, text: impl Into<String>) {
        let finding = CheckFinding {
            verdict,
            subject: subject.to_owned(),
            text: text.into(),
        };
        self.worst = self.worst.max(verdict);
        (self.notify)(&finding);
    }

    pub(super) fn ok(&mut self, subject: &str, text: impl Into<String>) {
        self.add(CheckVerdict::Ok, subject, text);
    }

    pub(super) fn warning(&mut self, subject: &str, text: impl Into<String>) {
        self.add(CheckVerdict::Warning, subject, text);
    }

    pub(super) fn error(&mut self, subject: &str, text: impl Into<String>) {
        self.add(CheckVerdict::Error, subject, text);
    }
}

/// A check took too long.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
pub(super) struct CheckTimedOut(Duration);

/// Runs work that may block, such as resolving a name.
pub(super) fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CheckTimedOut> {
    let (done, result) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // The receiver may be dropped after the timeout; that is fine.
        let _ = done.send(work());
    });
    result
        .recv_timeout(timeout)
        .map_err(|_| CheckTimedOut(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let mut lines = Vec::new();
        let mut notify = |finding: &CheckFinding| lines.push(finding.to_string());
        let mut report = CheckReport {
            notify: &mut notify,
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
    fn work_ends_in_time_or_fails() {
        assert_eq!(within(Duration::from_secs(60), || 7), Ok(7));
        let long = || thread::sleep(Duration::from_secs(60));
        assert!(within(Duration::from_millis(1), long).is_err());
    }
}
