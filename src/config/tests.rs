//! Whole configurations, good and bad.

use std::collections::BTreeSet;
use std::io;

use proptest::prelude::*;

use super::*;
use crate::domain::calendar::CalendarId;
use crate::domain::policy::{Clock, StatusSet, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, SECOND};
use crate::engine::Kpi;

const ICS: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n\
                   END:VCALENDAR\n";

/// Files `helpdesk.yaml` and `holidays.ics` in the directory `etc`.
fn load_with(
    yaml: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<LoadedConfig, ConfigErrors> {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
            .collect()
    };
    let mut read = |path: &Path| match path.to_str() {
        Some("etc/helpdesk.yaml") => Ok(yaml.to_owned()),
        Some("etc/groups.csv") => Ok("id,name\n7,Network\n".to_owned()),
        Some("etc/holidays.ics") => Ok(ICS.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    let file = Path::new("etc/helpdesk.yaml");
    let flags = flags.iter().map(|(key, value)| Flag::set(*key, *value));
    let flags: Vec<Flag> = flags.collect();
    load(Some(file), pairs(environment), &flags, &mut read)
}

pub(super) fn good(yaml: &str) -> Config {
    match load_with(yaml, &[], &[]) {
        Ok(loaded) => loaded.config,
        Err(errors) => panic!("{errors}"),
    }
}

/// The lines of the errors, without the name of the file.
pub(super) fn bad(yaml: &str) -> Vec<String> {
    let errors = load_with(yaml, &[], &[]).expect_err("must not load");
    lines(&errors.errors)
}

pub(super) fn warned(yaml: &str) -> Vec<String> {
    lines(&load_with(yaml, &[], &[]).unwrap().warnings)
}

fn lines(problems: &[ConfigProblem]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| problem.to_string().replace("etc/helpdesk.yaml:", ""))
        .collect()
}

#[test]
fn an_empty_configuration_has_all_defaults() {
    for yaml in [
        "",
        "# nothing\n",
        "---\n",
        "kafka:\nsla:\n  policies:\n",
        "{}",
    ] {
        let config = good(yaml);
        assert_eq!(config.kafka, Kafka::default());
        assert_eq!(config.web.listen[0].to_string(), ":10047");
        assert_eq!(config.stream.grace, 30 * SECOND);
        assert_eq!(config.rules.windows.len(), 4);
        assert!(config.rules.policies.is_empty());
    }
    let loaded = load(None, [], &[], &mut |_| Ok("{".to_owned())).unwrap();
    assert_eq!(loaded.config.kafka.topics, ["tickets"]);
}

#[test]
fn the_reference_loads_without_warnings() {
    let loaded = load_with(REFERENCE, &[], &[]).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, []);
    let rules = &loaded.config.rules;
    assert_eq!(rules.calendars.len(), 2);
    assert_eq!(rules.policies.len(), 3);
    assert_eq!(rules.default_calendar, Some(CalendarId(0)));
    assert_eq!(rules.team_calendars["network"], None);
    let august = "2026-08-17".parse().unwrap();
    assert!(rules.calendars[0].spec().holidays.contains(&august));
    // Every SLA target becomes a bucket bound.
    assert!(rules.buckets[Kpi::Handle as usize].contains(&(5 * DAY)));
    let urgent = &rules.policies[0];
    assert_eq!(urgent.clock, Clock::Calendar);
    assert_eq!(urgent.target(Target::Ownership), Some(2 * HOUR));
    assert_eq!(
        urgent.pauses[Target::FirstResponse as usize],
        StatusSet::EMPTY
    );
}

#[test]
fn the_reference_has_every_key() {
    let mut found = BTreeSet::new();
    let mut errors = ConfigErrors::default();
    let tree = tree::parse(REFERENCE, &tree::in_file("reference"), &mut errors).unwrap();
    collect(&tree, "", &mut found);
    for key in KEYS {
        let pattern: Vec<&str> = key.path.split('.').collect();
        assert!(
            found.iter().any(|path| fits(path, &pattern)),
            "{}",
            key.path
        );
    }
}

