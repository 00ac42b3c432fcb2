//! Options of `rules` that are no part of the exporter's configuration: a few thresholds, and the
//! names and addresses of the monitoring stack.

use super::model::Links;
use super::promql::{call, window};
use crate::domain::timestamp::{DAY, MINUTE, Milliseconds};
use crate::engine::Rules;

/// How long a value counts after its last scrape. Five minutes hold several scrapes, and Prometheus looks
/// back as far. A longer time keeps alerts on problems that may be over. A time below the three minutes of
/// `TicketExporterDown` would resolve alerts before that alert fires.
const HOLD: Milliseconds = 5 * MINUTE;
/// Alerts ignore numbers that are older. This is well above `stream.grace` (30 s), the normal age on a
/// quiet topic, and well below the time of any usual SLA target.
const LAG: Milliseconds = 10 * MINUTE;
/// The age at which an unsolved ticket is too old: the largest age of `ticket_backlog_older_than`.
const OLDEST: Milliseconds = 30 * DAY;
/// A share of fewer goals says nothing: of ten goals, one breach is ten percentage points.
const MINIMUM_GOALS: u32 = 10;
/// Fewer breaches in a window cause no alert: one has its own alert, two can be chance.
const MINIMUM_BREACHES: u32 = 3;
/// A window with fewer tickets is not compared with earlier ones. Twenty is the usual rule of thumb for a
/// 0.9 quantile or a share.
const MINIMUM_SAMPLES: u32 = 20;
/// The scrape job in the README.
const JOB: &str = "ticket-exporter";
/// The folder of the runbooks in the repository.
const RUNBOOKS: &str = "docs/runbooks";
/// `repository` in `Cargo.toml`; empty until a publisher sets it.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Thresholds, labels and addresses that the user sets.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleOptions {
    /// Priorities with an alert on each breach. Empty: no alert on single breaches.
    pub urgent: Vec<String>,
    /// Groups of policies whose breaches are critical, if there are several groups. Empty: the default group, or the
    /// first one if no policy is in it.
    pub critical_groups: Vec<String>,
    pub hold: Milliseconds,
    pub lag: Milliseconds,
    pub oldest: Milliseconds,
    pub minimum_goals: u32,
    pub minimum_breaches: u32,
    pub minimum_samples: u32,
    /// The `job` label of the exporter.
    pub job: String,
    pub links: Links,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            urgent: Vec::new(),
            critical_groups: Vec::new(),
            hold: HOLD,
            lag: LAG,
            oldest: OLDEST,
            minimum_goals: MINIMUM_GOALS,
            minimum_breaches: MINIMUM_BREACHES,
            minimum_samples: MINIMUM_SAMPLES,
            job: JOB.to_owned(),
            links: Links {
                runbooks: runbooks(REPOSITORY),
                dashboards: String::new(),
            },
        }
    }
}

impl RuleOptions {
    /// The defaults for these rules: the first priority is the urgent one.
    pub fn of(rules: &Rules) -> Self {
        Self {
            urgent: rules.priorities.first().into_iter().cloned().collect(),
            ..Self::default()
        }
    }
}

/// The base address of runbooks. GitHub and GitLab show a file of the default branch at `blob/HEAD`.
fn runbooks(repository: &str) -> String {
    match repository.trim_end_matches('/') {
        "" => RUNBOOKS.to_owned(),
        repository => format!("{repository}/blob/HEAD/{RUNBOOKS}"),
    }
}

/// Recorded series: how far the stream clock of an instance's slowest partition is behind.
pub const AGE: &str = "job_instance:ticket_exporter_watermark_age_seconds:max";

impl RuleOptions {
    /// The range `[5m]` of a query.
    pub fn held(&self) -> String {
        format!("[{}]", window(self.hold))
    }

    /// Sums a KPI series by some labels, over instances with fresh numbers, counting replicas once.
    ///
    /// `series` is a query whose results have the labels of a KPI series; `by` are the labels to keep.
    pub fn sum(&self, by: &str, series: &str) -> String {
        call(&format!("sum by ({by})"), &self.one_replica(series))
    }

    /// Like [`Self::sum`], for values that do not add up.
    pub fn largest(&self, by: &str, series: &str) -> String {
        call(&format!("max by ({by})"), &self.one_replica(series))
    }

    /// Like [`Self::sum`], with all labels but those of replicas.
    pub fn one_replica(&self, series: &str) -> String {
        let limit = self.lag / 1_000;
        let guarded = format!("{series}\nand on (job, instance) ({AGE} < {limit})");
        call("max without (instance, pod)", &guarded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runbook_links_are_absolute_once_the_repository_is_known() {
        assert_eq!(runbooks(""), "docs/runbooks");
        for repository in [
            "https://github.com/desk/exporter",
            "https://github.com/desk/exporter/",
        ] {
            assert_eq!(
                runbooks(repository),
                "https://github.com/desk/exporter/blob/HEAD/docs/runbooks"
            );
        }
    }
}
