//! Reloads while events arrive and a client scrapes: no event is lost, and no scrape fails.

use super::{hang_up, instead, refuse, take_over};
use crate::crash::watch::Watch;
use crate::crash::{
    LIVELY, STOPPED_WITHIN, Simulation, after_lively, close, start, wait_for_truth,
    wait_until_lively,
};
use crate::end_to_end::{PATIENCE, assert_same, cumulative, helpdesk_config_on_event_time, kpis};
use crate::harness::{Kafka, get};

/// Configurations of one helpdesk that count the same, each with another part changed. The test ends with
/// the last one.
fn good(config: &str, dead: &str) -> Vec<String> {
    let more = |more: &str| format!("{config}{more}");
    let kafka = |line: &str| instead(config, "  properties:\n", &format!("{line}  properties:\n"));
    vec![
        more("checkpoint: { interval: 200ms }\nweb: { enable_lifecycle: true }\n"),
        // This one replaces the engine.
        more("limits: { teams: 900 }\nweb: { enable_lifecycle: true, tickets: true }\n"),
        more("limits: { teams: 901 }\nweb: { enable_lifecycle: true }\n"),
        // This one replaces the consumer.
        instead(
            &more("web: { enable_lifecycle: true }\n"),
            "  properties:\n",
            "  properties:\n    client.id: another\n",
        ),
        kafka(&format!("  dead_letter_topic: {dead}\n")) + "web: { enable_lifecycle: true }\n",
        more(
            "mapping: { topics: { others: { preset: jira } } }\nweb: { enable_lifecycle: true }\n",
        ),
        // Both at once.
        instead(
            &more("limits: { channels: 49 }\nweb: { enable_lifecycle: true }\n"),
            "  properties:\n",
            "  properties:\n    fetch.wait.max.ms: \"100\"\n",
        ),
        instead(
            &more("web: { enable_lifecycle: true }\n"),
            "sla:\n",
            "sla:\n  objective: 0.8\n",
        ),
    ]
}

/// Configurations with an error each, and a word of the answer.
fn bad(config: &str) -> Vec<(String, &'static str)> {
    let more = |more: &str| format!("{config}{more}");
    vec![
        (more("nonsense: ["), "config.yaml"),
        (more("webb: {}\n"), "unknown key"),
        (more("buckets: { handle: [7m] }\n"), "buckets of handle"),
        (more("windows: [2h]\n"), "windows"),
        (
            more("checkpoint: { directory: elsewhere }\n"),
            "checkpoint.directory",
        ),
        (
            instead(
                config,
                "  properties:\n",
                "  properties:\n    fetch.wait.max.ms: soon\n",
            ),
            "fetch.wait.max.ms",
        ),
    ]
}

#[test]
fn no_event_is_lost_and_no_scrape_fails() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("reloads", 3);
    let dead = kafka.new_topic("reloads-dead", 1);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let (good, bad) = (good(&config, &dead), bad(&config));
    let simulation = Simulation::start(kafka, &topic, LIVELY);
    let mut exporter = start(&good[0]);
    wait_until_lively(&mut exporter);
    let watch = Watch::start(&exporter);
    let mut wrong = bad.iter().cycle();
    for (round, config) in good.iter().enumerate() {
        let (broken, words) = wrong.next().unwrap();
        if round % 2 == 0 {
            hang_up(&mut exporter, broken, false);
            hang_up(&mut exporter, config, true);
        } else {
            let said = refuse(&exporter, broken);
            assert!(said.contains(words), "no {words:?} in\n{said}");
            take_over(&exporter, config);
        }
        wait_until_lively(&mut exporter);
    }
    // No request waits for the one before, nor for its result.
    let url = exporter.url("/-/reload");
    std::thread::scope(|scope| {
        for config in &good {
            exporter.write_config(config);
            scope.spawn(|| {
                let answer = crate::harness::post(&url, &[]).unwrap();
                // Up to eight may wait. A file that is half written is a broken one.
                assert!(
                    [200, 500, 503].contains(&answer.status),
                    "{}",
                    answer.text()
                );
            });
        }
    });
    let last = good.last().unwrap();
    take_over(&exporter, last);
    simulation.finish();
    close(kafka, &topic, after_lively());
    let before = wait_for_truth(&exporter, last, kafka, &topic);
    let seen = watch.finish();
    assert_eq!((seen.failed, seen.withheld), (0, 0), "{}", exporter.logs());
    assert!(seen.risen > 10, "only {} scrapes showed more", seen.risen);

    // A start with the last configuration finds no change.
    let objectives = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("ticket_exporter_sla_objective_ratio{"))
            .collect()
    };
    let shown = objectives(&exporter.get("/metrics").text());
    assert_eq!(
        exporter.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        exporter.logs()
    );
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let metrics = exporter.metrics();
    assert_same(
        "after a restart",
        &cumulative(&kpis(&metrics)),
        &cumulative(&before),
    );
    let applied = metrics.metric("ticket_exporter_events_total");
    applied.label("result", "applied").is(0.0);
    let logs = exporter.logs_since_start();
    assert!(!logs.contains("the configuration changed"), "{logs}");
    let after = get(&exporter.url("/metrics")).unwrap().text();
    assert_eq!(objectives(&after), shown);
}
