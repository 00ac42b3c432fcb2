//! Stories of few tickets with hundreds of changes, more than a ticket stores one by one, and more identities than
//! it remembers.

use serde_json::{Map, Value, json};

use super::configuration;
use super::dice::Dice;
use super::values::{agent, own_value, priority, ticket_id};
use crate::naive::Setup;

const TICKETS: usize = 2;
/// The least number of changes of a ticket; there are up to twice as many.
const CHANGES: i64 = 150;

/// How many records ago the record that is repeated was written: around the number of identities that a ticket
/// remembers.
const REPEATED: [usize; 8] = [1, 16, 17, 40, 150, 255, 256, 257];

const UNSOLVED: [&str; 4] = ["new", "open", "pending", "on_hold"];

/// A configuration and a story in the order of arrival, the same for the same seed.
pub fn long(seed: u64) -> (Setup, Vec<String>) {
    let mut dice = Dice::new(seed);
    let setup = configuration::random(&mut dice);
    let pace = *dice.pick(&[1_000, 60_000, 900_000, 7_200_000]);
    let begin = *dice.pick(&configuration::CLOCK_CHANGES) - dice.below(3 * 86_400_000);
    let mut lines = Vec::new();
    for ticket in 0..TICKETS {
        let first = lines.len();
        add_ticket(ticket, &setup, (begin, pace), &mut lines, &mut dice);
        repeat_some(first, &mut lines, &mut dice);
    }
    lines.sort_by_key(|(at, _)| *at);
    (setup, lines.into_iter().map(|(_, line)| line).collect())
}

fn add_ticket(
    ticket: usize,
    setup: &Setup,
    (begin, pace): (i64, i64),
    lines: &mut Vec<(i64, String)>,
    dice: &mut Dice,
) {
    let mut at = begin + dice.below(pace);
    let mut record = |at: i64, kind: &str, member: Option<(&str, Value)>| {
        let mut event = Map::new();
        event.insert("ticket_id".into(), ticket_id(ticket));
        event.insert("type".into(), json!(kind));
        event.insert("at".into(), json!(at));
        event.insert(
            "event_id".into(),
            json!(format!("{ticket}-{}", lines.len())),
        );
        if let Some((name, value)) = member {
            event.insert(name.into(), value);
        }
        lines.push((at, Value::Object(event).to_string()));
    };
    record(at, "created", None);
    // Some tickets stay in one status for long, so that only withdrawals or assignees change.
    let quiet = dice.chance(20);
    for _ in 0..CHANGES + dice.below(CHANGES) {
        at += dice.below(2 * pace);
        match dice.below(100) {
            0..50 if !quiet => {
                let status = json!(*dice.pick(&UNSOLVED));
                record(at, "status_changed", Some(("status", status)));
            }
            0..60 if quiet => {
                record(at, "deleted", None);
                at += dice.below(pace);
                record(at, "undeleted", None);
            }
            50..58 => {
                record(at, "solved", None);
                at += dice.below(pace);
                if dice.chance(80) {
                    record(at, "reopened", None);
                }
            }
            58..61 => {
                record(at, "spam", None);
                at += dice.below(pace);
                record(at, "undeleted", None);
            }
            61..69 => {
                let team = json!(*dice.pick(&configuration::TEAMS));
                record(at, "team_changed", Some(("team", team)));
            }
            69..72 if !setup.attributes.is_empty() => {
                let names: Vec<&String> = setup.attributes.keys().collect();
                let name = *dice.pick(&names);
                let own = json!({ name: own_value(dice) });
                record(at, "updated", Some(("attributes", own)));
            }
            69..75 => {
                let priority = priority(dice);
                record(at, "priority_changed", Some(("priority", priority)));
            }
            75..88 => {
                let agent = agent(dice);
                record(at, "agent_changed", Some(("agent", agent)));
            }
            other => {
                let actor = if other < 92 { "agent" } else { "customer" };
                record(at, "message", Some(("actor", json!(actor))));
            }
        }
    }
    if dice.chance(50) {
        record(at + pace, "closed", None);
    }
}

/// Repeats records of a ticket that begins at `first`.
fn repeat_some(first: usize, lines: &mut Vec<(i64, String)>, dice: &mut Dice) {
    for index in first + 1..lines.len() {
        let ago = *dice.pick(&REPEATED);
        if dice.chance(8) && first + ago <= index {
            let again = lines[index - ago].1.clone();
            lines.push((lines[index].0, again));
        }
    }
}
