//! The user's own attributes: over restarts with other attributes, beyond their limits, and in any order.

use std::sync::Arc;

use ticket_exporter::domain::event::{Event, EventIdentity, EventType, StatedAttribute, Status};
use ticket_exporter::domain::timestamp::{HOUR, Timestamp};
use ticket_exporter::engine::{
    AttributeRule, Engine, PartitionId, Records, RestoredEngine, Restorer, Rules, STATE_VERSION,
    TicketTrace, TraceEvent,
};
use ticket_exporter::exposition::Format;

use crate::properties::input::exposition;
use crate::stories::dice::Dice;

/// Thursday 2026-01-01T00:00:00Z.
const MIDNIGHT: Timestamp = Timestamp(1_767_225_600_000);

/// The records of all checkpoints of one store.
#[derive(Default)]
struct Checkpoints(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Records for Checkpoints {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

impl Checkpoints {
    /// Writes a checkpoint and restores the engine under other rules.
    fn restart(&mut self, engine: &mut Engine, attributes: &[AttributeRule]) -> RestoredEngine {
        engine.write_changes(self);
        let mut restorer = Restorer::new(rules(attributes), STATE_VERSION).unwrap();
        for (key, value) in &self.0 {
            restorer.apply(key, value.as_deref()).unwrap();
        }
        restorer.finish().unwrap()
    }
}

fn label(name: &str) -> AttributeRule {
    AttributeRule {
        name: name.to_owned(),
        values: Vec::new(),
        is_label: true,
        limit: 20,
    }
}

fn no_label(name: &str) -> AttributeRule {
    AttributeRule {
        is_label: false,
        ..label(name)
    }
}

fn rules(attributes: &[AttributeRule]) -> Arc<Rules> {
    Arc::new(Rules {
        attributes: attributes.to_vec(),
        ..Rules::default()
    })
}

fn started(rules: Arc<Rules>) -> (Engine, PartitionId) {
    let mut engine = Engine::new(rules, MIDNIGHT);
    let partition = engine.only_partition();
    (engine, partition)
}

/// `attributes`: `tier=gold product=`.
fn event(ticket: &str, kind: EventType, hour: i64, attributes: &str) -> Event<'static> {
    let identity = EventIdentity(hour.unsigned_abs() << 8 | kind as u64);
    let at = MIDNIGHT.plus(hour * HOUR);
    let mut event = Event::new(ticket.to_owned(), kind, at, identity);
    let stated = attributes.split_whitespace().map(|stated| {
        let (name, value) = stated.split_once('=').unwrap();
        StatedAttribute {
            name: name.to_owned().into(),
            value: (!value.is_empty()).then(|| value.to_owned().into()),
        }
    });
    event.attributes = stated.collect();
    event
}

fn status(ticket: &str, hour: i64, status: Status) -> Event<'static> {
    let mut event = event(ticket, EventType::StatusChanged, hour, "");
    event.status = Some(status);
    event
}