/// The path of every node, one segment per line, because names of properties contain dots.
fn collect(node: &tree::YamlNode, path: &str, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}\n{key}")
        }
    };
    match &node.value {
        tree::YamlValue::Map(entries) => {
            for entry in entries {
                collect(&entry.node, &below(&entry.key), found);
            }
        }
        tree::YamlValue::List(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), found);
            }
        }
        tree::YamlValue::Scalar(..) => {}
    }
}

fn fits(path: &str, pattern: &[&str]) -> bool {
    let segments: Vec<&str> = path.split('\n').collect();
    segments.len() == pattern.len()
        && segments
            .iter()
            .zip(pattern)
            .all(|(segment, wanted)| wanted.starts_with('<') || segment == wanted)
}

#[test]
fn the_table_contains_the_defaults() {
    // Setting each default explicitly changes nothing.
    let environment: Vec<(String, String)> = KEYS
        .iter()
        .filter(|key| !key.path.starts_with("buckets") && key.settable().0 == key.path)
        .filter(|key| !key.default.is_empty())
        .map(|key| (key.variable(), key.default.to_owned()))
        .collect();
    assert!(environment.len() > 20);
    let set = load(None, environment, &[], &mut |_| Ok(String::new())).unwrap();
    let mut defaults = Config::default();
    // These fields follow from others.
    defaults.rules.limits.cohorts = set.config.rules.limits.cohorts;
    defaults.rules.topic_mappings = [("tickets".to_owned(), CANONICAL.to_owned())].into();
    assert_eq!(format!("{:?}", set.config), format!("{defaults:?}"));
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let yaml = "kafka: {topics: [a], group_id: a, brokers: [a], properties: {x: a, y: a}}";
    let environment = [
        ("TICKET_EXPORTER_KAFKA_GROUP_ID", "b"),
        ("TICKET_EXPORTER_KAFKA_BROKERS", "b:1,c:2"),
        ("TICKET_EXPORTER_KAFKA_PROPERTIES_Y", "b"),
        ("TICKET_EXPORTER_EXEMPLARS", "true"),
        ("TICKET_EXPORTER_LIMITS_TEAMS", "7"),
        ("TICKET_EXPORTER_WINDOWS", "1h,2h"),
        (
            "TICKET_EXPORTER_SLA_POLICIES",
            "[{name: p, targets: {resolution: 1h}}]",
        ),
        ("HOME", "/root"),
    ];
    let flags = [("kafka.brokers", "d:3"), ("web.listen", "127.0.0.1:1")];
    let config = load_with(yaml, &environment, &flags).unwrap().config;
    assert_eq!(config.kafka.topics, ["a"]);
    assert_eq!(config.kafka.group_id, "b");
    assert_eq!(config.kafka.brokers, ["d:3"]);
    assert_eq!(config.kafka.properties["x"], "a");
    assert_eq!(config.kafka.properties["y"], "b");
    assert!(config.rules.exemplars);
    assert_eq!(config.rules.limits.teams, 7);
    assert_eq!(config.rules.windows.len(), 2);
    assert_eq!(config.rules.policies[0].name, "p");
    assert_eq!(config.web.listen[0].to_string(), "127.0.0.1:1");

    let errors = load_with(
        "",
        &[("TICKET_EXPORTER_STREAM_GRACE", "soon")],
        &[("web.lisen", "x")],
    )
    .unwrap_err();
    assert_eq!(
        errors.to_string(),
        "environment variable TICKET_EXPORTER_STREAM_GRACE: stream.grace: must be a duration \
         like 15m or 1h30m, not \"soon\"\n\
         flag --set web.lisen: sets no configuration key; did you mean web.listen?"
    );
}

