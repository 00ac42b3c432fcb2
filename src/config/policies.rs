//! SLA policies.

use std::collections::BTreeMap;

use super::calendars::Calendars;
use super::keys::nearest;
use super::problem::{Errors, Place};
use super::view::View;
use crate::domain::calendar::CalendarId;
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Match, Policy, StatusSet, Target};
use crate::engine::limits;

/// A policy is compared with this many before it: with all of them, a configuration that a program has
/// written would take quadratic time.
const COMPARED: usize = 256;

/// Reads `sla`.
pub(super) fn read(view: &View<'_>, calendars: &Calendars, errors: &mut Errors) -> Vec<Policy> {
    view.entries(errors);
    let list = view.key("policies");
    let items = list.items(errors);
    if !limits::POLICIES.allows(items.len()) {
        list.error(errors, limits::POLICIES.exceeded());
        return Vec::new();
    }
    let mut policies: Vec<Policy> = Vec::new();
    let mut names: BTreeMap<String, Place> = BTreeMap::new();
    for item in &items {
        if !item.is_set() {
            item.error(errors, "must be a map of keys, not nothing");
            continue;
        }
        let policy = read_policy(item, calendars, errors);
        let name = item.key("name");
        if let Some(first) = names.get(&policy.name) {
            name.error(
                errors,
                format!(
                    "\"{}\" is already the name of the policy at {first}",
                    policy.name
                ),
            );
        } else if !policy.name.is_empty() {
            names.insert(policy.name.clone(), name.place.clone());
        }
        let mut earlier = policies.iter().take(COMPARED);
        if let Some(earlier) = earlier.find(|earlier| covers(&earlier.matches, &policy.matches)) {
            let which = if earlier.matches == Match::default() {
                "every ticket"
            } else {
                "all of its tickets"
            };
            let name = &earlier.name;
            item.warning(
                errors,
                format!("is never used: policy \"{name}\" before it fits {which}"),
            );
        }
        policies.push(policy);
    }
    policies
}

fn read_policy(view: &View<'_>, calendars: &Calendars, errors: &mut Errors) -> Policy {
    view.entries(errors);
    let name = view.key("name");
    if !name.is_set() {
        name.error(errors, "is missing");
    }
    let (clock, calendar) = read_clock(view, calendars, errors);
    let targets = view.key("targets");
    targets.entries(errors);
    if !targets.is_set() {
        targets.warning(errors, "no targets: its tickets have no SLA");
    }
    let targets = Target::ALL.map(|target| targets.key(target.name()).positive_duration(errors));
    let matches = view.key("match");
    matches.entries(errors);
    Policy {
        name: name.text(errors).unwrap_or_default(),
        matches: Match {
            team: read_names(&matches.key("team"), errors),
            priority: read_names(&matches.key("priority"), errors),
            channel: read_names(&matches.key("channel"), errors),
        },
        clock,
        calendar,
        targets,
        pauses: read_pauses(&view.key("pause"), &targets, errors),
    }
}

/// Whether every ticket that fits `later` fits `earlier`.
fn covers(earlier: &Match, later: &Match) -> bool {
    let covers = |earlier: &Option<Vec<String>>, later: &Option<Vec<String>>| {
        earlier.as_ref().is_none_or(|earlier| {
            later
                .as_ref()
                .is_some_and(|later| later.iter().all(|name| earlier.contains(name)))
        })
    };
    covers(&earlier.team, &later.team)
        && covers(&earlier.priority, &later.priority)
        && covers(&earlier.channel, &later.channel)
}

/// An empty list would fit no ticket at all.
fn read_names(view: &View<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    let names = view.texts(errors)?;
    if view.is_empty_list() {
        view.error(errors, "fits no ticket; leave the key out to fit any");
    }
    Some(names)
}

fn read_clock(
    view: &View<'_>,
    calendars: &Calendars,
    errors: &mut Errors,
) -> (Clock, Option<Option<CalendarId>>) {
    let key = view.key("clock");
    let clock = match key.text(errors).as_deref() {
        None | Some("business") => Clock::Business,
        Some("calendar") => Clock::Calendar,
        Some(other) => {
            key.error(
                errors,
                format!("must be business or calendar, not \"{other}\""),
            );
            Clock::Business
        }
    };
    let key = view.key("calendar");
    match (calendars.find(&key, errors), clock) {
        (Some(Some(_)), Clock::Calendar) => {
            key.warning(errors, "is not used: the policy's clock is calendar");
            (clock, None)
        }
        (found, _) => (clock, found),
    }
}

fn read_pauses(view: &View<'_>, targets: &[Option<i64>; 4], errors: &mut Errors) -> [StatusSet; 4] {
    view.entries(errors);
    let mut pauses = Policy::default_pauses();
    for target in Target::ALL {
        let key = view.key(target.name());
        if !key.is_set() {
            continue;
        }
        if targets[target as usize].is_none() {
            key.warning(errors, "is not used: the policy has no such target");
        }
        let mut statuses = StatusSet::EMPTY;
        for item in key.items(errors) {
            let Some(text) = item.text(errors) else {
                continue;
            };
            match Status::from_name(&text) {
                Some(status) if status.is_unsolved() => statuses = statuses.with(status),
                Some(_) => item.error(errors, format!("no goal runs while {text}; leave it out")),
                None => {
                    let names = Status::UNSOLVED.map(Status::name);
                    let hint = nearest(&text, &names).unwrap_or("new, open, pending or on_hold");
                    item.error(
                        errors,
                        format!("no status \"{text}\"; did you mean {hint}?"),
                    );
                }
            }
        }
        pauses[target as usize] = statuses;
    }
    pauses
}
