//! A restart with another configuration: which changes need a rebuild, and which rules running goals keep.

use std::sync::Arc;

use ticket_exporter::domain::event::{Event, EventIdentity, EventType, Status};
use ticket_exporter::domain::timestamp::{HOUR, MINUTE, Timestamp};
use ticket_exporter::engine::{
    Engine, PartitionId, Records, RestoredEngine, Restorer, RulesChange, STATE_VERSION, StateError,
};
use ticket_exporter::exposition::Format;

use crate::properties::input::{exposition, rules};

/// Thursday 2026-01-01T00:00:00Z.
const MIDNIGHT: Timestamp = Timestamp(1_767_225_600_000);

/// Bounds that include every target used here, so that only the policies differ.
const BUCKETS: &str = "buckets: { first_response: [1h, 2h, 4h, 8h], next_response: [1h, 2h, 4h, 8h], \
     resolution: [1h, 2h, 4h, 8h], ownership: [1h, 2h, 4h, 8h], handle: [1h, 2h, 4h, 8h], \
     assignment: [1h, 2h, 4h, 8h], requester_wait: [1h, 2h, 4h, 8h], agent_wait: [1h, 2h, 4h, 8h] }\n";

#[derive(Default)]
struct Written(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Records for Written {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

fn restart(engine: &mut Engine, yaml: &str) -> Result<RestoredEngine, StateError> {
    let mut written = Written::default();
    engine.snapshot();
    // The second rewrite writes everything under the current rules.
    let mut cursor = ticket_exporter::engine::RewriteCursor::default();
    engine.write_changes(&mut written);
    engine.write_slice(&mut cursor, usize::MAX, &mut written);
    let mut restoring = Restorer::new(Arc::new(rules(yaml)), STATE_VERSION)?;
    for (key, value) in &written.0 {
        restoring.apply(key, value.as_deref())?;
    }
    restoring.finish()
}

/// A restart from checkpoints, each of which holds only changes.
fn resume(store: &mut Written, engine: &mut Engine, yaml: &str) -> Engine {
    engine.write_changes(store);
    let mut restoring = Restorer::new(Arc::new(rules(yaml)), STATE_VERSION).unwrap();
    for (key, value) in &store.0 {
        restoring.apply(key, value.as_deref()).unwrap();
    }
    restoring.finish().unwrap().engine
}

fn words(changes: &[RulesChange]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn started(yaml: &str) -> (Engine, PartitionId) {
    let mut engine = Engine::new(Arc::new(rules(yaml)), MIDNIGHT);
    let partition = engine.only_partition();
    (engine, partition)
}

fn event(ticket: &str, kind: EventType, hours: i64) -> Event<'static> {
    let at = MIDNIGHT.plus(hours * HOUR);
    let identity = ticket.bytes().fold(hours.unsigned_abs(), |number, byte| {
        number.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte)
    });
    Event::new(ticket.to_owned(), kind, at, EventIdentity(identity))
}

fn created(ticket: &str, hours: i64) -> Event<'static> {
    let mut event = event(ticket, EventType::Created, hours);
    event.priority = Some("p2".into());
    event
}

fn value(engine: &mut Engine, series: &str) -> Option<String> {
    let text = String::from_utf8(exposition(&engine.snapshot(), Format::Text)).unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .map(str::to_owned)
}

fn breaches(engine: &mut Engine, policy: &str) -> Option<String> {
    value(
        engine,
        &format!(
            "ticket_sla_breaches_total{{team=\"none\",priority=\"p2\",target=\"resolution\",policy=\"{policy}\"}}"
        ),
    )
}

fn advance(engine: &mut Engine, partition: PartitionId, hours: i64) {
    engine.advance(partition, MIDNIGHT.plus(hours * HOUR + MINUTE));
}

fn with_policies(policies: &str) -> String {
    format!("{BUCKETS}priorities: [p1, p2]\nsla:\n  policies:\n{policies}")
}

