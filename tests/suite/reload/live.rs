//! Each part that can change at run time.

use serde_json::json;

use super::{
    BUCKETS, LIFECYCLE, instead, refuse, running, take_over, wait_for_sum, wait_for_truth,
};
use crate::crash::watch::Watch;
use crate::crash::{created, offsets, reply, start};
use crate::end_to_end::{PATIENCE, breaches, kafka_section, now, wait_for_reason};
use crate::harness::{Kafka, Record, eventually};

#[test]
fn teams_calendars_and_policies() {
    let (kafka, topic, config, exporter) = running("live-rules", "");
    let at = now();
    kafka.produce(&topic, [created("kept", at), reply("kept", at.plus(1))]);
    kafka.produce(&topic, [created("running", at)]);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let watch = Watch::start(&exporter);
    let changed = instead(
        &config,
        "targets: { first_response: 10m }",
        "targets: { first_response: 3s }",
    );
    let changed = instead(
        &changed,
        "teams: { known: [billing] }",
        "teams: { known: [billing, network], calendars: { network: office } }",
    );
    // The new calendar is closed on every day of the test, so its opening hours pass no time.
    let changed = changed
        + "calendars: { office: { timezone: UTC, special: { 1990-01-01: [\"08:00-09:00\"] } } }\n";
    let said = take_over(&exporter, &changed);
    assert!(said.contains("rules"), "{said}");
    // The series exist from the start, and the running goal continues with its old target.
    wait_for_sum(
        &exporter,
        "ticket_created_total",
        &[("team", "network")],
        0.0,
    );
    let target = "ticket_sla_target_seconds";
    wait_for_sum(&exporter, target, &[("target", "first_response")], 3.0);
    let at = now();
    let network = |ticket: &str, kind: &str, at: i64| {
        let event = json!({"ticket_id": ticket, "type": kind, "at": at, "team": "network",
            "priority": "p1", "actor": "agent"});
        Record::keyed(ticket, event.to_string())
    };
    kafka.produce(
        &topic,
        [
            created("late", at),
            network("closed", "created", at.0 - 2_500),
            network("closed", "message", at.0),
        ],
    );
    exporter.wait_for_metrics(
        "the breach of the new target",
        PATIENCE,
        |scrape| match breaches(scrape)? {
            1.0 => Ok(()),
            count => Err(format!("{count} breaches")),
        },
    );
    let metrics = exporter.metrics();
    let sum = metrics.metric("ticket_first_response_seconds_sum");
    let sum = sum.label("team", "network");
    assert_eq!(sum.clone().label("clock", "business").sum(), 0.0);
    assert_eq!(sum.label("clock", "calendar").sum(), 2.5);
    let seen = watch.finish();
    assert_eq!((seen.failed, seen.withheld), (0, 0));
}

#[test]
fn running_goals_keep_their_policy_over_further_reloads_and_restarts() {
    let (kafka, topic, config, mut exporter) = running("live-goals", "");
    kafka.produce(&topic, [created("running", now().minus(1_000))]);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let short = instead(
        &config,
        "targets: { first_response: 10m }",
        "targets: { first_response: 3s }",
    );
    take_over(&exporter, &short);
    take_over(&exporter, &instead(&short, "grace: 2s", "grace: 1s"));
    take_over(&exporter, &(short + "limits: { teams: 5 }\n"));
    assert_eq!(exporter.stop(PATIENCE).code(), Some(0));
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    // Its own target is ten minutes; another one breaches in the meantime.
    kafka.produce(&topic, [created("late", now())]);
    exporter.wait_for_metrics("a breach", PATIENCE, |scrape| match breaches(scrape)? {
        1.0 => Ok(()),
        count => Err(format!("{count} breaches; log\n{}", exporter.logs())),
    });
    exporter.stop(PATIENCE);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    assert_eq!(breaches(&exporter.metrics()), Ok(1.0));
}

#[test]
fn objectives_and_pages() {
    let (_, _, config, exporter) = running("live-pages", "");
    let objective = |scrape: &crate::harness::Scrape, policy: &str| {
        let series = scrape.metric("ticket_exporter_sla_objective_ratio");
        series.label("policy", policy).sum()
    };
    assert_eq!(objective(&exporter.metrics(), "all"), 0.9);
    assert_eq!(exporter.get("/tickets").status, 404);
    let changed = instead(&config, "sla:\n", "sla:\n  objective: 0.95\n");
    let changed = instead(&changed, "web: { ", "web: { tickets: true, ");
    take_over(&exporter, &changed);
    assert_eq!(objective(&exporter.metrics(), "all"), 0.95);
    assert_eq!(exporter.get("/tickets").status, 200);
    assert!(exporter.get("/").text().contains("/tickets"));
    // A removed objective is gone, as after a restart.
    take_over(&exporter, &instead(&changed, "name: all", "name: other"));
    let metrics = exporter.metrics();
    assert_eq!(objective(&metrics, "all"), 0.0);
    assert_eq!(objective(&metrics, "other"), 0.95);
    take_over(&exporter, &config);
    assert_eq!(exporter.get("/tickets").status, 404);
    assert!(!exporter.get("/").text().contains("/tickets"));
}

