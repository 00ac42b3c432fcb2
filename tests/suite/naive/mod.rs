//! A second, deliberately naive implementation of the KPI contract, written from the contract alone. It
//! shares no code and no type with the library, keeps every ticket's whole history and computes each number
//! from that history when needed. It is slow and simple on purpose: if it and the engine disagree, one of
//! them misinterprets the contract.
//!
//! `README.md` in this folder lists what is easy to miss.

#![allow(
    dead_code, // each helper is used in only some of the tests
    unreachable_pub, // no other crate uses this binary
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod calendar;
pub mod compare;
mod conversation;
pub mod event;
mod goals;
mod golden;
mod judge;
mod labels;
mod lifecycle;
mod series;
pub mod setup;
mod statements;
mod ticket;
mod withdrawn;
mod world;
mod yaml;

pub use setup::Setup;

use std::collections::BTreeMap;

/// The result of the input by the contract.
#[derive(Debug, Default)]
pub struct Output {
    /// Every series with a value, keyed as a line of the text format 0.0.4 without its value. Counters at
    /// zero are left out.
    pub series: BTreeMap<String, f64>,
    /// Events dropped because their ticket has seen their identity (section 1).
    pub duplicates: u64,
    /// Events applied at a later instant than their own (section 1).
    pub out_of_order: u64,
    /// Valid events without effect, by reason: `withdrawn`, `merged_away`.
    pub ignored: BTreeMap<String, u64>,
    /// Stale statements by member (section 1, state).
    pub stale: BTreeMap<String, u64>,
    /// Lines that are no ticket event.
    pub invalid: u64,
    /// How often a rule was applied that stories must not miss.
    pub rules: BTreeMap<&'static str, u64>,
}

/// The KPIs of one partition that has `lines` in the order of arrival. Events later than `until`
/// (milliseconds since the epoch) are left out, and the clock ends there; without it the clock ends at the
/// greatest event time (section 2).
pub fn compute(setup: &Setup, lines: &[String], until: Option<i64>) -> Output {
    let mut invalid = 0;
    let mut events = Vec::new();
    for line in lines {
        match event::parse(line, setup.attributes.keys()) {
            Some(event) if until.is_none_or(|until| event.at <= until) => events.push(event),
            Some(_) => {}
            None => invalid += 1,
        }
    }
    let earliest = events
        .iter()
        .flat_map(|event| [Some(event.at), event.created_at])
        .flatten()
        .min()
        .or(until)
        .unwrap_or(0);
    let mut world = world::World::new(setup, earliest);
    for event in &events {
        world.read(event);
    }
    let mut output = world.finish(until);
    output.invalid = invalid;
    output
}
