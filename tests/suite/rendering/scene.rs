//! Where the numbers come from: the demo, its past in a Prometheus by the commands of
//! `dashboards/README.md`, and a Prometheus that has just been started.

use serde_json::{Value, json};

use crate::end_to_end::{PATIENCE, file, now, path, run_well, simulate};
use crate::harness::{Exporter, Prometheus, PrometheusOptions, eventually, promtool_path};

const DAY: i64 = 86_400_000;
/// A month of error budgets, and the day in which it ends.
const HISTORY: i64 = 31 * DAY;
/// An increase of an hour needs two samples in it.
const STEP: &str = "30m";
/// Samples of the past are that far apart; five minutes would be seen otherwise.
const LOOK_BACK: &str = "31m";

pub(super) struct Scene {
    prometheus: Prometheus,
    exporter: Option<Exporter>,
    /// The end of all ranges, so that every look shows the same.
    now: i64,
}

impl Scene {
    /// A month of the demo, and the demo going on.
    #[track_caller]
    pub(super) fn with_a_past() -> Self {
        let arguments = ["demo", "--speed-up", "1", "--history", "45d", "--seed", "7"];
        let mut exporter = Exporter::start(&arguments, "");
        exporter.wait_ready(PATIENCE);
        let logs = exporter.logs();
        let (_, rest) = logs.split_once("embedded broker at ").unwrap();
        let broker = rest.split(',').next().unwrap();
        let config = file(simulate("--print-config").as_bytes());
        let storage = tempfile::tempdir().unwrap().keep();
        run_well(
            &[
                "backfill",
                "--config.file",
                path(&config),
                "--set",
                &format!("kafka.brokers={broker}"),
                "--from",
                &now().minus(HISTORY).rfc3339(),
                "--step",
                STEP,
                "--label",
                "job=test",
                "--label",
                &format!("instance={}", exporter.address()),
                "--blocks",
                storage.to_str().unwrap(),
                "--promtool",
                promtool_path().to_str().unwrap(),
            ],
            b"",
        );
        let prometheus = Prometheus::start(
            &[exporter.address()],
            &PrometheusOptions {
                storage: Some(storage),
                look_back: Some(LOOK_BACK.to_owned()),
                ..PrometheusOptions::default()
            },
        );
        Self::live(prometheus, Some(exporter))
    }

    /// The same exporter in a Prometheus that scrapes it for the first time.
    #[track_caller]
    pub(super) fn just_started(&self) -> Self {
        let address = self.exporter.as_ref().unwrap().address();
        let prometheus = Prometheus::start(&[address], &PrometheusOptions::default());
        Self::live(prometheus, None)
    }

    /// A Prometheus that scrapes nothing.
    #[track_caller]
    pub(super) fn without_data(&self) -> Self {
        Self {
            prometheus: Prometheus::start(&[], &PrometheusOptions::default()),
            exporter: None,
            now: self.now,
        }
    }

    #[track_caller]
    fn live(prometheus: Prometheus, exporter: Option<Exporter>) -> Self {
        prometheus.wait_until_up(PATIENCE);
        // A rate needs two samples.
        let enough = "min(count_over_time(ticket_exporter_events_total[1m]))";
        prometheus.wait_for(enough, PATIENCE, |samples| samples >= 5.0);
        let now = now().0;
        // The last blocks of the past are loaded.
        if exporter.is_some() {
            eventually("the past", PATIENCE, || {
                let found = prometheus.query("count(ticket_backlog offset 1d)");
                if found.is_empty() {
                    Err(prometheus.logs())
                } else {
                    Ok(())
                }
            });
        }
        Self {
            prometheus,
            exporter,
            now,
        }
    }

    /// What the page is asked to draw.
    pub(super) fn request(&self, dashboard: &Value, theme: &str, values: &Value) -> Value {
        let since = dashboard["time"]["from"].as_str().unwrap();
        let (number, unit) = since
            .strip_prefix("now-")
            .unwrap()
            .split_at(since.len() - 5);
        let length = number.parse::<i64>().unwrap()
            * match unit {
                "h" => DAY / 24,
                "d" => DAY,
                unit => panic!("{unit}"),
            };
        json!({
            "dashboard": dashboard,
            "prometheus": self.prometheus.url(""),
            "theme": theme,
            "from": self.now - length,
            "to": self.now,
            "values": values,
        })
    }
}