/// A record of another helpdesk, which uses other words.
fn foreign(ticket: &str, word: &str) -> Record {
    let at = now().0;
    Record::keyed(
        ticket,
        json!({"id": ticket, "when": at, "what": word}).to_string(),
    )
}

#[test]
fn mappings() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("live-mapping", 1);
    let mapping = |word: &str| {
        kafka_section(kafka, &topic, "")
            + LIFECYCLE
            + "checkpoint: { on_changed_rules: continue }\n"
            + "mapping:\n  preset: none\n  common: { ticket_id: .id, at: .when }\n  rules:\n    made: "
            + &format!("{{ when: {{ .what: {word} }}, type: created }}\n")
    };
    let mut exporter = start(&mapping("made"));
    exporter.wait_ready(PATIENCE);
    kafka.produce(&topic, [foreign("a", "made"), foreign("b", "opened")]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 1.0);
    assert!(take_over(&exporter, &mapping("opened")).contains("mapping"));
    kafka.produce(&topic, [foreign("c", "made"), foreign("d", "opened")]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 2.0);
    let ignored = [("result", "ignored")];
    wait_for_sum(&exporter, "ticket_exporter_events_total", &ignored, 2.0);
    assert_eq!(offsets(&exporter.metrics())[&0], 4);
}

#[test]
fn groups_and_dead_letters() {
    let (kafka, topic, config, exporter) = running("live-kafka", "");
    let at = now();
    kafka.produce(&topic, [created("a", at), Record::new("no event")]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 1.0);
    let watch = Watch::start(&exporter);
    let dead = kafka.new_topic("live-dead", 1);
    let topics = format!("topics: [{topic}]");
    let letters = instead(
        &config,
        &topics,
        &format!("{topics}\n  dead_letter_topic: {dead}"),
    );
    let said = take_over(&exporter, &letters);
    assert!(said.contains("changed: dead letters"), "{said}");
    kafka.produce(
        &topic,
        [Record::new("no event either"), created("c", now())],
    );
    wait_for_sum(&exporter, "ticket_created_total", &[], 2.0);
    let both = letters;
    let letters = kafka.consume(&dead);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value_text(), "no event either");

    // A new group without committed offsets.
    let group = crate::end_to_end::group_of(&both);
    let other = Kafka::unique("other-group");
    take_over(&exporter, &instead(&both, group, &other));
    kafka.produce(&topic, [created("d", now())]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 3.0);
    eventually("offsets of the new group", PATIENCE, || {
        match kafka.committed(&other, &topic).values().sum::<i64>() {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    });
    let seen = watch.finish();
    assert_eq!((seen.failed, seen.withheld), (0, 0), "{}", exporter.logs());
}

/// With wrong brokers the served series stay, and show that they are old; the right brokers end that.
#[test]
fn brokers_that_do_not_answer() {
    let (kafka, topic, config, mut exporter) = running("live-brokers", "");
    kafka.produce(&topic, [created("a", now())]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 1.0);
    let watch = Watch::start(&exporter);
    let unused = format!("127.0.0.1:{}", crate::harness::free_port());
    take_over(&exporter, &instead(&config, &kafka.bootstrap(), &unused));
    wait_for_reason(&exporter, "Connection refused");
    // Meanwhile everything else can change.
    let nowhere = instead(&config, &kafka.bootstrap(), &unused);
    take_over(&exporter, &(nowhere.clone() + "limits: { teams: 5 }\n"));
    refuse(&exporter, &(nowhere + "windows: [9h]\n"));
    wait_for_sum(&exporter, "ticket_created_total", &[], 1.0);
    take_over(&exporter, &config);
    exporter.wait_ready(PATIENCE);
    kafka.produce(&topic, [created("b", now())]);
    wait_for_sum(&exporter, "ticket_created_total", &[], 2.0);
    let seen = watch.finish();
    assert_eq!((seen.failed, seen.withheld), (0, 0), "{}", exporter.logs());
}

/// When reading has stopped, another configuration may help.
#[test]
fn records_that_were_lost() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("live-lost", 1);
    let config = crate::crash::target_config(kafka, &topic, "10m") + BUCKETS + LIFECYCLE;
    let at = now();
    let tickets = |from: i64| (from..from + 5).map(move |n| created(&format!("t-{n}"), at));
    kafka.produce(&topic, tickets(0));
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_sum(&exporter, "ticket_created_total", &[], 5.0);
    exporter.stop(PATIENCE);
    kafka.produce(&topic, tickets(5));
    kafka.delete_records(&topic, 0, 8);
    exporter.restart();
    wait_for_reason(&exporter, "records lost");
    take_over(&exporter, &(config.clone() + "limits: { teams: 5 }\n"));
    wait_for_reason(&exporter, "records lost");
    let rebuild = config + "checkpoint: { on_lost_records: rebuild }\n";
    take_over(&exporter, &rebuild);
    exporter.wait_ready(PATIENCE);
    wait_for_sum(&exporter, "ticket_created_total", &[], 2.0);
}
