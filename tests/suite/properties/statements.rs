//! State may arrive in any order, and so may the events of one helpdesk update.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use ticket_exporter::decode;
use ticket_exporter::domain::catalog::MetricKind;
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{Engine, Rules};

use super::collected::Collected;
use super::{ensure, input};
use crate::stories::dice::Dice;

const ROUNDS: u64 = 300;
/// 2026-03-02T09:00:00Z.
const START: i64 = 1_772_442_000_000;
const MINUTE: i64 = 60_000;
/// No goal breaches within a story, because a breach depends on when state is known.
const LONG_TARGETS: &str = "
attributes: { tier: { label: true }, product: {} }
sla:
  policies:
    - { name: high, match: { priority: [p1] }, targets: { resolution: 900d, ownership: 800d } }
    - { name: product, match: { attributes: { product: [x] } }, targets: { ownership: 850d } }
    - { name: gold, group: ola, match: { attributes: { tier: [gold] } }, targets: { resolution: 890d } }
    - { name: other, group: ola, rebase: from_change, targets: { ownership: 810d, first_response: 710d } }
    - { name: one, match: { team: [a] }, targets: { first_response: 700d, resolution: 600d } }
    - { name: rest, targets: { first_response: 500d, next_response: 500d, ownership: 400d } }
";
/// Gauges that the last statements decide.
const DECIDED: [&str; 6] = [
    "ticket_backlog",
    "ticket_unassigned",
    "ticket_awaiting_first_response",
    "ticket_sla_running",
    "ticket_sla_paused",
    "ticket_sla_overdue",
];

fn shuffled<T: Clone>(items: &[T], dice: &mut Dice) -> Vec<T> {
    let mut items = items.to_vec();
    for last in (1..items.len()).rev() {
        let other = usize::try_from(dice.below(i64::try_from(last).unwrap() + 1)).unwrap();
        items.swap(last, other);
    }
    items
}

fn replayed(rules: &Arc<Rules>, records: &[Value], end: i64) -> Collected {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp(0));
    let partition = engine.only_partition();
    for record in records {
        let line = record.to_string();
        engine.apply(partition, &decode::decode(line.as_bytes(), None).unwrap());
    }
    engine.advance(partition, Timestamp(end));
    Collected::of(&engine.snapshot())
}

/// A record that states some members of the state.
fn statement(ticket: i64, at: i64, dice: &mut Dice) -> Value {
    let mut members = Map::new();
    if dice.chance(40) {
        let team = dice.pick(&[json!("a"), json!("b"), json!(null)]).clone();
        members.insert("team".into(), team);
    }
    if dice.chance(40) {
        members.insert("agent".into(), dice.pick(&[json!("7"), json!("")]).clone());
    }
    if dice.chance(40) {
        members.insert("priority".into(), json!(dice.pick(&["p1", "p2", ""])));
    }
    if dice.chance(40) {
        members.insert("channel".into(), json!(dice.pick(&["email", "chat"])));
    }
    let mut own = Map::new();
    if dice.chance(40) {
        let tier = dice
            .pick(&[json!("gold"), json!("silver"), json!(null)])
            .clone();
        own.insert("tier".into(), tier);
    }
    if dice.chance(40) {
        own.insert("product".into(), json!(dice.pick(&["x", "y", ""])));
    }
    members.insert("attributes".into(), own.into());
    if dice.chance(50) {
        let statuses = ["new", "open", "pending", "on_hold", "solved"];
        members.insert("status".into(), json!(dice.pick(&statuses)));
    }
    members.insert("ticket_id".into(), json!(ticket));
    members.insert("type".into(), json!("updated"));
    members.insert("at".into(), json!(at));
    Value::Object(members)
}

#[test]
fn statements_may_arrive_in_any_order() {
    let rules = Arc::new(input::rules(LONG_TARGETS));
    for seed in 0..ROUNDS {
        let mut dice = Dice::new(seed);
        let mut records = Vec::new();
        for ticket in 0..1 + dice.below(4) {
            let first = statement(ticket, START + ticket, &mut dice);
            let mut created = first.as_object().unwrap().clone();
            created.insert("type".into(), json!("created"));
            records.push(Value::Object(created));
            for number in 1..1 + dice.below(12) {
                // No two records of a ticket have the same time.
                let at = START + number * MINUTE + dice.below(MINUTE);
                records.push(statement(ticket, at, &mut dice));
            }
        }
        let end = START + 60 * MINUTE;
        let (one, other) = (
            replayed(&rules, &records, end),
            replayed(&rules, &shuffled(&records, &mut dice), end),
        );
        for family in DECIDED {
            let labels = ["team", "priority", "tier", "status", "target", "group"];
            let nonzero = |collected: &Collected| -> BTreeMap<Vec<String>, u64> {
                let sums = collected.sums(family, &labels).into_iter();
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number of tickets"
                )]
                let sums = sums.map(|(labels, number)| (labels, number as u64));
                sums.filter(|(_, number)| *number > 0).collect()
            };
            let lines: Vec<String> = records.iter().map(Value::to_string).collect();
            assert_eq!(
                nonzero(&one),
                nonzero(&other),
                "{family}, seed {seed}:\n{}",
                lines.join("\n")
            );
        }
    }
}