#[test]
fn all_errors_are_reported_with_their_positions() {
    let yaml = "\
kafka:
  brokers: localhost:9092
  topcis: [tickets]
  bootstrap_servers: [a]
sla:
  policies:
    - name: a
      targets: {resolution: 0s, first_response: fast}
      pause: {resolution: [pendign, solved]}
    - name: a
      calendar: ofice
      clock: wall
      targets: {resolution: 1h}
calendars:
  office: {timezone: UTC+7}
  empty: {timezone: UTC}
";
    assert_eq!(
        bad(yaml),
        [
            "2:12: kafka.brokers: must be a list, not a single value; did you mean \
             [localhost:9092]?",
            "3:3: kafka.topcis: unknown key; did you mean topics?",
            "4:3: kafka.bootstrap_servers: unknown key; use kafka.brokers",
            "8:29: sla.policies[0].targets.resolution: must be longer than 0",
            "8:49: sla.policies[0].targets.first_response: must be a duration like 15m or \
             1h30m, not \"fast\"",
            "9:28: sla.policies[0].pause.resolution[0]: unknown status \"pendign\"; did you mean \
             pending?",
            "9:37: sla.policies[0].pause.resolution[1]: no goal runs in the status solved; remove it",
            "10:13: sla.policies[1].name: the policy at 7:13 is already called \"a\"",
            "11:17: sla.policies[1].calendar: no calendar \"ofice\"; did you mean \
             office?",
            "12:14: sla.policies[1].clock: must be business or calendar, not \"wall\"",
            "15:22: calendars.office.timezone: \"UTC+7\" is a fixed offset, which ignores \
             daylight saving time; use a zone such as Asia/Jakarta, or UTC",
            "16:10: calendars.empty: would never be open: no open time",
        ]
    );
}

