//! A refused reload changes nothing.

use super::{LIFECYCLE, hang_up, instead, last_reload, refuse, running, take_over, wait_for_truth};
use crate::crash::watch::Watch;
use crate::crash::{created, offsets, reply, start_in, target_config};
use crate::end_to_end::{PATIENCE, now};
use crate::harness::{Exporter, Faults, Kafka, Signal, eventually, free_port};

/// Asserts that the old configuration still counts events.
#[track_caller]
fn assert_goes_on(exporter: &Exporter, read: &mut i64, write: impl Fn()) {
    write();
    eventually("events that are counted", PATIENCE, || {
        let now: i64 = offsets(&exporter.metrics()).values().sum();
        if now > *read {
            *read = now;
            return Ok(());
        }
        Err(format!("{now} records; log\n{}", exporter.logs()))
    });
}

#[test]
fn errors_are_reported_and_change_nothing() {
    let (kafka, topic, config, mut exporter) = running("refused", "");
    let at = now();
    kafka.produce(&topic, [created("a", at), reply("a", at.plus(1))]);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let watch = Watch::start(&exporter);
    let web = |more: &str| {
        let other = format!("web: {{ enable_lifecycle: true, {more} }}");
        instead(&config, "web: { enable_lifecycle: true }", &other)
    };
    let port = free_port();
    let listen = format!("listen: [\"127.0.0.1:{port}\"]");
    // The flag wins over the file, so that is no change.
    take_over(&exporter, &web(&listen));
    let other = kafka.new_topic("refused-other", 1);
    let mut read = 0;
    for (config, words) in [
        (
            String::from("kafka: ["),
            &["config.yaml:2:1", "not valid YAML"][..],
        ),
        (
            format!("{config}teams2: {{}}\nlimits: {{ teams: many }}\n"),
            &["unknown key", "limits.teams", "config.yaml:"],
        ),
        (
            format!("{config}calendars: {{ office: {{ timezone: UTC, ics: [missing.ics] }} }}\n"),
            &["missing.ics"],
        ),
        (
            format!("{config}mapping: {{ preset: jira, tables: {{ groups: missing.csv }} }}\n"),
            &["missing.csv"],
        ),
        (
            format!("{config}schema_registry: {{ url: \"http://r\", ca_file: missing.pem }}\n"),
            &["missing.pem"],
        ),
        (
            instead(
                &config,
                "  properties:\n",
                "  properties:\n    ssl.ca.location: /missing.pem\n    security.protocol: ssl\n",
            ),
            &["kafka"],
        ),
        (
            web("telemetry_path: /kpis"),
            &["web.telemetry_path cannot change"],
        ),
        (
            format!("{config}checkpoint: {{ directory: elsewhere, on_changed_rules: rebuild }}\n"),
            &["checkpoint.directory cannot change"],
        ),
        (
            instead(&config, "handle: [3s, 10m]", "handle: [4s, 10m]")
                + "windows: [3h]\nhandle: { derive: true }\n",
            &[
                "the store in data cannot follow the changed configuration",
                "buckets of handle",
                "windows: 1h 24h 7d 30d, now 3h",
                "handle.derive: false, now true",
                "a restart",
            ],
        ),
        (
            format!("{config}mapping: {{ preset: jira }}\n"),
            &[
                "the store in data was counted under another configuration",
                "canonical, now preset jira",
                "ticket-exporter recount",
                "on_changed_rules: continue",
                "a restart",
            ],
        ),
        // A setting that only applies at a restart.
        (
            instead(
                &config,
                "targets: { first_response: 10m }",
                "targets: { first_response: 7m }",
            ) + "checkpoint: { on_changed_rules: rebuild }\n",
            &["buckets of first_response"],
        ),
        (
            instead(
                &config,
                &format!("topics: [{topic}]"),
                &format!("topics: [{other}]"),
            ),
            &["is no longer read, but counted"],
        ),
    ] {
        let said = refuse(&exporter, &config);
        for words in words {
            assert!(said.contains(words), "no {words:?} in\n{said}");
        }
        assert_goes_on(&exporter, &mut read, || {
            kafka.produce(&topic, [created("b", now())]);
        });
    }
    assert!(!exporter.folder().join("elsewhere").exists());
    // The configuration in force again: nothing has changed, and that is a success.
    assert!(take_over(&exporter, &config).contains("nothing has changed"));
    wait_for_truth(&exporter, &config, kafka, &topic);
    let seen = watch.finish();
    assert_eq!((seen.failed, seen.withheld), (0, 0));

    // The same by signal, with the reason in the log.
    hang_up(&mut exporter, "kafka: [", false);
    let logs = exporter.logs();
    assert!(logs.contains("configuration not reloaded"), "{logs}");
    assert!(logs.contains("not valid YAML"), "{logs}");
    exporter.write_config(&config);
    eventually("a success", PATIENCE, || {
        exporter.signal(Signal::Hup);
        match last_reload(&exporter) {
            (true, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn reloads_over_http_must_be_enabled() {
    let (_, _, config, mut exporter) = running("allowed", "");
    let off = instead(&config, "web: { enable_lifecycle: true }\n", "");
    let status = |exporter: &Exporter, method: &str| {
        let answer = crate::harness::request(method, &exporter.url("/-/reload")).unwrap();
        (answer.status, answer.text())
    };
    assert_eq!(status(&exporter, "PUT").0, 200);
    assert_eq!(status(&exporter, "GET").0, 405);
    assert_eq!(status(&exporter, "DELETE").0, 405);
    take_over(&exporter, &off);
    for method in ["POST", "PUT"] {
        let (status, text) = status(&exporter, method);
        assert_eq!(status, 403);
        assert!(text.contains("web.enable_lifecycle"), "{text}");
    }
    assert!(
        last_reload(&exporter).0,
        "a refused request is no failed reload"
    );
    // A signal needs no permission.
    hang_up(&mut exporter, &config, true);
    assert_eq!(status(&exporter, "POST").0, 200);
}

/// Other rules need a checkpoint of the numbers.
#[test]
fn while_the_disk_is_full_the_rules_stay() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("refused-disk", 1);
    let config = target_config(kafka, &topic, "10m") + LIFECYCLE;
    let faults = Faults::new();
    let mut exporter = start_in(&config, faults.environment());
    exporter.wait_ready(PATIENCE);
    let mut read = 0;
    assert_goes_on(&exporter, &mut read, || {
        kafka.produce(&topic, [created("a", now())]);
    });
    faults.room(0);
    kafka.produce(&topic, [created("b", now())]);
    let other_rules = format!("{config}limits: {{ teams: 7 }}\n");
    let said = refuse(&exporter, &other_rules);
    assert!(said.contains("could not be written"), "{said}");
    faults.no_limit();
    take_over(&exporter, &other_rules);
    wait_for_truth(&exporter, &other_rules, kafka, &topic);
}
