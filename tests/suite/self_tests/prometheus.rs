//! Prometheus accepts each exposition format, and reports an invalid one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::protobuf;
use crate::harness::{Prometheus, PrometheusOptions, Protocol, TestServer, promtool};

const TIMEOUT: Duration = Duration::from_secs(60);

const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// The start time of the counter: before the first scrape, and within the range of the queries.
fn started() -> f64 {
    (now() - 20.0).floor()
}

/// The value of the stored sample at the start time.
fn value_at_start(prometheus: &Prometheus, start: f64) -> Option<f64> {
    let series = prometheus.samples("harness_events_total", "5m");
    let (_, points) = series.first()?;
    points
        .iter()
        .find(|(seconds, _)| (seconds - start).abs() < 0.01)
        .map(|(_, value)| *value)
}

#[test]
fn text_is_scraped() {
    let server = TestServer::with_page(|accept| {
        assert!(accept.contains("version=0.0.4"), "{accept}");
        let text = "# TYPE harness_events_total counter\nharness_events_total{team=\"a\"} 3\n";
        (TEXT_TYPE.to_owned(), text.into())
    });
    let options = PrometheusOptions::everything_of(Protocol::Text);
    let begin = now();
    let prometheus = Prometheus::start(&[server.address().to_string()], &options);
    prometheus.wait_until_up(TIMEOUT);
    prometheus.wait_for("harness_events_total", TIMEOUT, |value| value == 3.0);
    let series = prometheus.query("harness_events_total");
    assert_eq!(series[0].0["team"], "a");
    assert_eq!(
        prometheus.query_at("harness_events_total", begin - 60.0),
        []
    );

    let range = prometheus.query_range("harness_events_total * 2", now() - 1.0, now(), 0.5);
    assert!(
        range[0].1.iter().all(|(_, value)| *value == 6.0),
        "{range:?}"
    );
    assert_eq!(prometheus.value("vector(1)"), 1.0);
}

#[test]
fn openmetrics_is_scraped_with_start_timestamp_and_exemplar() {
    let start = started();
    let server = TestServer::with_page(move |accept| {
        assert!(accept.contains("application/openmetrics-text"), "{accept}");
        let text = format!(
            "# TYPE harness_events counter\n\
             harness_events_total 3 # {{ticket_id=\"7\"}} 1\n\
             harness_events_created {start}\n\
             # EOF\n"
        );
        (OPENMETRICS_TYPE.to_owned(), text.into())
    });
    let options = PrometheusOptions::everything_of(Protocol::OpenMetrics);
    let prometheus = Prometheus::start(&[server.address().to_string()], &options);
    prometheus.wait_for("harness_events_total", TIMEOUT, |value| value == 3.0);
    assert_eq!(value_at_start(&prometheus, start), Some(0.0));
    prometheus.wait_for("increase(harness_events_total[1m])", TIMEOUT, |value| {
        value > 0.0
    });
    let (from, to) = ((now() - 60.0).to_string(), now().to_string());
    let exemplars = prometheus.api(
        "query_exemplars",
        &[
            ("query", "harness_events_total"),
            ("start", &from),
            ("end", &to),
        ],
    );
    assert_eq!(
        exemplars[0]["exemplars"][0]["labels"]["ticket_id"], "7",
        "{exemplars}"
    );
}

#[test]
fn protobuf_is_scraped_with_start_timestamp_and_native_histogram() {
    let start = started();
    let server = TestServer::with_page(move |accept| {
        assert!(
            accept.contains("io.prometheus.client.MetricFamily"),
            "{accept}"
        );
        (
            protobuf::CONTENT_TYPE.to_owned(),
            protobuf::counter_and_native_histogram(start),
        )
    });
    let options = PrometheusOptions::everything_of(Protocol::Protobuf);
    let prometheus = Prometheus::start(&[server.address().to_string()], &options);
    prometheus.wait_for("harness_events_total", TIMEOUT, |value| value == 3.0);
    assert_eq!(value_at_start(&prometheus, start), Some(0.0));
    assert_eq!(prometheus.value("histogram_count(harness_seconds)"), 3.0);
    assert_eq!(prometheus.value("histogram_sum(harness_seconds)"), 5.5);
    let median = prometheus.value("histogram_quantile(0.5, harness_seconds)");
    assert!((1.0..=2.0).contains(&median), "{median}");
}

#[test]
fn a_page_that_is_no_exposition_is_an_error_of_the_target() {
    let server = TestServer::with_page(|_| ("text/html".to_owned(), "<p>no metrics</p>".into()));
    let address = server.address().to_string();
    let prometheus = Prometheus::start(
        std::slice::from_ref(&address),
        &PrometheusOptions::default(),
    );
    prometheus.wait_for("up", TIMEOUT, |up| up == 0.0);
    let targets = prometheus.targets();
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].url, format!("http://{address}/metrics"));
    assert_eq!(targets[0].health, "down");
    assert!(targets[0].last_error.contains("text/html"), "{targets:?}");
}

#[test]
fn rules_are_evaluated() {
    let server = TestServer::with_page(|_| (TEXT_TYPE.to_owned(), "harness_value 2\n".into()));
    let rules = "\
groups:
  - name: harness
    rules:
      - record: harness:value:double
        expr: harness_value * 2
      - alert: HarnessValueHigh
        expr: harness_value > 1
        labels: { severity: info }
";
    let options = PrometheusOptions {
        rules: Some(rules.to_owned()),
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[server.address().to_string()], &options);
    prometheus.wait_for("harness:value:double", TIMEOUT, |value| value == 4.0);
    prometheus.wait_for("count(ALERTS{alertstate=\"firing\"})", TIMEOUT, |count| {
        count == 1.0
    });
    let alerts = prometheus.alerts();
    assert_eq!(
        (alerts[0].0["severity"].as_str(), alerts[0].1.as_str()),
        ("info", "firing")
    );
}

#[test]
fn promtool_accepts_good_text_and_refuses_bad() {
    let good = "\
# HELP harness_events_total Events seen.
# TYPE harness_events_total counter
harness_events_total 3
";
    let taken = promtool(&["check", "metrics"], good);
    assert!(taken.success, "{taken:?}");

    let bad_name = good.replace("_total", "");
    let refused = promtool(&["check", "metrics"], &bad_name);
    assert!(
        !refused.success && refused.stderr.contains("_total"),
        "{refused:?}"
    );

    let no_exposition = promtool(&["check", "metrics"], "harness_events_total three\n");
    assert!(!no_exposition.success, "{no_exposition:?}");
}