#[test]
fn changes_that_make_other_numbers_need_a_rebuild() {
    let (mut engine, partition) = started("windows: [1h]");
    engine.apply(partition, &created("T-1", 1));
    for (yaml, what) in [
        ("windows: [1h, 24h]", "windows: 1h, now 1h 24h"),
        (
            "windows: [1h]\nbuckets: { handle: [1m] }",
            "buckets of handle",
        ),
        (
            "windows: [1h]\nhandle: { derive: true }",
            "handle.derive: false, now true",
        ),
    ] {
        match restart(&mut engine, yaml) {
            Err(StateError::NeedsRebuild(changes)) => {
                assert!(
                    words(&changes).iter().any(|words| words.starts_with(what)),
                    "{changes:?}"
                );
            }
            other => panic!("{yaml}: {other:?}"),
        }
    }
    let target = "windows: [1h]\nsla: { policies: [{ name: a, targets: { resolution: 7m } }] }";
    let error = restart(&mut engine, target).unwrap_err().to_string();
    assert!(error.contains("buckets of first_response"), "{error}");
}

#[test]
fn other_changes_are_reported_and_apply() {
    let (mut engine, partition) = started("tickets: { finalize_after: 96h }");
    engine.apply(partition, &created("T-1", 1));
    let yaml = "tickets: { finalize_after: 1h }\nteams: { known: [network] }";
    let mut restored = restart(&mut engine, yaml).unwrap();
    assert_eq!(
        words(&restored.changes),
        [
            "tickets.finalize_after: 4d, now 1h",
            "teams.known: none, now network"
        ]
    );
    let known = "ticket_solved_total{team=\"network\",priority=\"none\"}";
    assert_eq!(value(&mut restored.engine, known).as_deref(), Some("0"));
    let again = restart(&mut restored.engine, yaml).unwrap();
    assert_eq!(words(&again.changes), Vec::<String>::new());
}

#[test]
fn another_mapping_needs_a_recount_and_loses_nothing() {
    let (mut engine, partition) = started("mapping: { preset: zendesk }");
    engine.apply(partition, &created("T-1", 1));
    let restored = restart(&mut engine, "mapping: { preset: zendesk }").unwrap();
    assert_eq!(words(&restored.changes), Vec::<String>::new(), "the same");
    assert_eq!(words(&restored.recounts), Vec::<String>::new(), "the same");
    // The preset stays the same; the mapping adds one value.
    let yaml = "mapping: { preset: zendesk, values: { status: { pending: [parked] } } }";
    let mut restored = restart(&mut engine, yaml).unwrap();
    let asked = words(&restored.recounts);
    let zendesk = "mapping of topic tickets: preset zendesk, now preset zendesk, values ";
    assert!(
        asked.len() == 1 && asked[0].starts_with(zendesk),
        "{asked:?}"
    );
    let counted = "ticket_created_total{team=\"none\",priority=\"p2\",channel=\"none\"}";
    assert_eq!(
        value(&mut restored.engine, counted).as_deref(),
        Some("1"),
        "it stays"
    );
    let mut back = restart(&mut restored.engine, "").unwrap();
    let asked = words(&back.recounts);
    assert!(
        asked.len() == 1 && asked[0].ends_with(", now canonical"),
        "{asked:?}"
    );
    // Mappings of topics that are not read or are new do not change what is counted.
    let yaml = "kafka: { topics: [tickets, a] }\nmapping: { topics: { a: { preset: jira }, b: { preset: jira } } }";
    let mut restored = restart(&mut back.engine, yaml).unwrap();
    assert_eq!(words(&restored.recounts), Vec::<String>::new());
    let own = yaml.replace("jira", "github");
    let asked = words(&restart(&mut restored.engine, &own).unwrap().recounts);
    assert_eq!(
        asked,
        ["mapping of topic a: preset jira, now preset github"]
    );
    // The running engine reports the mapping under which it counted.
    let tables =
        |entries: &str| vec![("mapping.tables, file a.csv".to_owned(), entries.to_owned())];
    back.engine.set_mapping_settings(tables("1 entries"));
    let restored = restart(&mut back.engine, "").unwrap();
    assert_eq!(
        words(&restored.changes),
        ["mapping.tables, file a.csv: 1 entries, now none"]
    );
    assert_eq!(
        words(&restored.recounts),
        Vec::<String>::new(),
        "a table's contents"
    );
}

