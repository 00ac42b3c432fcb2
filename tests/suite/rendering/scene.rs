//! The data: a simulated helpdesk in a working afternoon, its past in a Prometheus by the commands of
//! `docs/how-to/dashboards.md`, and a Prometheus that has just started.

use serde_json::{Value, json};
use ticket_exporter::domain::duration;

use crate::end_to_end::{AfternoonHelpdesk, PATIENCE, file, now, path, run_well};
use crate::gateway::Gateway;
use crate::harness::{Exporter, Kafka, Prometheus, PrometheusOptions, folder, promtool_path};

const DAY: i64 = 86_400_000;
/// Days of events.
const DAYS: i64 = 45;
/// A month of error budgets, and the day in which it ends.
const HISTORY: i64 = 31 * DAY;
/// An increase of an hour needs two samples in it.
const STEP: &str = "30m";
/// The backfilled samples are half an hour apart. Prometheus would look back five minutes only.
const LOOK_BACK: &str = "31m";
/// The scraped seconds before the rendering: a chart has a point each 15 seconds.
const SCRAPED: f64 = 40.0;
/// A backfill has no series of the exporter itself, which has only just started.
const LIVE_ALONE: (&str, &str) = ("ticket-exporter", "now-2m");

pub(super) struct Scene {
    prometheus: Prometheus,
    exporter: Option<Exporter>,
    _gateway: Option<Gateway>,
    /// Prometheus reads these blocks.
    _storage: Option<tempfile::TempDir>,
    /// The end of all ranges, so that every rendering shows the same.
    now: i64,
}

impl Scene {
    /// A month of the helpdesk, and the running exporter.
    #[track_caller]
    pub(super) fn with_a_past() -> Self {
        let kafka = Kafka::shared();
        let topic = kafka.new_topic("rendering", 8);
        let helpdesk = AfternoonHelpdesk::write(kafka, &topic, 7, DAYS);
        let config = helpdesk.config(kafka, &topic);
        let mut exporter = Exporter::start(&[], &config);
        exporter.wait_ready(PATIENCE);
        let config = file(config.as_bytes());
        let storage = folder("past");
        run_well(
            &[
                "backfill",
                "--config.file",
                path(&config),
                "--from",
                &now().minus(HISTORY).rfc3339(),
                "--step",
                STEP,
                "--label",
                "job=test",
                "--label",
                &format!("instance={}", exporter.address()),
                "--blocks",
                storage.path().to_str().unwrap(),
                "--promtool",
                promtool_path().to_str().unwrap(),
            ],
            b"",
        );
        let gateway = Gateway::beside_dashboards();
        let prometheus = Prometheus::start(
            &[exporter.address(), gateway.address()],
            &PrometheusOptions {
                storage: Some(storage.path().to_owned()),
                look_back: Some(LOOK_BACK.to_owned()),
                ..PrometheusOptions::default()
            },
        );
        prometheus.wait_until_up(PATIENCE);
        gateway.accept_and_refuse();
        Self {
            exporter: Some(exporter),
            _gateway: Some(gateway),
            _storage: Some(storage),
            ..Self::live(prometheus, true)
        }
    }

    /// The same exporter in a Prometheus that has just started to scrape it.
    #[track_caller]
    pub(super) fn just_started(&self) -> Self {
        let address = self.exporter.as_ref().unwrap().address();
        let prometheus = Prometheus::start(&[address], &PrometheusOptions::default());
        Self::live(prometheus, false)
    }

    /// A Prometheus without targets.
    #[track_caller]
    pub(super) fn without_data(&self) -> Self {
        Self {
            prometheus: Prometheus::start(&[], &PrometheusOptions::default()),
            exporter: None,
            _gateway: None,
            _storage: None,
            now: self.now,
        }
    }

    #[track_caller]
    fn live(prometheus: Prometheus, has_past: bool) -> Self {
        prometheus.wait_until_up(PATIENCE);
        let enough = "min(count_over_time(ticket_exporter_events_total[1m]))";
        prometheus.wait_for(enough, PATIENCE, |samples| samples >= SCRAPED);
        // Prometheus loads blocks in the background.
        if has_past {
            let loaded = "count(ticket_backlog offset 1d)";
            prometheus.wait_for(loaded, PATIENCE, |series| series >= 1.0);
        }
        Self {
            prometheus,
            exporter: None,
            _gateway: None,
            _storage: None,
            now: now().0,
        }
    }

    /// The request to the page.
    pub(super) fn request(&self, dashboard: &Value, theme: &str, values: &Value) -> Value {
        let (alone, briefly) = LIVE_ALONE;
        let since = match dashboard["uid"].as_str().unwrap() {
            uid if uid == alone => briefly,
            _ => dashboard["time"]["from"].as_str().unwrap(),
        };
        let length = duration::parse(since.strip_prefix("now-").unwrap()).unwrap();
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
