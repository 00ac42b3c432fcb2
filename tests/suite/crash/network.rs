//! The broker dies, the network fails, the process is suspended: the numbers are late, but never wrong.

use std::thread;
use std::time::Duration;

use super::watch::Watch;
use super::{
    LIVELY, STOPPED_WITHIN, Simulation, after_lively, assert_withheld, close, start,
    wait_for_reason, wait_for_truth, wait_until_lively,
};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time};
use crate::harness::{Kafka, Signal};

/// Longer than the session timeout of the tests (6 s), after which the group removes the member.
const LONGER_THAN_THE_SESSION: Duration = Duration::from_secs(9);

#[test]
fn broker_and_exporter_are_killed_together() {
    let mut kafka = Kafka::start();
    let topic = "both";
    kafka.create_topic(topic, 3, &[]);
    let config = helpdesk_config_on_event_time(&kafka, topic);
    let simulation = Simulation::start(&kafka, topic, LIVELY);
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    kafka.kill();
    thread::sleep(Duration::from_secs(1));
    exporter.kill9();
    exporter.restart();
    // It has the last checkpoint and cannot know whether there are more records.
    wait_for_reason(&exporter, "Connection refused");
    for _ in 0..20 {
        assert_withheld(&exporter, "Connection refused");
        thread::sleep(Duration::from_millis(100));
    }
    kafka.restart();
    exporter.wait_ready(PATIENCE);
    kafka.kill();
    kafka.restart();
    simulation.finish();
    close(&kafka, topic, after_lively());
    wait_for_truth(&exporter, &config, &kafka, topic);
    watch.finish();
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
}

#[test]
fn the_network_fails_again_and_again() {
    let (kafka, proxy) = Kafka::start_behind_proxy();
    let topic = "cut";
    kafka.create_topic(topic, 3, &[]);
    let straight = helpdesk_config_on_event_time(&kafka, topic);
    let config = straight.replace(&kafka.bootstrap(), &proxy.address().to_string());
    let simulation = Simulation::start(&kafka, topic, LIVELY);
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    for milliseconds in [50, 300, 1_500] {
        proxy.cut();
        thread::sleep(Duration::from_millis(milliseconds));
        proxy.mend();
        thread::sleep(Duration::from_millis(800));
    }
    proxy.cut();
    thread::sleep(LONGER_THAN_THE_SESSION);
    proxy.mend();
    simulation.finish();
    close(&kafka, topic, after_lively());
    wait_for_truth(&exporter, &straight, &kafka, topic);
    exporter.wait_ready(PATIENCE);
    watch.finish();
}

#[test]
fn a_process_suspended_beyond_its_session_continues() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("slept", 3);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let simulation = Simulation::start(kafka, &topic, LIVELY);
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    exporter.signal(Signal::Stop);
    thread::sleep(LONGER_THAN_THE_SESSION);
    exporter.signal(Signal::Cont);
    simulation.finish();
    close(kafka, &topic, after_lively());
    wait_for_truth(&exporter, &config, kafka, &topic);
    exporter.wait_ready(PATIENCE);
    watch.finish();
}