/// Two texts with the same meaning are one mapping. Each key that may change what is counted makes another
/// one.
#[test]
fn a_mapping_is_identified_by_its_meaning() {
    let recounts = |before: &str, now: &str| {
        let mapping = |keys: &str| rules(&format!("mapping: {{ preset: zendesk, {keys} }}"));
        mapping(before).recounts(&mapping(now))
    };
    let words = "values: { status: { open: [b], new: [a] } }";
    let other_order = "values: { status: { new: [a], open: [\"b\"] } }";
    assert_eq!(recounts(words, other_order), [""; 0]);
    for other in [
        "values: { status: { open: [b], new: [c] } }",
        "zone: Europe/Berlin",
        "unwrap: [cloudevents]",
        "common: { team: .a }",
        "rules: { a: { when: { .b: c }, ignore: true } }",
    ] {
        assert_eq!(recounts("", other).len(), 1, "{other}");
        assert_eq!(recounts(words, other).len(), 1, "{other}");
    }
    let fcr = rules("").recounts(&rules("fcr: { allow_unanswered: true }"));
    assert_eq!(fcr, ["fcr.allow_unanswered: false, now true"]);
    let opening = rules("").recounts(&rules("tickets: { opening: 0s }"));
    assert_eq!(opening, ["tickets.opening: 2s, now 0s"]);
}

#[test]
fn a_running_goal_keeps_its_target_over_restarts() {
    let before = with_policies("    - { name: all, clock: calendar, targets: { resolution: 4h } }");
    let after = with_policies("    - { name: all, clock: calendar, targets: { resolution: 8h } }");
    let (mut engine, partition) = started(&before);
    engine.apply(partition, &created("old", 0));
    let restored = restart(&mut engine, &after).unwrap();
    assert_eq!(words(&restored.changes), ["policy all has changed"]);
    let mut engine = restart(&mut { restored }.engine, &after).unwrap().engine;
    engine.apply(partition, &created("new", 0));
    // The event assigns a target again, but not the new one.
    let mut raised = event("old", EventType::TeamChanged, 1);
    raised.team = Some(None);
    raised.channel = Some("chat".into());
    engine.apply(partition, &raised);
    advance(&mut engine, partition, 3);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("0"));
    advance(&mut engine, partition, 4);
    assert_eq!(
        breaches(&mut engine, "all").as_deref(),
        Some("1"),
        "the old one"
    );
    let target =
        "ticket_sla_target_seconds{policy=\"all\",target=\"resolution\",clock=\"calendar\"}";
    assert_eq!(value(&mut engine, target).as_deref(), Some("28800"));
    advance(&mut engine, partition, 8);
    assert_eq!(
        breaches(&mut engine, "all").as_deref(),
        Some("2"),
        "and the new one"
    );
}

#[test]
fn a_removed_policy_is_counted_under_its_name() {
    let before = with_policies("    - { name: old, clock: calendar, targets: { resolution: 4h } }");
    let (mut engine, partition) = started(&before);
    engine.apply(partition, &created("T-1", 0));
    let after = with_policies("    - { name: new, clock: calendar, targets: { resolution: 8h } }");
    let mut restored = restart(&mut engine, &after).unwrap();
    assert_eq!(
        words(&restored.changes),
        ["policy old is gone", "policy new is new"]
    );
    let engine = &mut restored.engine;
    advance(engine, partition, 4);
    assert_eq!(breaches(engine, "old").as_deref(), Some("1"));
    assert_eq!(breaches(engine, "new").as_deref(), Some("0"));
    let target =
        "ticket_sla_target_seconds{policy=\"old\",target=\"resolution\",clock=\"calendar\"}";
    assert_eq!(value(engine, target), None);
    let mut again = restart(engine, &after).unwrap().engine;
    assert_eq!(
        breaches(&mut again, "old").as_deref(),
        Some("1"),
        "for ever"
    );
    // The policy is in force again with the same definition: one policy, one name.
    let mut back = restart(&mut again, &before).unwrap().engine;
    assert_eq!(breaches(&mut back, "old").as_deref(), Some("1"));
}

#[test]
fn a_former_policy_applies_as_long_as_its_configuration_would_choose_it() {
    let policies = |urgent: &str, all: &str| {
        with_policies(&format!(
            "    - {{ name: urgent, clock: calendar, match: {{ priority: [p1] }}, targets: {{ resolution: {urgent} }} }}\n    - {{ name: all, clock: calendar, targets: {{ resolution: {all} }} }}"
        ))
    };
    let (mut engine, partition) = started(&policies("2h", "4h"));
    engine.apply(partition, &created("stays", 0));
    engine.apply(partition, &created("rises", 0));
    let mut engine = restart(&mut engine, &policies("1h", "8h")).unwrap().engine;
    // After a change of the priority the new policies apply.
    let mut raised = event("rises", EventType::PriorityChanged, 9);
    raised.at = MIDNIGHT.plus(30 * MINUTE);
    raised.priority = Some("p1".into());
    engine.apply(partition, &raised);
    advance(&mut engine, partition, 1);
    let urgent = "ticket_sla_breaches_total{team=\"none\",priority=\"p1\",target=\"resolution\",policy=\"urgent\"}";
    assert_eq!(value(&mut engine, urgent).as_deref(), Some("1"));
    advance(&mut engine, partition, 4);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("1"));
}