#[test]
fn each_mistake_has_one_message() {
    for (yaml, wanted) in [
        ("[1]", "1:1: must be a map of keys, not a list"),
        ("a", "1:1: must be a map of keys, not a single value"),
        (
            "kafka: {group_id: 12}",
            "1:19: kafka.group_id: must be text; write \"12\" in quotes",
        ),
        (
            "kafka: {sasl.password: hunter2}",
            "1:9: kafka.sasl.password: unknown key; set librdkafka properties in kafka.properties",
        ),
        (
            "kafka: {topics: []}",
            "1:17: kafka.topics: must not be empty",
        ),
        (
            "kafka: {topics: [a, a]}",
            "1:21: kafka.topics[1]: duplicate of \"a\"; remove it",
        ),
        (
            "kafka: {dead_letter_topic: tickets}",
            "1:28: kafka.dead_letter_topic: must not be one of kafka.topics; use another topic",
        ),
        (
            "kafka: {brokers: [\"kafka://u:secret@a:9092/x\"]}",
            "1:19: kafka.brokers[0]: must not be a URL; write \"a:9092\"",
        ),
        (
            "kafka: {brokers: [\"a:x\"]}",
            "1:19: kafka.brokers[0]: must be an address like host:port",
        ),
        (
            "kafka: {properties: {group.id: x}}",
            "1:32: kafka.properties.group.id: cannot be set: set kafka.group_id instead",
        ),
        (
            "kafka: {properties: {sasl.password: [hunter2]}}",
            "1:37: kafka.properties.sasl.password: must be text, not a list",
        ),
        (
            "checkpoint: {interval: 1}",
            "1:24: checkpoint.interval: must be a duration like 15m or 1h30m, not \"1\"",
        ),
        (
            "checkpoint: {interval: 0s}",
            "1:24: checkpoint.interval: must be from 10ms to 1h",
        ),
        (
            "exemplars: yes",
            "1:12: exemplars: must be true or false, not \"yes\"",
        ),
        (
            "exemplars: \"true\"",
            "1:12: exemplars: must be true or false, not the text \"true\"",
        ),
        (
            "windows: [50ms]",
            "1:11: windows[0]: \"50ms\" is not divisible into 60 steps of whole milliseconds; use, for example, 1h",
        ),
        (
            "windows: [24h, 1d]",
            "1:16: windows[1]: \"1d\" is as long as \"24h\"; remove one",
        ),
        (
            "csat: {good: 0.4}",
            "1:14: csat.good: bad (0.5) must be less than good (0.4)",
        ),
        (
            "csat: {good: 1.5}",
            "1:14: csat.good: must be a number from 0 to 1, not \"1.5\"",
        ),
        (
            "csat: {bad: .nan}",
            "1:13: csat.bad: must be a number from 0 to 1, not \".nan\"",
        ),
        (
            "buckets: {handle: [1h, 1h]}",
            "1:24: buckets.handle[1]: must be longer than the bound before, 1h",
        ),
        (
            "buckets: {handle: [0s]}",
            "1:20: buckets.handle[0]: must be longer than 0",
        ),
        (
            "limits: {teams: 0}",
            "1:17: limits.teams: must be a whole number from 1 to 65533, not \"0\"",
        ),
        (
            "teams: {default_calendar: a}",
            "1:27: teams.default_calendar: no calendar \"a\"; use one of: 24x7",
        ),
        (
            "teams: {known: [none]}",
            "1:16: teams.known: \"none\" is reserved; use another name",
        ),
        (
            "calendars: {24x7: {timezone: UTC}}",
            "1:19: calendars.24x7: this name belongs to the built-in calendar that is always open; use another name",
        ),
        (
            "calendars: {a: {weekly: {}}}",
            "1:16: calendars.a.timezone: is missing; write an IANA time zone such as Asia/Jakarta",
        ),
        (
            "calendars: {a: {timezone: UTC, weekly: {monday: []}}}",
            "1:49: calendars.a.weekly.monday: is not a weekday; use mon, tue, wed, thu, fri, sat or sun",
        ),
        (
            "calendars: {a: {timezone: UTC, weekly: {mon: [8-12]}}}",
            "1:47: calendars.a.weekly.mon[0]: must be hours like 08:00-17:00 or 22:00-24:00, not \"8-12\"",
        ),
        (
            "calendars: {a: {timezone: UTC, holidays: [2026-02-30]}}",
            "1:43: calendars.a.holidays[0]: must be a date like 2026-12-24, not \"2026-02-30\"",
        ),
        (
            "calendars: {a: {timezone: UTC, ics: [b.ics]}}",
            "1:38: calendars.a.ics[0]: cannot read etc/b.ics: no such file",
        ),
        (
            "web: {listen: [10047]}",
            "1:16: web.listen[0]: must be text; write \"10047\" in quotes",
        ),
        (
            "web: {listen: [\":80\", \"1.2.3.400:80\"]}",
            "1:23: web.listen[1]: must be an address like :10047 or 127.0.0.1:10047, not \"1.2.3.400:80\"",
        ),
        (
            "web: {listen: [\":80\", \":80\"]}",
            "1:23: web.listen[1]: duplicate of \":80\"; remove it",
        ),
        (
            "web: {telemetry_path: /-/ready}",
            "1:23: web.telemetry_path: must be a path like /metrics, of letters, digits and - _ . ~; it must not be /tickets or below /-/ or /api/",
        ),
        (
            "tickets: {retain: 99999w}",
            "1:19: tickets.retain: must not be longer than 36525d",
        ),
        (
            "sla: {policies: [{name: a, match: {team: []}, targets: {resolution: 1h}}]}",
            "1:42: sla.policies[0].match.team: matches no ticket; remove the key to match any",
        ),
        (
            "sla: {policies: [{targets: {resolution: 1h}}]}",
            "1:18: sla.policies[0].name: is missing; every policy needs a name",
        ),
    ] {
        assert_eq!(bad(yaml), [wanted], "{yaml}");
    }
}

#[test]
fn an_unreadable_file_is_an_error() {
    let mut read = |_: &Path| Err(io::Error::new(io::ErrorKind::NotFound, "no such file"));
    let errors = load(Some(Path::new("a.yaml")), [], &[], &mut read).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "a.yaml:1:1: cannot read the file: no such file"
    );
}

