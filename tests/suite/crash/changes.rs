//! The configuration changes between two runs. The exporter applies changes that keep the numbers exact. It
//! refuses others, or rebuilds where the configuration allows it.

use super::watch::Watch;
use super::{STOPPED_WITHIN, breaches, created, reply, start, target_config, wait_for_truth};
use crate::end_to_end::{PATIENCE, now};
use crate::harness::{Exporter, Kafka};

/// Stops the exporter, changes its configuration and starts it again.
#[track_caller]
fn change(exporter: &mut Exporter, config: &str) {
    assert_eq!(
        exporter.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        exporter.logs()
    );
    exporter.write_config(config);
}

fn running(name: &str, more: &str) -> (&'static Kafka, String, String, Exporter) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 2);
    let config = target_config(kafka, &topic, "10m") + more;
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let at = now();
    kafka.produce(
        &topic,
        [
            created("kept", at),
            created("open", at),
            reply("kept", at.plus(1)),
        ],
    );
    wait_for_truth(&exporter, &config, kafka, &topic);
    (kafka, topic, config, exporter)
}

#[track_caller]
fn assert_refused(exporter: &mut Exporter, words: &[&str]) {
    let status = exporter.restart_to_end();
    let said = exporter.logs_since_start();
    assert_eq!(status.code(), Some(78), "{said}");
    for words in words {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
}

#[test]
fn it_continues_with_other_policies_and_calendars() {
    // Targets are bounds of the histograms, so the new one must be a bound already.
    let (kafka, topic, config, mut exporter) = running(
        "policies",
        "buckets: { first_response: [3s, 10m], next_response: [3s, 10m], resolution: [3s, 10m], ownership: [3s, 10m], handle: [3s, 10m], assignment: [3s, 10m], requester_wait: [3s, 10m], agent_wait: [3s, 10m] }\n",
    );
    let watch = Watch::start(&exporter);
    let changed = config.replace(
        "targets: { first_response: 10m }",
        "targets: { first_response: 3s }",
    ) + "calendars: { office: { timezone: Europe/Berlin, weekly: { mon: [\"09:00-17:00\"] } } }\n";
    let changed = changed.replace(
        "teams: { known: [billing] }",
        "teams: { known: [billing], calendars: { billing: office } }",
    );
    change(&mut exporter, &changed);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let metrics = exporter.metrics();
    let tickets = metrics.metric("ticket_created_total");
    assert_eq!(tickets.label("team", "billing").sum(), 2.0, "counts stay");
    let read = metrics.metric("ticket_exporter_events_total");
    read.label("result", "applied").is(0.0);
    kafka.produce(&topic, [created("new", now())]);
    exporter.wait_for_metrics(
        "a breach under the new policy",
        PATIENCE,
        |scrape| match breaches(scrape)? {
            count if count >= 1.0 => Ok(()),
            count => Err(format!("{count} breaches")),
        },
    );
    watch.finish();
}

#[test]
fn other_buckets_are_refused_or_cause_a_rebuild() {
    let (kafka, topic, config, mut exporter) = running("buckets", "");
    let changed = config.clone() + "buckets: { first_response: [7m, 9m] }\n";
    change(&mut exporter, &changed);
    assert_refused(&mut exporter, &["buckets", "checkpoint.on_changed_rules"]);

    // The refusal loses nothing.
    exporter.write_config(&config);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let metrics = exporter.metrics();
    let events = metrics.metric("ticket_exporter_events_total");
    events.label("result", "applied").is(0.0);
    wait_for_truth(&exporter, &config, kafka, &topic);

    let rebuild = changed + "checkpoint: { on_changed_rules: rebuild }\n";
    change(&mut exporter, &rebuild);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &rebuild, kafka, &topic);
    let metrics = exporter.metrics();
    let bucket = metrics.metric("ticket_first_response_seconds_bucket");
    let bucket = bucket.label("team", "billing").label("clock", "calendar");
    assert_eq!(bucket.label("le", "420").sum(), 1.0);
}

#[test]
fn other_topics_are_refused() {
    let (kafka, topic, config, mut exporter) = running("topics", "");
    let other = kafka.new_topic("other", 1);
    let changed = config.replace(&format!("topics: [{topic}]"), &format!("topics: [{other}]"));
    assert_ne!(changed, config);
    change(&mut exporter, &changed);
    assert_refused(&mut exporter, &["topics"]);
}

/// Another mapping counts the same records in another way, so the operator has to decide.
#[test]
fn another_mapping_is_refused_recounted_or_continued() {
    let (kafka, topic, config, mut exporter) = running("mapping", "");
    let mapping = "mapping: { preset: none, common: { ticket_id: .ticket_id, at: .at }, rules: \
                   { all: { type: created, team: .team } } }\n";
    let changed = config.clone() + mapping;
    change(&mut exporter, &changed);
    assert_refused(
        &mut exporter,
        &[
            "canonical, now preset none",
            "ticket-exporter recount",
            "on_changed_rules: rebuild",
            "on_changed_rules: continue",
        ],
    );

    let continued = changed.clone() + "checkpoint: { on_changed_rules: continue }\n";
    exporter.write_config(&continued);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let metrics = exporter.metrics();
    let events = metrics.metric("ticket_exporter_events_total");
    events.label("result", "applied").is(0.0);
    let replies = metrics.metric("ticket_first_response_seconds_count");
    let replies = replies.label("team", "billing").label("clock", "calendar");
    assert_eq!(replies.sum(), 1.0, "counts stay");

    // The store has the new mapping: nothing has changed since.
    change(&mut exporter, &changed);
    exporter.restart();
    exporter.wait_ready(PATIENCE);

    let rebuild = config + "checkpoint: { on_changed_rules: rebuild }\n";
    change(&mut exporter, &rebuild);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &rebuild, kafka, &topic);
}

/// The first mapping produced no events, so a new mapping loses nothing.
#[test]
fn without_a_counted_event_the_next_mapping_reads_everything() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("first-mapping", 1);
    let config = target_config(kafka, &topic, "10m");
    let wrong = config.clone() + "mapping: { preset: jira }\n";
    kafka.produce(&topic, [created("a", now())]);
    let mut exporter = start(&wrong);
    exporter.wait_ready(PATIENCE);
    exporter.wait_for_metrics("a record read", PATIENCE, |scrape| {
        match scrape.metric("ticket_exporter_checkpoint_offset").sum() {
            1.0 => Ok(()),
            other => Err(format!("{other}")),
        }
    });
    change(&mut exporter, &config);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let created = exporter.metrics();
    assert_eq!(created.metric("ticket_created_total").sum(), 1.0);
}
