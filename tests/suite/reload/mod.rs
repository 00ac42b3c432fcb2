//! The configuration is reloaded while the exporter runs. A possible change applies from then on, any other
//! is refused and changes nothing, and scrapes continue in both cases.

mod automatic;
mod live;
mod load;
mod million;
mod refused;
mod service;
mod start;

use crate::crash::{start as start_with, target_config, wait_for_truth};
use crate::end_to_end::PATIENCE;
use crate::harness::{Exporter, Kafka, Signal, eventually};

const SUCCESSFUL: &str = "ticket_exporter_config_last_reload_successful";
const SUCCEEDED_AT: &str = "ticket_exporter_config_last_reload_success_timestamp_seconds";

/// Lets the tests reload over HTTP.
const LIFECYCLE: &str = "web: { enable_lifecycle: true }\n";

/// Bounds that include the targets used here, so that targets may change without new buckets.
const BUCKETS: &str = "buckets: { first_response: [3s, 10m], next_response: [3s, 10m], \
     resolution: [3s, 10m], ownership: [3s, 10m], handle: [3s, 10m], assignment: [3s, 10m], \
    requester_wait: [3s, 10m], agent_wait: [3s, 10m] }\n";

/// A ready exporter with a short SLA target, whose configuration can be reloaded over HTTP.
fn running(name: &str, more: &str) -> (&'static Kafka, String, String, Exporter) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 2);
    let config = target_config(kafka, &topic, "10m") + BUCKETS + LIFECYCLE + more;
    let mut exporter = start_with(&config);
    exporter.wait_ready(PATIENCE);
    (kafka, topic, config, exporter)
}

/// Replaces a part of a configuration, which must be there.
#[track_caller]
fn instead(config: &str, part: &str, other: &str) -> String {
    assert!(config.contains(part), "no {part:?} in\n{config}");
    config.replace(part, other)
}

/// Waits for the sum of a metric's samples.
#[track_caller]
fn wait_for_sum(exporter: &Exporter, metric: &str, labels: &[(&str, &str)], expected: f64) {
    exporter.wait_for_metrics(metric, PATIENCE, |scrape| {
        let mut found = scrape.metric(metric);
        for (name, value) in labels {
            found = found.label(name, value);
        }
        match found.sum() {
            sum if sum == expected => Ok(()),
            sum => Err(format!("{sum}; log\n{}", exporter.logs())),
        }
    });
}

/// The metrics of the last reload: whether it succeeded, and the time of the last success.
fn last_reload(exporter: &Exporter) -> (bool, f64) {
    let metrics = exporter.metrics();
    let successful = metrics.metric(SUCCESSFUL).value();
    (successful == 1.0, metrics.metric(SUCCEEDED_AT).value())
}

/// Reloads a configuration by POST and expects success. Returns the answer.
#[track_caller]
fn take_over(exporter: &Exporter, config: &str) -> String {
    let (_, before) = last_reload(exporter);
    exporter.write_config(config);
    let answer = exporter.post("/-/reload");
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}\nlog\n{}", exporter.logs());
    let (successful, after) = last_reload(exporter);
    assert!(successful && after > before, "{before}, then {after}");
    text
}

/// Reloads a configuration by POST and expects a refusal. Returns all errors.
#[track_caller]
fn refuse(exporter: &Exporter, config: &str) -> String {
    let (_, before) = last_reload(exporter);
    exporter.write_config(config);
    let answer = exporter.post("/-/reload");
    let text = answer.text();
    assert_eq!(answer.status, 500, "{text}\nlog\n{}", exporter.logs());
    assert_eq!(last_reload(exporter), (false, before), "{text}");
    text
}

/// Reloads a configuration by SIGHUP and waits until the metrics show the result.
#[track_caller]
fn hang_up(exporter: &mut Exporter, config: &str, successful: bool) {
    let (before, at) = last_reload(exporter);
    // The metrics do not change on a failure after a failure.
    assert!(before || successful, "start from a success");
    exporter.write_config(config);
    exporter.signal(Signal::Hup);
    eventually("the result of a reload", PATIENCE, || {
        let (now, since) = last_reload(exporter);
        if now == successful && (since > at) == successful {
            return Ok(());
        }
        Err(format!("{now} since {since}; log\n{}", exporter.logs()))
    });
}