/// The series of a family that are not 0, without the labels `team` and `priority`.
fn shown(engine: &mut Engine, family: &str) -> Vec<String> {
    let text = String::from_utf8(exposition(&engine.snapshot(), Format::Text)).unwrap();
    let prefix = format!("{family}{{team=\"none\",priority=\"none\"");
    let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    let mut lines: Vec<String> = lines
        .filter(|line| !line.ends_with(" 0"))
        .map(|line| line.trim_start_matches(',').to_owned())
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn labels_follow_the_priority_and_a_change_counts_time_before_it_with_the_labels_before() {
    let (mut engine, partition) = started(rules(&[label("tier"), label("product")]));
    for event in [
        event("a", EventType::Created, 0, "tier=gold"),
        event("a", EventType::Updated, 2, "product=x unknown=1"),
        event("a", EventType::Updated, 3, "tier="),
        status("a", 5, Status::Solved),
    ] {
        engine.apply(partition, &event);
    }
    assert_eq!(
        shown(&mut engine, "ticket_created_total"),
        ["tier=\"gold\",product=\"none\",channel=\"none\"} 1"]
    );
    assert_eq!(
        shown(&mut engine, "ticket_status_seconds_total"),
        [
            "tier=\"gold\",product=\"none\",status=\"new\"} 7200",
            "tier=\"gold\",product=\"x\",status=\"new\"} 3600",
            "tier=\"none\",product=\"x\",status=\"new\"} 7200",
        ]
    );
}

#[test]
fn labels_of_the_solve_stay_those_of_the_end() {
    let (mut engine, partition) = started(rules(&[label("tier")]));
    for event in [
        event("a", EventType::Created, 0, "tier=gold"),
        status("a", 1, Status::Solved),
        event("a", EventType::Updated, 2, "tier=silver"),
    ] {
        engine.apply(partition, &event);
    }
    let mut store = Checkpoints::default();
    let mut engine = store.restart(&mut engine, &[label("tier")]).engine;
    engine.advance(partition, MIDNIGHT.plus(200 * HOUR));
    assert_eq!(
        shown(&mut engine, "ticket_finalized_total"),
        ["tier=\"gold\",first_contact=\"false\",reopened=\"false\"} 1"]
    );
}

#[test]
fn an_earlier_statement_is_ignored_counted_and_explained() {
    let (mut engine, partition) = started(rules(&[no_label("product"), label("tier")]));
    let mut trace = TicketTrace::new("a");
    for event in [
        event("a", EventType::Created, 0, "tier=gold"),
        event("a", EventType::Updated, 4, "tier=silver"),
        event("a", EventType::Updated, 3, "tier=bronze product=x"),
        event("a", EventType::Message, 4, "tier=iron"),
    ] {
        engine.apply_observed(partition, &event, &mut trace);
    }
    assert_eq!(engine.counts().stale_attributes, [0, 1, 0, 0]);
    assert_eq!(
        shown(&mut engine, "ticket_backlog"),
        ["tier=\"iron\",status=\"new\"} 1"]
    );
    let entries = trace.into_entries();
    let traced: Vec<(String, String)> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            TraceEvent::Event(event) => {
                let own = event.changes.iter();
                let own = own.filter(|change| change.attribute == "tier" || change.to == "x");
                let own = own.map(|change| format!("{} {}", change.attribute, change.to));
                let stale = event.stale.iter().map(|one| one.member.as_str());
                Some((own.collect(), stale.collect()))
            }
            _ => None,
        })
        .collect();
    let expected = [
        ("tier gold", ""),
        ("tier silver", ""),
        ("product x", "tier"),
        ("tier iron", ""),
    ];
    let expected = expected.map(|(changes, stale)| (changes.to_owned(), stale.to_owned()));
    assert_eq!(traced, expected);
    let view = &engine.describe("a")[0];
    assert_eq!(view.attributes["tier"], "iron");
}

#[test]
fn a_label_that_is_removed_adds_up_cohorts_and_one_that_is_added_begins_with_none() {
    let attributes = [label("tier"), label("product")];
    let (mut engine, partition) = started(rules(&attributes));
    for (ticket, stated) in [
        ("a", "tier=gold product=x"),
        ("b", "tier=silver product=x"),
        ("c", "tier=gold product=y"),
    ] {
        engine.apply(partition, &event(ticket, EventType::Created, 0, stated));
    }
    engine.apply(partition, &status("b", 1, Status::Solved));
    engine.track_changes();
    let mut store = Checkpoints::default();
    let created = |labels: &str, count: u64| format!("{labels}channel=\"none\"}} {count}");

    // No change: nothing is added up.
    let restored = store.restart(&mut engine, &attributes);
    assert_eq!((restored.changes, restored.recounts), (vec![], vec![]));
    let mut engine = restored.engine;
    assert_eq!(shown(&mut engine, "ticket_created_total").len(), 3);

    // Another order.
    let attributes = [label("product"), label("tier")];
    let restored = store.restart(&mut engine, &attributes);
    assert_eq!(restored.recounts, []);
    let mut engine = restored.engine;
    assert_eq!(
        shown(&mut engine, "ticket_created_total")[0],
        created("product=\"x\",tier=\"gold\",", 1)
    );

    // The tier is no longer a label.
    let attributes = [no_label("tier"), label("product")];
    let restored = store.restart(&mut engine, &attributes);
    let words: Vec<String> = restored.recounts.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        ["attributes: product (label), tier (label), now product (label), tier"]
    );
    let mut engine = restored.engine;
    let in_two = [created("product=\"x\",", 2), created("product=\"y\",", 1)];
    assert_eq!(shown(&mut engine, "ticket_created_total"), in_two);
    let mut engine = store.restart(&mut engine, &attributes).engine;
    assert_eq!(
        shown(&mut engine, "ticket_created_total"),
        in_two,
        "they are added up once"
    );

    // The tier is a label again, and there is a region; the product is gone.
    let attributes = [label("region"), label("tier")];
    let mut engine = store.restart(&mut engine, &attributes).engine;
    let all = [created("region=\"none\",tier=\"none\",", 3)];
    assert_eq!(shown(&mut engine, "ticket_created_total"), all);
    assert_eq!(
        shown(&mut engine, "ticket_backlog"),
        ["region=\"none\",tier=\"gold\",status=\"new\"} 2"],
        "the tickets keep their values"
    );
    let update = event("a", EventType::Updated, 2, "region=eu");
    engine.apply(partition, &update);
    let mut engine = store.restart(&mut engine, &attributes).engine;
    assert_eq!(
        shown(&mut engine, "ticket_backlog"),
        [
            "region=\"eu\",tier=\"gold\",status=\"new\"} 1",
            "region=\"none\",tier=\"gold\",status=\"new\"} 1",
        ]
    );
    assert_eq!(shown(&mut engine, "ticket_created_total"), all);
    let mut engine = store.restart(&mut engine, &[]).engine;
    assert_eq!(shown(&mut engine, "ticket_created_total"), [created("", 3)]);
}