#[test]
fn warnings_do_not_prevent_loading() {
    assert_eq!(
        warned(
            "teams: {known: [a]}\npriorities: [p1]\nsla:\n  policies:\n    \
             - {name: a, match: {priority: [p9, none], team: [b]}, targets: {resolution: 1h}}\n    \
             - {name: b, targets: {resolution: 1h}}\n    \
             - {name: c, calendar: 24x7, pause: {ownership: [new]}, targets: {resolution: 1h}}\n"
        ),
        [
            "5:36: sla.policies[0].match.priority[0]: \"p9\" is not in priorities; add it there",
            "5:54: sla.policies[0].match.team[0]: \"b\" is not in teams.known; add it there",
            "7:7: sla.policies[2]: is never used: the earlier policy \"b\" matches every ticket",
            "7:52: sla.policies[2].pause.ownership: has no effect, because the policy has no such target",
        ]
    );
    assert_eq!(
        warned("priorities: [a, b]\nlimits: {priorities: 1}"),
        [
            "2:22: limits.priorities: is less than the 2 names in the configuration: the last \
          ones become __other__"
        ]
    );
    assert_eq!(
        warned("tickets: {retain: 1d, undelete_grace: 2d}"),
        ["1:39: tickets.undelete_grace: has no effect beyond tickets.retain (1d)"]
    );
}

#[test]
fn a_policy_may_be_always_open_on_the_business_clock() {
    let config = good("sla: {policies: [{name: a, calendar: 24x7, targets: {resolution: 1h}}]}");
    assert_eq!(config.rules.policies[0].clock, Clock::Business);
    assert_eq!(config.rules.policies[0].calendar, Some(None));
}

#[test]
fn bucket_shorthands() {
    let config = good("buckets: {resolution: [1h], first_resolution: [2h], ownership: [5m]}");
    assert_eq!(
        config.rules.buckets[Kpi::FirstResolution as usize],
        [2 * HOUR]
    );
    assert_eq!(config.rules.buckets[Kpi::FullResolution as usize], [HOUR]);
    assert_eq!(
        config.rules.buckets[Kpi::TeamOwnership as usize],
        [5 * MINUTE]
    );
}

#[test]
fn every_kpi_has_its_buckets_key() {
    for kpi in Kpi::ALL {
        let path = format!("buckets.{}", kpi.name());
        assert!(KEYS.iter().any(|key| key.path == path), "{path}");
    }
}

#[test]
fn neither_debug_nor_the_summary_shows_a_secret() {
    let config = good("kafka: {properties: {sasl.password: hunter2, sasl.username: me}}");
    for shown in [format!("{config:?}"), config.summary()] {
        assert!(
            !shown.contains("hunter2") && shown.contains("me"),
            "{shown}"
        );
    }
}

#[test]
fn the_summary_of_the_reference() {
    let summary = good(REFERENCE).summary();
    for line in [
        "brokers        kafka-1.example.com:9092, kafka-2.example.com:9092",
        "topics         tickets, jira-webhooks (group ticket-exporter)",
        "mapping        none; the records are canonical events",
        "mapping        topic jira-webhooks: preset jira; rules importer, created, deleted, comment, \
         comment_alone, worklog, moved, changed, transition",
        "schemas        from https://schema-registry.example.com:8081 as ticket-exporter",
        "calendar       office: Asia/Jakarta, 3 holidays, 1 dates with special hours",
        "team hours     network: always open",
        "policy         urgent (priority p1|p2): first_response 1h, next_response 2h, \
         resolution 1d; business clock, calendar office; objective 90 %",
        "policy         standard (any ticket): first_response 8h, resolution 5d; business clock; \
         objective 90 %",
        "web            :10047, metrics at /metrics",
        "gateway        :10048, hooks freshdesk to tickets, hubspot to tickets, monitoring to tickets, \
         own-system to tickets, zendesk to tickets",
    ] {
        assert!(
            summary.lines().any(|other| other == line),
            "{line}\n\n{summary}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = load_with(&text, &[("TICKET_EXPORTER_SLA_POLICIES", &text)], &[]);
    }

    #[test]
    fn no_broken_reference_panics(at in 0..REFERENCE.len(), length in 0..40_usize, put in "[\\[\\]{}:,&*!|>'\"a0 \\n\\t-]{0,3}") {
        // An unknown zone avoids compiling calendars, which is slow.
        let mut bytes = REFERENCE.as_bytes().to_vec();
        bytes.splice(at..(at + length).min(REFERENCE.len()), put.bytes());
        let text = String::from_utf8_lossy(&bytes).replace("timezone:", "timezone: x");
        let _ = load_with(&text, &[], &[]);
    }
}
