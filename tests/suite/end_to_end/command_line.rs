//! The command line for scripts and humans: exit codes, messages, input and output files.

use std::io::Write as _;
use std::time::Duration;

use super::{file, path, run, run_well, simulate, text};
use crate::harness::{Exporter, Signal, eventually, get, scrape};

const USAGE: i32 = 64;
const CONFIGURATION: i32 = 78;

const EVENTS: &str = "\
{\"ticket_id\":1,\"type\":\"created\",\"at\":\"2026-03-02T09:00:00Z\",\"team\":\"billing\"}
{\"ticket_id\":1,\"type\":\"message\",\"actor\":\"agent\",\"at\":\"2026-03-02T09:10:00Z\"}
{\"ticket_id\":1,\"type\":\"solved\",\"at\":\"2026-03-02T10:00:00Z\"}
{\"ticket_id\":2,\"type\":\"created\",\"at\":\"2026-03-03T09:00:00Z\",\"team\":\"billing\"}
";

/// Runs the binary, expects this exit code, and returns standard output and error.
#[track_caller]
fn expect(code: i32, arguments: &[&str], input: &[u8]) -> (String, String) {
    let output = run(arguments, input);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let found = output.status.code();
    assert_eq!(found, Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

#[track_caller]
fn created(exposition: &str) -> f64 {
    scrape(exposition).metric("ticket_created_total").sum()
}

#[test]
fn wrong_usage_is_64_and_explained() {
    let nowhere = "/nowhere/events.jsonl";
    for (arguments, said) in [
        (&["teleport"][..], "teleport"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["replay"], "FILE"),
        (&["replay", "--until", "tomorrow", "-"], "RFC 3339"),
        (&["replay", "--format", "csv", "-"], "csv"),
        (&["explain", "--until", "2026-03-02T09:30:00Z", "1"], "FILE"),
        (&["backfill", "-"], "--output"),
        (
            &["backfill", "--output", "-", "--label", "team=a", "-"],
            "exported_team",
        ),
        (
            &["backfill", "--output", "-", "--label", "a-b=c", "-"],
            "NAME=VALUE",
        ),
        (
            &["backfill", "--output", "-", "--step", "0", "-"],
            "duration",
        ),
        (
            &["backfill", "--blocks", "/nowhere", "-"],
            "/nowhere is not a directory",
        ),
        (&["suggest-targets", "-"], "standard input"),
        (
            &["suggest-targets", "--objective", "1", "x"],
            "between 0 and 1",
        ),
        (&["suggest-targets", "--store", "x"], "--store"),
        (&["simulate"], "--output"),
        (&["simulate", "--output", "-", "--topic", "t"], "--topic"),
        (&["simulate", "--for", "soon", "--output", "-"], "duration"),
        (&["simulate", "--pace", "fast", "--output", "-"], "fast"),
        (&["--set", "stream.grace", "check-config"], "KEY=VALUE"),
        (&["demo", "--speed-up", "0"], "FACTOR"),
    ] {
        let (stdout, stderr) = expect(USAGE, arguments, b"");
        assert!(
            stderr.contains(said),
            "{arguments:?} does not name {said}: {stderr}"
        );
        assert_eq!(stdout, "", "{arguments:?}");
    }
    let (_, stderr) = expect(1, &["replay", nowhere], b"");
    assert!(stderr.contains(nowhere), "{stderr}");
}

#[test]
fn explain_describes_one_ticket_without_personal_data() {
    let events = EVENTS.replace(
        "\"actor\":\"agent\"",
        "\"actor\":\"agent\",\"agent\":\"maria\",\"subject\":\"password\"",
    );
    let (words, _) = expect(0, &["explain", "1", "-"], events.as_bytes());
    assert!(
        words.contains("ticket_first_response_seconds: 10m (600 s)"),
        "{words}"
    );
    assert!(
        !words.contains("maria") && !words.contains("password"),
        "{words}"
    );
    assert!(!words.contains('\x1b'), "no colors in a file");

    let arguments = ["explain", "--format", "json", "1", "-"];
    let (json, _) = expect(0, &arguments, events.as_bytes());
    assert!(
        !json.contains("maria") && !json.contains("password"),
        "{json}"
    );
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let observed = document["history"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kpi"] == "first_response")
        .unwrap();
    assert_eq!(observed["what"], "observation");
    assert_eq!(observed["at"], "2026-03-02T09:10:00.000Z");
    assert_eq!(observed["calendar_seconds"], 600.0);
    assert_eq!(observed["spans"][0]["from"], "2026-03-02T09:00:00.000Z");
    assert_eq!(document["state"][0]["status"], "solved");

    let until = ["explain", "--until", "2026-03-02T09:30:00Z", "1", "-"];
    let (words, _) = expect(0, &until, events.as_bytes());
    assert!(
        words.contains("As of 2026-03-02 09:30:00\n    new, team billing"),
        "{words}"
    );

    let (stdout, stderr) = expect(1, &["explain", "7", "-"], events.as_bytes());
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("\"7\"") && stderr.contains("2 tickets"),
        "{stderr}"
    );
}

#[test]
fn help_and_version_are_no_errors() {
    let (help, _) = expect(0, &["--help"], b"");
    for word in [
        "Examples:",
        "ticket-exporter demo",
        "Exit codes",
        "replay",
        "check-config",
    ] {
        assert!(help.contains(word), "no {word} in\n{help}");
    }
    for command in ["replay", "explain", "simulate"] {
        let (help, _) = expect(0, &[command, "--help"], b"");
        assert!(help.contains("Examples:"), "{command}: {help}");
    }
    let (version, _) = expect(0, &["--version"], b"");
    assert!(version.starts_with("ticket-exporter "), "{version}");
    assert_eq!(expect(0, &["version"], b"").0, version);
}

/// An error names the typed flag, not the key that it sets.
#[test]
fn errors_name_the_typed_flags() {
    for (code, arguments, said) in [
        (
            USAGE,
            &["test-mapping", "--preset", "nope", "-"][..],
            "--preset: no preset \"nope\"",
        ),
        (
            USAGE,
            &["test-mapping", "--print-preset", "nope"],
            "--print-preset: no preset \"nope\"",
        ),
        (
            CONFIGURATION,
            &["check-config", "--web.listen-address", "nonsense"],
            "flag --web.listen-address: web.listen[0]: must be an address",
        ),
        (
            CONFIGURATION,
            &["check-config", "--web.telemetry-path", "metrics"],
            "flag --web.telemetry-path: web.telemetry_path: must be a path",
        ),
        (
            CONFIGURATION,
            &["check-config", "--web.route-prefix", "/a b"],
            "flag --web.route-prefix: web.route_prefix: must be a path",
        ),
        (
            CONFIGURATION,
            &["check-config", "--web.external-url", "example.com"],
            "flag --web.external-url: web.external_url: must start with http:// or https://",
        ),
        (
            CONFIGURATION,
            &["check-config", "--set", "stream.grace=soon"],
            "flag --set stream.grace: stream.grace: must be a duration",
        ),
    ] {
        let (_, stderr) = expect(code, arguments, b"");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
        for flag in stderr
            .split_whitespace()
            .filter(|word| word.starts_with("--"))
        {
            let flag = flag.trim_end_matches(':');
            assert!(arguments.contains(&flag), "{flag} was not typed: {stderr}");
        }
    }
}

#[test]
fn a_missing_store_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let absent = folder.path().join("absent");
    for directory in [empty, absent.to_str().unwrap()] {
        let set = format!("checkpoint.directory={directory}");
        for command in [
            &["explain", "1"][..],
            &["verify"],
            &["suggest-targets", "--store"],
        ] {
            let arguments = [command, &["--set", &set]].concat();
            let (_, stderr) = expect(1, &arguments, b"");
            for said in [
                directory,
                "checkpoint.directory",
                "--set checkpoint.directory=",
            ] {
                assert!(
                    stderr.contains(said),
                    "{command:?} does not name {said}: {stderr}"
                );
            }
        }
    }
}

/// Runs the command on a terminal, with `script` of util-linux.
fn on_a_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let words: Vec<String> = [crate::harness::binary().to_str().unwrap()]
        .iter()
        .chain(arguments)
        .map(|word| format!("'{word}'"))
        .collect();
    let output = std::process::Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--command",
            &words.join(" "),
            "/dev/null",
        ])
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        // Libraries take this for a terminal with colors.
        .env("CI", "true")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    text(&output.stdout)
}

#[test]
fn colors_are_for_terminals_that_support_them() {
    let events = file(EVENTS.as_bytes());
    let sample = file(b"nonsense\n");
    for arguments in [
        &["explain", "1", path(&events)][..],
        &["test-mapping", path(&sample)],
        &["--help"],
        &["teleport"],
    ] {
        let colored = on_a_terminal(arguments, &[]);
        assert!(colored.contains('\x1b'), "{arguments:?}: {colored}");
        for environment in [("TERM", "dumb"), ("NO_COLOR", "1")] {
            let plain = on_a_terminal(arguments, &[environment]);
            // The rest of the output is the same; a progress line is no color.
            assert!(
                !plain.contains("\x1b[3") && !plain.contains("\x1b[1m"),
                "{environment:?} {arguments:?}: {plain}"
            );
        }
        let dumb = on_a_terminal(arguments, &[("TERM", "dumb")]);
        assert!(!dumb.contains('\x1b'), "{arguments:?}: {dumb}");
    }
}

/// Warnings change neither the summary nor the exit code.
#[test]
fn check_config_warns_of_likely_mistakes() {
    let config = file(
        b"kafka: { topics: [tickets] }\ncalendars:\n  office:\n    timezone: UTC\n    weekly: { mon: [\"00:00-23:59\"], tue: [\"00:00-24:00\"] }\n\
          teams:\n  known: [billing]\n  calendars: { biling: office }\n",
    );
    let (summary, said) = expect(0, &["check-config", "--config.file", path(&config)], b"");
    assert!(!summary.contains("warning"), "{summary}");
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert_eq!(warnings.len(), 2, "{said}");
    for (warning, parts) in warnings.iter().zip([
        ["calendars.office.weekly.mon[0]", "write 24:00"],
        ["teams.calendars.biling", "did you mean billing?"],
    ]) {
        for part in parts {
            assert!(warning.contains(part), "{warning}");
        }
    }
    assert!(said.contains("the configuration is valid"), "{said}");
}

#[test]
fn every_error_of_a_configuration_is_listed_with_its_place() {
    let wrong = file(
        b"kafka:\n  brokers: [localhost:9092]\n  topic: tickets\nstream:\n  grace: soon\n\
          calendars:\n  office: { timezone: Mars/Olympus, weekly: {} }\n\
          sla:\n  policies:\n    - name: a\n      targets: { resolution: -4h }\n",
    );
    let name = path(&wrong).to_owned();
    for command in [&["check-config"][..], &["serve"], &["replay", "-"], &[]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--config.file", &name]);
        let (stdout, stderr) = expect(CONFIGURATION, &arguments, b"");
        assert_eq!(stdout, "", "{command:?}");
        for place in [
            ":3:",
            "kafka.topic",
            ":5:",
            "stream.grace",
            ":7:",
            "timezone",
            ":11:",
            "resolution",
        ] {
            assert!(
                stderr.contains(place),
                "{command:?}: no {place} in\n{stderr}"
            );
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let (_, stderr) = expect(
        CONFIGURATION,
        &["check-config", "--config.file", "/nowhere.yaml"],
        b"",
    );
    assert!(stderr.contains("/nowhere.yaml"), "{stderr}");
    let (_, stderr) = expect(
        CONFIGURATION,
        &["check-config", "--set", "no.such.key=1"],
        b"",
    );
    assert!(stderr.contains("no.such.key"), "{stderr}");
    // A property that librdkafka does not know, and one that would break the numbers.
    for (property, value) in [("no.such.property", "1"), ("enable.auto.commit", "true")] {
        let config =
            file(format!("kafka: {{ properties: {{ {property}: \"{value}\" }} }}").as_bytes());
        let listen = "--web.listen-address=127.0.0.1:0";
        let arguments = ["serve", listen, "--config.file", path(&config)];
        let (_, stderr) = expect(CONFIGURATION, &arguments, b"");
        assert!(stderr.contains(property), "{stderr}");
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_, stderr) = expect(1, &["--web.listen-address", &address], b"");
    assert!(
        stderr.contains(&address) && stderr.contains("in use"),
        "{stderr}"
    );
}

#[test]
fn the_reference_configuration_is_valid() {
    let reference = run_well(&["check-config", "--print-reference"], b"");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ticket-exporter.yaml");
    std::fs::write(&config, reference).unwrap();
    // The reference names this file.
    let holidays = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                    DTSTART;VALUE=DATE:20260501\r\nSUMMARY:Labour Day\r\nEND:VEVENT\r\n\
                    END:VCALENDAR\r\n";
    std::fs::write(folder.path().join("holidays.ics"), holidays).unwrap();
    let config = config.to_str().unwrap();
    let (summary, said) = expect(0, &["check-config", "--config.file", config], b"");
    assert!(said.contains("the configuration is valid"), "{said}");
    assert!(!said.contains("warning"), "{said}");
    assert!(summary.contains("network-urgent"), "{summary}");
    // Every other command accepts the configuration as well.
    let replayed = run_well(&["replay", "--config.file", config, "-"], EVENTS.as_bytes());
    assert_eq!(created(&replayed), 2.0);
}

#[test]
fn the_metric_catalog_is_printed() {
    let table = run_well(&["metrics"], b"");
    let markdown = run_well(&["metrics", "--format", "markdown"], b"");
    for family in ["ticket_first_response_seconds", "ticket_exporter_caught_up"] {
        assert!(table.contains(family), "{family}: {table}");
        assert!(
            markdown.contains(&format!("`{family}`")),
            "{family}: {markdown}"
        );
    }
}

#[test]
fn replay_reads_standard_input_gzip_and_zstandard_and_several_files() {
    let plain = run_well(&["replay", "-"], EVENTS.as_bytes());
    assert_eq!(created(&plain), 2.0);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(EVENTS.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstandard = zstd::encode_all(EVENTS.as_bytes(), 1).unwrap();
    for bytes in [EVENTS.as_bytes(), &gzip, &zstandard] {
        // It recognizes formats by content, not by name.
        let whole = file(bytes);
        assert_eq!(run_well(&["replay", path(&whole)], b""), plain);
        assert_eq!(run_well(&["replay", "-"], bytes), plain);
    }
    let (first, second) = EVENTS.split_at(EVENTS.rfind("{\"ticket_id\":2").unwrap());
    let (first, second) = (file(first.as_bytes()), file(second.as_bytes()));
    let several = run_well(&["replay", path(&first), path(&second)], b"");
    assert_eq!(several, plain);
    let cut = file(&gzip[..gzip.len() / 2]);
    let (_, stderr) = expect(1, &["replay", path(&cut)], b"");
    assert!(stderr.contains(path(&cut)), "{stderr}");
}

#[test]
fn replay_stops_at_until() {
    let until = |instant: &str| {
        let (stdout, stderr) = expect(0, &["replay", "--until", instant, "-"], EVENTS.as_bytes());
        (scrape(&stdout), stderr)
    };
    let (early, said) = until("2026-03-02T09:30:00Z");
    early.metric("ticket_replies_total").is(1.0);
    early.metric("ticket_solved_total").is(0.0);
    assert!(said.contains("2 later than --until"), "{said}");
    // Solved tickets are final after 96 hours, even without an event.
    let (late, said) = until("2026-03-10T00:00:00Z");
    let first_contact = late
        .metric("ticket_finalized_total")
        .label("first_contact", "true");
    first_contact.is(1.0);
    assert!(!said.contains("later"), "{said}");
}

#[test]
fn replay_prints_a_table_and_json() {
    let (table, _) = expect(0, &["replay", "--format", "table", "-"], EVENTS.as_bytes());
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("team") && lines[0].contains("first response"),
        "{table}"
    );
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(cells[..3], ["billing", "2", "1"], "{table}");
    let (json, _) = expect(0, &["replay", "--format", "json", "-"], EVENTS.as_bytes());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["clock"], "2026-03-03T09:00:00.000Z", "{json}");
    let team = &json["teams"][0];
    assert_eq!(
        (&team["team"], &team["created"]),
        (&"billing".into(), &2.into()),
        "{json}"
    );
    assert_eq!(team["first_response"]["mean_seconds"], 600.0, "{json}");
}

#[test]
fn lines_without_events_are_named_and_fail_in_strict_mode() {
    let lines = format!("{EVENTS}nonsense\n\n{{\"ticket_id\":3}}\n");
    let lines = file(lines.as_bytes());
    let (stdout, stderr) = expect(0, &["replay", path(&lines)], b"");
    assert_eq!(created(&stdout), 2.0);
    for said in ["invalid_json", "missing_type", ":5", ":7"] {
        assert!(stderr.contains(said), "no {said} in {stderr}");
    }
    assert!(
        !stderr.contains("nonsense"),
        "content is repeated: {stderr}"
    );
    let (strict, _) = expect(1, &["replay", "--strict", path(&lines)], b"");
    assert_eq!(strict, stdout, "the numbers are the same");
    expect(0, &["replay", "--strict", "-"], EVENTS.as_bytes());
}

/// A table may have canonical events. Its rows are sorted by time.
#[test]
fn tables_and_arrays_are_files_of_events() {
    let rows = "ticket_id;type;at\n1;solved;2026-03-02T10:00:00Z\n1;created;2026-03-02T09:00:00Z\n";
    let csv = file(rows.as_bytes());
    let array = file(
        b"[{\"ticket_id\":1,\"type\":\"created\",\"at\":\"2026-03-02T09:00:00Z\"},\n\
          {\"ticket_id\":1,\"type\":\"solved\",\"at\":\"2026-03-02T10:00:00Z\"}]",
    );
    for name in [path(&csv), path(&array)] {
        let (stdout, _) = expect(0, &["replay", name], b"");
        let hour = "ticket_first_resolution_seconds_sum{team=\"none\",priority=\"none\",clock=\"calendar\"} 3600";
        assert!(stdout.lines().any(|line| line == hour), "{stdout}");
        let (stdout, _) = expect(0, &["explain", "1", name], b"");
        assert!(stdout.contains("created"), "{stdout}");
        let (stdout, _) = expect(0, &["test-mapping", name], b"");
        assert_eq!(stdout.lines().count(), 2, "{stdout}");
        let (stdout, stderr) = expect(0, &["import", name], b"");
        let kinds: Vec<&str> = stdout
            .lines()
            .map(|line| {
                if line.contains("created") {
                    "created"
                } else {
                    "solved"
                }
            })
            .collect();
        assert_eq!(kinds, ["created", "solved"], "{stdout}");
        assert!(stderr.contains("2 records: 2 events"), "{stderr}");
        let (again, _) = expect(0, &["import", "-"], stdout.as_bytes());
        assert_eq!(again.lines().count(), 2);
    }
    let (_, stderr) = expect(1, &["replay", "-"], rows.as_bytes());
    assert!(stderr.contains("ticket-exporter import -"), "{stderr}");
}

/// Without any event all commands that read events fail with the same message and give no time.
#[test]
fn files_without_any_event_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let om = folder.path().join("a.om");
    let om = om.to_str().unwrap();
    let nonsense = file(b"nonsense\n{\"ticket_id\":1}\n");
    let commands = |name| {
        [
            vec!["replay", name],
            vec!["replay", "--format", "table", name],
            vec!["replay", "--format", "json", name],
            vec!["explain", "1", name],
            vec!["backfill", "--output", om, name],
            vec!["suggest-targets", name],
        ]
    };
    for arguments in commands(path(&nonsense)) {
        let (stdout, stderr) = expect(1, &arguments, b"");
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(
            stderr.contains("no event in 2 records"),
            "{arguments:?}: {stderr}"
        );
        assert!(!stderr.contains("1970"), "{arguments:?}: {stderr}");
    }
    // Empty input is no error, and has no time either.
    let (json, _) = expect(0, &["replay", "--format", "json", "-"], b"");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["clock"].is_null(), "{json}");
    let (table, stderr) = expect(0, &["replay", "--format", "table", "-"], b"\n");
    assert!(!(table + &stderr).contains("1970"), "{stderr}");
    assert!(stderr.contains("No event was read"), "{stderr}");
    // One event among many lines is a result.
    let one = format!("a,b\n{EVENTS}");
    let (text, _) = expect(0, &["replay", "-"], one.as_bytes());
    assert_eq!(created(&text), 2.0);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let day = "--from 2026-03-02T00:00:00Z --for 1d";
    let events = |seed: &str| simulate(&format!("--seed {seed} {day} --output -"));
    let first = events("1");
    assert!(
        first.lines().count() > 500,
        "{} events",
        first.lines().count()
    );
    assert_eq!(first, events("1"));
    assert_ne!(first, events("2"));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("events.jsonl");
    let output = output.to_str().unwrap();
    simulate(&format!("{day} --output {output}"));
    assert_eq!(std::fs::read_to_string(output).unwrap(), first);
    expect(1, &["simulate", "--output", "/nowhere/events.jsonl"], b"");
}

