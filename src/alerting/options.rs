//! What rules need to know that is no part of a configuration: the few thresholds, and names of
//! the place where they run.

use super::model::Links;
use super::promql::{call, window};
use crate::domain::timestamp::{DAY, MINUTE, Milliseconds};

/// How long a value holds that no scrape renews. Several scrapes at any usual interval, and as long
/// as Prometheus itself looks back; a longer one keeps alerts on what may be over, and one below the
/// three minutes after which an exporter is down ends them before anybody is told why.
const HOLD: Milliseconds = 5 * MINUTE;
/// Numbers of this age are not judged any more. Well above `stream.grace` (30 s), which is the age
/// that is normal on a quiet topic; well below what a deadline allows.
const LAG: Milliseconds = 10 * MINUTE;
/// No ticket should be unsolved this long: the largest age that `ticket_backlog_older_than` knows.
const OLDEST: Milliseconds = 30 * DAY;
/// Goals in a window below which a share of them says nothing: with ten, one more or less is ten
/// points.
const MINIMUM_GOALS: u32 = 10;
/// Breaches in a window below which nobody is called: one has its own alert, two can be chance.
const MINIMUM_BREACHES: u32 = 3;
/// Tickets in a window below which it is not compared with earlier ones: the usual rule of thumb
/// for a quantile of 0.9 or a share.
const MINIMUM_SAMPLES: u32 = 20;
/// The scrape job of the README.
const JOB: &str = "ticket-exporter";
/// Where the runbooks lie in the repository.
const RUNBOOKS: &str = "docs/runbooks";
/// The address of the repository in `Cargo.toml`; empty until a publisher sets it.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// What the rules are made for: addresses, labels and limits that the user sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Priorities whose breach calls somebody at once; none: nothing is said of single breaches.
    pub urgent: Vec<String>,
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

impl Default for Options {
    fn default() -> Self {
        Self {
            urgent: Vec::new(),
            hold: HOLD,
            lag: LAG,
            oldest: OLDEST,
            minimum_goals: MINIMUM_GOALS,
            minimum_breaches: MINIMUM_BREACHES,
            minimum_samples: MINIMUM_SAMPLES,
            job: JOB.to_owned(),
            links: Links {
                runbooks: runbooks(REPOSITORY),
                boards: String::new(),
            },
        }
    }
}

/// What comes before the name of a runbook in links. GitHub and GitLab show a file of the default branch
/// at `blob/HEAD`.
fn runbooks(repository: &str) -> String {
    match repository.trim_end_matches('/') {
        "" => RUNBOOKS.to_owned(),
        repository => format!("{repository}/blob/HEAD/{RUNBOOKS}"),
    }
}

/// How old the numbers of an instance are: since the stream clock of the partition furthest behind.
pub const AGE: &str = "job_instance:ticket_exporter_watermark_age_seconds:max";

impl Options {
    /// `[5m]`.
    pub fn held(&self) -> String {
        format!("[{}]", window(self.hold))
    }

    /// Values of instances whose numbers are fresh, one for all replicas, and added up.
    ///
    /// `series`: a query whose results have the labels of a KPI series; `by`: the labels to keep.
    pub fn sum(&self, by: &str, series: &str) -> String {
        call(&format!("sum by ({by})"), &self.one_replica(series))
    }

    /// Like [`Self::sum`], for what cannot be added up.
    pub fn largest(&self, by: &str, series: &str) -> String {
        call(&format!("max by ({by})"), &self.one_replica(series))
    }

    /// The same, not added up.
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
