//! The normal case: a regular stop and a start.

use std::time::{Duration, Instant};

use super::watch::Watch;
use super::{
    LIVELY, STOPPED_WITHIN, Simulation, after_lively, assert_logged, close, offsets, start,
    wait_for_truth, wait_until_lively,
};
use crate::end_to_end::{PATIENCE, assert_same, cumulative, helpdesk_config_on_event_time, kpis};
use crate::harness::{Exporter, Kafka};

/// Much more than a start takes without a session timeout and a history to read.
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[track_caller]
fn assert_soon_back(exporter: &mut Exporter) {
    let started = Instant::now();
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let took = started.elapsed();
    assert!(
        took < BACK_WITHIN,
        "ready after {took:?}; log\n{}",
        exporter.logs()
    );
}

#[test]
fn a_restart_continues_after_the_stop() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("restart", 3);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let simulation = Simulation::start(kafka, &topic, LIVELY);
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    for _ in 0..3 {
        wait_until_lively(&mut exporter);
        assert_eq!(
            exporter.stop(STOPPED_WITHIN).code(),
            Some(0),
            "{}",
            exporter.logs()
        );
        exporter.restart();
    }
    simulation.finish();
    close(kafka, &topic, after_lively());
    let before = wait_for_truth(&exporter, &config, kafka, &topic);

    assert_eq!(
        exporter.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        exporter.logs()
    );
    assert_soon_back(&mut exporter);
    let metrics = exporter.metrics();
    assert_same(
        "the first values",
        &cumulative(&kpis(&metrics)),
        &cumulative(&before),
    );
    assert_eq!(offsets(&metrics), kafka.ends(&topic));
    let events = metrics.metric("ticket_exporter_events_total");
    events.label("result", "applied").is(0.0);
    assert_logged(&exporter, "restored");
    watch.finish();
}

/// With static membership the group does not wait for the session of the killed process.
#[test]
fn a_killed_process_gets_its_partitions_back_at_once() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("back", 3);
    let session = "session.timeout.ms: \"6000\"";
    let config = helpdesk_config_on_event_time(kafka, &topic);
    assert!(config.contains(session), "{config}");
    let config = config.replace(session, "session.timeout.ms: \"45000\"");
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    exporter.kill9();
    assert_soon_back(&mut exporter);
}