/// The records of one step of an agent, all with the same time.
fn update(at: i64, dice: &mut Dice) -> Vec<Value> {
    let mut state = Map::new();
    if dice.chance(50) {
        state.insert("agent".into(), json!("7"));
    }
    if dice.chance(50) {
        state.insert("priority".into(), json!("p2"));
    }
    let status = *dice.pick(&["solved", "pending", "open"]);
    let of = |kind: &str, more: Value, state: &Map<String, Value>| {
        let mut record = state.clone();
        record.extend(more.as_object().unwrap().clone());
        record.insert("ticket_id".into(), json!(1));
        record.insert("type".into(), json!(kind));
        record.insert("at".into(), json!(at));
        Value::Object(record)
    };
    let mut records = vec![
        of("message", json!({"actor": "agent"}), &state),
        of("status_changed", json!({"status": status}), &state),
    ];
    for (kind, more) in [
        ("worklog", json!({"handle_seconds": 60})),
        ("escalated", json!({})),
        ("csat_offered", json!({})),
        ("message", json!({"actor": "agent", "public": false})),
        ("updated", json!({"status": status})),
        ("agent_changed", json!({"agent": "7"})),
    ] {
        if dice.chance(30) {
            records.push(of(kind, more, &state));
        }
    }
    if dice.chance(30) {
        // Many helpdesks write the whole state into each record.
        for record in &mut records {
            record["status"] = json!(status);
        }
    }
    records
}

/// The cumulative numbers, without the labels that depend on who is asked first.
fn counted(collected: &Collected) -> BTreeMap<(&'static str, Vec<String>), String> {
    let by = [
        "status",
        "first_contact",
        "reopened",
        "clock",
        "source",
        "target",
    ];
    let mut numbers = BTreeMap::new();
    for family in collected.families.keys() {
        if !collected.is_cumulative(family) {
            continue;
        }
        if collected.kind(family) == MetricKind::Histogram {
            for (labels, histogram) in collected.histograms(family, &by) {
                numbers.insert((*family, labels), format!("{histogram:?}"));
            }
        } else {
            for (labels, sum) in collected.sums(family, &by) {
                if sum != 0.0 {
                    numbers.insert((*family, labels), sum.to_string());
                }
            }
        }
    }
    numbers
}

#[test]
fn the_events_of_one_update_may_arrive_in_any_order() {
    let rules = Arc::new(input::rules(
        "sla: { policies: [ { name: all, targets: { first_response: 900d, next_response: 900d, resolution: 900d, \
         assignment: 900d, update: 900d } } ] }",
    ));
    for seed in 0..ROUNDS {
        let mut dice = Dice::new(seed);
        let at = |minute: i64| START + minute * MINUTE;
        let record = |kind: &str, minute: i64, more: Value| {
            let mut record = json!({"ticket_id": 1, "type": kind, "at": at(minute)});
            let members = record.as_object_mut().unwrap();
            members.extend(more.as_object().unwrap().clone());
            record
        };
        let created = json!({"priority": "p1", "team": "a"});
        let mut before = vec![record("created", 0, created)];
        if dice.chance(50) {
            before.push(record("message", 5, json!({"actor": "agent"})));
            before.push(record("message", 6, json!({"actor": "customer"})));
        }
        let update = update(at(10), &mut dice);
        let mut after = Vec::new();
        if dice.chance(50) {
            after.push(record("reopened", 20, json!({})));
            after.push(record("message", 30, json!({"actor": "agent"})));
        }
        after.push(record("closed", 40, json!({})));
        let run = |update: &[Value]| {
            let records = [&before, update, &after].concat();
            counted(&replayed(&rules, &records, at(50)))
        };
        let in_order = run(&update);
        let other = shuffled(&update, &mut dice);
        let result = ensure(in_order == run(&other), || {
            let text = |records: &[Value]| -> String {
                records.iter().map(|record| format!("{record}\n")).collect()
            };
            format!(
                "{:#?}\nand\n{:#?}\n{}and\n{}",
                in_order,
                run(&other),
                text(&update),
                text(&other)
            )
        });
        result.unwrap_or_else(|complaint| panic!("seed {seed}: {complaint}"));
    }
}
