//! Random values of members.

use super::configuration::{CHANNELS, PRIORITIES, TEAMS, VALUES};
use super::dice::Dice;
use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

pub const STATUSES: [&str; 9] = [
    "new", "open", "open", "pending", "pending", "on_hold", "solved", "solved", "closed",
];

/// Every other ticket has an integer for its id.
pub fn ticket_id(ticket: usize) -> Value {
    if ticket.is_multiple_of(2) {
        json!(ticket)
    } else {
        json!(format!("T-{ticket}"))
    }
}

/// One of these values, or now and then one of the ways to say none.
fn value(some: &[&str], dice: &mut Dice) -> Value {
    match dice.below(100) {
        0..6 => Value::Null,
        6..10 => json!(""),
        10..12 => json!("none"),
        _ => json!(*dice.pick(some)),
    }
}

pub fn team(dice: &mut Dice) -> Value {
    value(&TEAMS, dice)
}

pub fn priority(dice: &mut Dice) -> Value {
    value(&PRIORITIES, dice)
}

pub fn channel(dice: &mut Dice) -> Value {
    value(&CHANNELS, dice)
}

/// The value of an own attribute, now and then an invalid one.
pub fn own_value(dice: &mut Dice) -> Value {
    match dice.below(100) {
        0 => dice
            .pick(&[json!(4.5), json!(["gold"]), json!("v".repeat(257))])
            .clone(),
        1..5 => json!(7),
        5..9 => json!(true),
        9 => json!("v".repeat(256)),
        _ => value(&VALUES, dice),
    }
}

pub fn agent(dice: &mut Dice) -> Value {
    dice.pick(&[json!("x"), json!("y"), Value::Null, json!("")])
        .clone()
}

/// One of three accounts, now and then none or an invalid one.
pub fn account(dice: &mut Dice) -> Value {
    if dice.chance(5) {
        let others = [Value::Null, json!(""), json!(4.5), json!("u".repeat(257))];
        return dice.pick(&others).clone();
    }
    dice.pick(&[
        json!("u-1"),
        json!("u-1"),
        json!(42),
        json!("42"),
        json!("ü"),
    ])
    .clone()
}

/// Mostly on a scale of five.
pub fn score(dice: &mut Dice) -> Value {
    if dice.chance(10) {
        let others = [
            json!(0),
            json!(0.5),
            json!(5.5),
            json!(-1),
            json!(9),
            Value::Null,
        ];
        return dice.pick(&others).clone();
    }
    json!(1 + dice.below(5))
}

/// One of the spellings of an instant.
pub fn spelled(at: i64, dice: &mut Dice) -> Value {
    let minutes = *dice.pick(&[0, 0, 7 * 60, -210, 330]);
    let offset = FixedOffset::east_opt(minutes * 60).unwrap();
    let local = DateTime::from_timestamp_millis(at)
        .unwrap()
        .with_timezone(&offset);
    match dice.below(4) {
        0 => json!(at),
        1 => json!(local.to_rfc3339_opts(chrono::SecondsFormat::Millis, false)),
        _ => json!(local.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
    }
}