#[test]
fn combinations_beyond_the_limit_share_a_cohort() {
    let mut rules = Rules::clone(&rules(&[label("tier"), label("product")]));
    rules.limits.cohorts = 2;
    let (mut engine, partition) = started(Arc::new(rules));
    for (ticket, stated) in [
        ("a", "tier=gold product=x"),
        ("b", "tier=gold product=y"),
        ("c", "tier=silver product=x"),
        ("d", "tier=gold product=x"),
        ("e", "tier=silver product=y"),
    ] {
        engine.apply(partition, &event(ticket, EventType::Created, 0, stated));
    }
    let created = |tier: &str, product: &str, count: u64| {
        format!("tier=\"{tier}\",product=\"{product}\",channel=\"none\"}} {count}")
    };
    assert_eq!(
        shown(&mut engine, "ticket_created_total"),
        [
            created("__other__", "__other__", 2),
            created("gold", "x", 2),
            created("gold", "y", 1)
        ]
    );
    assert_eq!(engine.counts().overflowed_combinations, 2);
    // A change to a combination that has a place.
    let change = event("e", EventType::Updated, 2, "tier=gold");
    engine.apply(partition, &change);
    assert_eq!(engine.counts().overflowed_combinations, 2);
    assert_eq!(
        shown(&mut engine, "ticket_backlog")
            .iter()
            .filter(|line| line.starts_with("tier=\"gold\",product=\"y\""))
            .count(),
        1
    );
}

#[test]
fn configured_values_start_at_0_in_each_combination() {
    let with_values = |name, values: &[&str]| AttributeRule {
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..label(name)
    };
    let rules = Rules {
        known_teams: vec!["a".to_owned()],
        attributes: vec![with_values("tier", &["gold", "silver"]), label("product")],
        ..Rules::default()
    };
    let (mut engine, _) = started(Arc::new(rules));
    let text = String::from_utf8(exposition(&engine.snapshot(), Format::Text)).unwrap();
    let solved: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("ticket_solved_total{"))
        .collect();
    assert_eq!(
        solved,
        [
            "ticket_solved_total{team=\"a\",priority=\"none\",tier=\"gold\",product=\"none\"} 0",
            "ticket_solved_total{team=\"a\",priority=\"none\",tier=\"silver\",product=\"none\"} 0",
        ]
    );
}

/// Statements of different times may arrive in any order.
#[test]
fn the_last_statements_decide_in_whatever_order_they_arrive() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed);
        let mut statements: Vec<(i64, String)> = (1..12)
            .map(|hour| {
                let name = dice.pick(&["tier", "product", "region"]);
                let value = dice.pick(&["a", "b", "c", ""]);
                (hour, format!("{name}={value}"))
            })
            .collect();
        let attributes = ["tier", "product", "region"].map(label);
        let mut backlogs = Vec::new();
        for _ in 0..4 {
            let (mut engine, partition) = started(rules(&attributes));
            engine.apply(partition, &event("t", EventType::Created, 0, ""));
            for (hour, statement) in &statements {
                let update = event("t", EventType::Updated, *hour, statement);
                engine.apply(partition, &update);
            }
            backlogs.push(shown(&mut engine, "ticket_backlog"));
            for last in (1..statements.len()).rev() {
                let other = usize::try_from(dice.below(i64::try_from(last).unwrap() + 1)).unwrap();
                statements.swap(last, other);
            }
        }
        backlogs.dedup();
        assert_eq!(backlogs.len(), 1, "seed {seed}: {backlogs:?}");
    }
}