/// `… | head` closes the pipe early. This is not an error.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = crate::harness::command()
        .args(["simulate", "--for", "30d", "--output", "-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn the_demo_shows_data_soon_and_stops_on_control_c() {
    // The helpdesk is closed at night. With a day in half a minute, events arrive at any hour.
    let arguments = ["demo", "--history", "3d", "--speed-up", "3600"];
    let mut demo = Exporter::start(&arguments, "");
    let metrics = demo.url("/metrics");
    eventually("the demo's data", Duration::from_secs(20), || {
        let scrape = scrape(&get(&metrics)?.text());
        let created = scrape.metric("ticket_created_total");
        if created.sum() > 100.0 {
            Ok(())
        } else {
            Err(format!(
                "{} tickets created; log\n{}",
                created.sum(),
                demo.logs()
            ))
        }
    });
    let page = demo.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("billing"), "{}", page.text());
    let before = demo.metrics().metric("ticket_exporter_events_total").sum();
    demo.wait_for_metrics("more events", Duration::from_secs(30), |scrape| {
        let now = scrape.metric("ticket_exporter_events_total").sum();
        if now > before {
            Ok(())
        } else {
            Err(format!("still {now}"))
        }
    });
    demo.signal(Signal::Int);
    let status = demo.wait(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{}", demo.logs());
}

#[test]
fn records_without_a_time_are_explained() {
    let record = br#"{"freshdesk_webhook":{"triggered_event":"{ticket_action:created}","ticket_id":"1","ticket_status":"Open"}}"#;
    let arguments = ["test-mapping", "--preset", "freshdesk", "-"];
    let (stdout, stderr) = expect(1, &arguments, record);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("missing_at") && stderr.contains("--timestamp"),
        "{stderr}"
    );
    let time = "2026-03-02T09:00:00Z";
    let arguments = [&arguments[..], &["--timestamp", time]].concat();
    let (stdout, stderr) = expect(0, &arguments, record);
    assert!(
        stdout.contains("\"at\":\"2026-03-02T09:00:00.000Z\""),
        "{stdout}{stderr}"
    );
}
