//! In every format, the values in Prometheus equal a `replay` of the same records.

use serde_json::Value;

use super::{
    PATIENCE, SimulatedTopic, Values, clock, cumulative, is_kpi, kpis, one_clock, replay, same,
};
use super::{assert_same, replay_text, series};
use crate::harness::{
    Exporter, Labels, Prometheus, PrometheusOptions, Protocol, eventually, promtool, scrape,
};

/// One scrape as Prometheus has stored it.
#[derive(Default)]
struct Stored {
    clocks: Vec<f64>,
    kpis: Values,
    /// Count, sum, and the sum over the buckets of each native histogram.
    native: Vec<(Labels, [f64; 3])>,
}

impl Stored {
    /// The latest scrape: an instant query sees all of a scrape or nothing.
    fn latest(prometheus: &Prometheus) -> Self {
        let data = prometheus.api("query", &[("query", "{__name__=~\"ticket_.+\"}")]);
        let mut stored = Self::default();
        for one in data["result"].as_array().unwrap() {
            let labels: Labels = serde_json::from_value(one["metric"].clone()).unwrap();
            let name = labels["__name__"].clone();
            if let Some(histogram) = one.get("histogram") {
                if is_kpi(&name) {
                    stored.native.push((labels, native(&histogram[1])));
                }
                continue;
            }
            let value = number(&one["value"][1]);
            if name == "ticket_exporter_watermark_timestamp_seconds" {
                stored.clocks.push(value);
            } else if is_kpi(&name) {
                stored.kpis.insert(series(&name, &labels), value);
            }
        }
        stored
    }

    fn matches(&self, helpdesk: &SimulatedTopic, config: &str) -> Result<(), String> {
        if self.kpis.is_empty() {
            return Err("no KPI is stored yet".to_owned());
        }
        let clock = one_clock(self.clocks.iter().copied())?;
        let expected = kpis(&replay(config, &helpdesk.lines, clock));
        same(&self.kpis, &expected)
    }
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn native(histogram: &Value) -> [f64; 3] {
    let buckets = histogram["buckets"].as_array().into_iter().flatten();
    [
        number(&histogram["count"]),
        number(&histogram["sum"]),
        buckets.map(|bucket| number(&bucket[3])).sum(),
    ]
}

/// The comparison includes gauges and windows, since a scrape contains the clock of its series. A scrape
/// between a move of the clock and the publication has older series than its clock says; then the test
/// queries again.
#[test]
fn prometheus_has_the_values_of_a_replay_in_every_format() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let servers = Protocol::ALL.map(|protocol| {
        let options = PrometheusOptions::everything_of(protocol);
        (protocol, Prometheus::start(&[exporter.address()], &options))
    });
    for (protocol, prometheus) in &servers {
        prometheus.wait_until_up(PATIENCE);
        let what = format!(
            "the values of a replay in {protocol:?}, of simulate {}",
            helpdesk.helpdesk.arguments
        );
        let stored = eventually(&what, PATIENCE, || {
            let stored = Stored::latest(prometheus);
            stored.matches(helpdesk, &config).map(|()| stored)
        });
        // The comparison must not be empty.
        for family in [
            "ticket_created_total",
            "ticket_sla_at_risk",
            "ticket_sla_overdue",
            "ticket_window_seconds",
        ] {
            let filled = |(series, value): (&String, &f64)| {
                series.starts_with(&format!("{family}{{")) && *value > 0.0
            };
            assert!(stored.kpis.iter().any(filled), "{protocol:?}: no {family}");
        }
        if *protocol == Protocol::Protobuf {
            check_native(&stored);
        } else {
            assert!(stored.native.is_empty(), "{protocol:?} has no native form");
        }
    }
}

/// The native form of each histogram equals its classic form.
#[track_caller]
fn check_native(stored: &Stored) {
    let mut with_content = 0;
    for (labels, [count, sum, buckets]) in &stored.native {
        let name = &labels["__name__"];
        let classic = |end: &str| stored.kpis[&series(&format!("{name}{end}"), labels)];
        assert_eq!(*count, classic("_count"), "{labels:?}");
        assert_eq!(*sum, classic("_sum"), "{labels:?}");
        assert_eq!(
            *buckets, *count,
            "{labels:?}: the buckets hold something else"
        );
        with_content += usize::from(*count > 0.0);
    }
    let classic = stored.kpis.keys().filter(|one| one.contains("_count{"));
    assert_eq!(stored.native.len(), classic.count(), "of all histograms");
    assert!(
        with_content > 10,
        "{with_content} native histograms hold something"
    );
}

/// A start timestamp makes the first value an increase. A restarted exporter that reads the topic again has
/// the same counters.
#[test]
fn a_restart_gives_the_same_counters() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let before = exporter.metrics();
    exporter.kill9();
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let after = exporter.metrics();
    // Deadlines may have passed between the two scrapes, so each is compared at its own clock.
    for scrape in [&before, &after] {
        let clock = clock(scrape).unwrap();
        let expected = kpis(&replay(&config, &helpdesk.lines, clock));
        assert_same(
            "counters",
            &cumulative(&kpis(scrape)),
            &cumulative(&expected),
        );
    }
}

#[test]
fn promtool_has_no_complaints() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let live = exporter.get("/metrics").text();
    let replayed = replay_text(&config, &helpdesk.lines, super::now());
    for (what, text) in [("/metrics", live), ("replay", replayed)] {
        assert!(
            kpis(&scrape(&text)).len() > 1_000,
            "{what}: nothing to check"
        );
        let checked = promtool(&["check", "metrics"], &text);
        let said = checked.stdout + &checked.stderr;
        assert!(checked.success && said.is_empty(), "{what}: {said}");
    }
}