#[test]
fn a_running_goal_keeps_its_calendar() {
    let policy = "    - { name: all, targets: { resolution: 1h } }";
    let calendar = |hours: &str| {
        format!(
            "{}\ncalendars: {{ office: {{ timezone: UTC, weekly: {{ thu: [\"{hours}\"] }} }} }}\nteams: {{ default_calendar: office }}",
            with_policies(policy)
        )
    };
    let (mut engine, partition) = started(&calendar("08:00-16:00"));
    engine.apply(partition, &created("old", 0));
    let restored = restart(&mut engine, &calendar("12:00-16:00")).unwrap();
    assert_eq!(words(&restored.changes), ["calendar office has changed"]);
    let mut engine = restart(&mut { restored }.engine, &calendar("12:00-16:00"))
        .unwrap()
        .engine;
    engine.apply(partition, &created("new", 0));
    let mut changed = event("old", EventType::PriorityChanged, 1);
    changed.channel = Some("chat".into());
    engine.apply(partition, &changed);
    advance(&mut engine, partition, 9);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("1"));
    advance(&mut engine, partition, 13);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("2"));
}

#[test]
fn a_newer_version_is_refused() {
    let error = Restorer::new(Arc::new(rules("")), STATE_VERSION + 1).unwrap_err();
    assert_eq!(error, StateError::Newer(STATE_VERSION + 1));
    let nothing = Restorer::new(Arc::new(rules("")), STATE_VERSION).unwrap();
    assert_eq!(nothing.finish().unwrap_err(), StateError::Missing("state"));
}

/// The policies have other numbers. Records of tickets without new events must have them, too.
#[test]
fn running_goals_keep_their_policy_in_incremental_checkpoints() {
    let policy = |name: &str, target: &str| {
        format!("    - {{ name: {name}, clock: calendar, targets: {{ resolution: {target} }} }}\n")
    };
    let before = with_policies(&policy("all", "4h"));
    let after = with_policies(&policy("all", "8h"));
    let first = with_policies(&(policy("new", "1h") + &policy("all", "8h")));
    let (mut engine, partition) = started(&before);
    engine.track_changes();
    engine.apply(partition, &created("old", 0));
    let mut store = Written::default();
    let mut engine = resume(&mut store, &mut engine, &after);
    let mut engine = resume(&mut store, &mut engine, &first);
    let mut engine = resume(&mut store, &mut engine, &after);
    advance(&mut engine, partition, 3);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("0"));
    let mut engine = resume(&mut store, &mut engine, &after);
    advance(&mut engine, partition, 4);
    assert_eq!(breaches(&mut engine, "all").as_deref(), Some("1"));
}

/// After a reload in memory, the numbers and the checkpoints equal those after a restart.
#[test]
fn a_reload_equals_a_restart() {
    let before = with_policies("    - { name: a, clock: calendar, targets: { resolution: 4h } }\n");
    let after = with_policies("    - { name: b, clock: calendar, targets: { resolution: 8h } }\n")
        + "teams: { known: [network] }\ntickets: { finalize_after: 1h }\n";
    let (mut engine, partition) = started(&before);
    engine.track_changes();
    let mut store = Written::default();
    for ticket in 0..50 {
        engine.apply(partition, &created(&format!("T-{ticket}"), ticket % 5));
        let mut solved = event(&format!("T-{ticket}"), EventType::StatusChanged, 5);
        solved.status = (ticket % 3 == 0).then_some(Status::Solved);
        engine.apply(partition, &solved);
    }
    engine.write_changes(&mut store);
    let mut reloaded = engine.under(Arc::new(rules(&after))).unwrap();
    let mut restarted = restart(&mut engine, &after).unwrap();
    assert_eq!(words(&reloaded.changes), words(&restarted.changes));
    assert!(!reloaded.changes.is_empty());
    let text = |engine: &mut Engine| {
        String::from_utf8(exposition(&engine.snapshot(), Format::Text)).unwrap()
    };
    for hours in [6, 8, 9] {
        advance(&mut reloaded.engine, partition, hours);
        advance(&mut restarted.engine, partition, hours);
        assert_eq!(text(&mut reloaded.engine), text(&mut restarted.engine));
        // The store continues, too: the changes alone bring it to the current rules.
        let mut stored = resume(&mut store, &mut reloaded.engine, &after);
        assert_eq!(text(&mut stored), text(&mut restarted.engine));
    }
    // The old engine is unchanged.
    advance(&mut engine, partition, 9);
    assert!(breaches(&mut engine, "a").is_some_and(|count| count != "0"));
}

#[test]
fn incompatible_rules_are_reported_in_the_same_words() {
    let (mut engine, partition) = started("windows: [1h]");
    engine.apply(partition, &created("T-1", 1));
    for yaml in [
        "windows: [1h, 24h]",
        "windows: [1h]\nbuckets: { handle: [1m] }\nhandle: { derive: true }",
    ] {
        let Err(StateError::NeedsRebuild(changes)) = engine.under(Arc::new(rules(yaml))) else {
            panic!("{yaml}");
        };
        assert_eq!(words(&changes), rules("windows: [1h]").breaks(&rules(yaml)));
    }
    let harmless = rules("windows: [1h]\nhandle: { derive: false }\nlimits: { teams: 3 }");
    assert_eq!(rules("windows: [1h]").breaks(&harmless), [""; 0]);
}

fn breaches_in(engine: &mut Engine, policy: &str, group: &str) -> Option<String> {
    let labels = format!("policy=\"{policy}\",group=\"{group}\"");
    let series = "ticket_sla_breaches_total{team=\"none\",priority=\"p2\",target=\"resolution\",";
    value(engine, &format!("{series}{labels}}}"))
}

#[test]
fn goals_stay_in_their_groups_when_the_order_of_the_groups_changes() {
    let customer = "    - { name: customer, clock: calendar, targets: { resolution: 8h } }\n";
    let internal =
        "    - { name: internal, group: ola, clock: calendar, targets: { resolution: 2h } }\n";
    let (mut engine, partition) = started(&with_policies(&format!("{customer}{internal}")));
    engine.apply(partition, &created("T-1", 1));
    let swapped = with_policies(&format!("{internal}{customer}"));
    let mut engine = restart(&mut engine, &swapped).unwrap().engine;
    advance(&mut engine, partition, 4);
    assert_eq!(
        breaches_in(&mut engine, "internal", "ola").as_deref(),
        Some("1")
    );
    assert_eq!(
        breaches_in(&mut engine, "customer", "sla").as_deref(),
        Some("0")
    );
    // A group that is gone keeps its running goals, and its counts.
    let alone = with_policies(internal);
    let mut engine = restart(&mut engine, &alone).unwrap().engine;
    advance(&mut engine, partition, 10);
    assert_eq!(breaches(&mut engine, "internal").as_deref(), Some("1"));
    assert_eq!(breaches(&mut engine, "customer").as_deref(), Some("1"));
}

#[test]
fn a_changed_configuration_is_no_change_of_policy() {
    let from_start = "    - { name: all, clock: calendar, targets: { resolution: 4h } }\n";
    let from_change =
        "    - { name: late, clock: calendar, rebase: from_change, targets: { resolution: 8h } }\n";
    let (mut engine, partition) = started(&with_policies(from_start));
    engine.apply(partition, &created("T-1", 1));
    let mut solved = event("T-1", EventType::StatusChanged, 2);
    solved.status = Some(Status::Solved);
    engine.apply(partition, &solved);
    let mut engine = restart(&mut engine, &with_policies(from_change))
        .unwrap()
        .engine;
    let mut reopened = event("T-1", EventType::StatusChanged, 3);
    reopened.status = Some(Status::Open);
    engine.apply(partition, &reopened);
    // One of eight hours has run at the solve, and one more does not count: due at 10.
    advance(&mut engine, partition, 9);
    assert_eq!(breaches(&mut engine, "late").as_deref(), Some("0"));
    advance(&mut engine, partition, 10);
    assert_eq!(breaches(&mut engine, "late").as_deref(), Some("1"));
}
