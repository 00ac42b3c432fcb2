//! Reads the engine's settings, and compares the names in them with each other.

use std::collections::{BTreeMap, BTreeSet};

use super::attributes;
use super::calendars::Calendars;
use super::names;
use super::problem::ConfigErrors;
use super::view::YamlView;
use crate::domain::duration;
use crate::domain::policy::{Match, Policy};
use crate::domain::timestamp::Milliseconds;
use crate::engine::limits::{self, Limit};
use crate::engine::{Kpi, Limits, Rules, Window};

/// Number of steps in a window (KPI contract, section 6).
const WINDOW_STEPS: Milliseconds = 60;

/// Keys of `buckets` that have the name of an SLA target instead of a KPI, and the KPIs that they set.
const BUCKET_SHORTHANDS: [(&str, &[Kpi]); 2] = [
    ("resolution", &[Kpi::FirstResolution, Kpi::FullResolution]),
    ("ownership", &[Kpi::TeamOwnership]),
];

/// Reads everything that decides what the engine counts, except `stream`. `calendars` and `policies`
/// are already read.
pub(super) fn read(
    view: &YamlView<'_>,
    calendars: &Calendars,
    policies: Vec<Policy>,
    errors: &mut ConfigErrors,
) -> Rules {
    let mut rules = Rules {
        policies,
        ..Rules::default()
    };
    read_tickets(&view.key("tickets"), &mut rules, errors);
    read_windows(&view.key("windows"), &mut rules, errors);
    read_teams(&view.key("teams"), calendars, &mut rules, errors);
    rules.priorities = names::read(&view.key("priorities"), errors);
    rules.attributes = attributes::read(&view.key("attributes"), &rules.policies, errors);
    read_scores(view, &mut rules, errors);
    read_buckets(&view.key("buckets"), &mut rules, errors);
    read_limits(view, &mut rules, errors);
    check_names(view, &rules, errors);
    attributes::check_matched(view, &rules, errors);
    rules.add_targets_to_buckets();
    rules
}

fn read_tickets(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    view.entries(errors);
    if let Some(length) = view.key("finalize_after").duration(errors) {
        rules.finalize_after = length;
    }
    if let Some(length) = view.key("retain").duration(errors) {
        rules.retain = length;
    }
    if let Some(length) = view.key("opening").duration(errors) {
        rules.opening = length;
    }
    let key = view.key("undelete_grace");
    if let Some(length) = key.duration(errors) {
        rules.undelete_grace = length;
        if length > rules.retain {
            let retain = duration::format(rules.retain);
            let message = format!("has no effect beyond tickets.retain ({retain})");
            key.warning(errors, message);
        }
    }
}

fn read_windows(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    if !view.is_set() {
        return;
    }
    let mut windows: Vec<Window> = Vec::new();
    let items = view.items(errors);
    if !limits::WINDOWS.allows(items.len()) {
        view.error(errors, limits::WINDOWS.exceeded());
        return;
    }
    for item in items {
        let Some((label, length)) = item.written_duration(errors) else {
            continue;
        };
        if length == 0 || length % WINDOW_STEPS != 0 {
            item.error(
                errors,
                format!(
                    "\"{label}\" is not divisible into 60 steps of whole milliseconds; use, for \
                     example, 1h"
                ),
            );
        } else if let Some(other) = windows.iter().find(|other| other.length == length) {
            item.error(
                errors,
                format!("\"{label}\" is as long as \"{}\"; remove one", other.label),
            );
        } else {
            windows.push(Window { label, length });
        }
    }
    rules.windows = windows;
}

fn read_teams(
    view: &YamlView<'_>,
    calendars: &Calendars,
    rules: &mut Rules,
    errors: &mut ConfigErrors,
) {
    view.entries(errors);
    rules.default_calendar = calendars
        .find(&view.key("default_calendar"), errors)
        .flatten();
    let mut team_calendars = BTreeMap::new();
    for (team, view) in view.key("calendars").entries(errors) {
        if !view.is_set() {
            view.error(errors, "must be the name of a calendar");
        } else if let Some(calendar) = calendars.find(&view, errors) {
            team_calendars.insert(team.to_owned(), calendar);
        }
    }
    rules.team_calendars = team_calendars;
    rules.known_teams = names::read(&view.key("known"), errors);
}

fn read_scores(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    let section = |name: &str, errors: &mut ConfigErrors| {
        let section = view.key(name);
        section.entries(errors);
        section
    };
    let key = section("fcr", errors).key("allow_unanswered");
    rules.allow_unanswered = key.boolean(errors).unwrap_or(rules.allow_unanswered);
    let key = section("handle", errors).key("derive");
    rules.derive_handle = key.boolean(errors).unwrap_or(rules.derive_handle);
    rules.exemplars = view
        .key("exemplars")
        .boolean(errors)
        .unwrap_or(rules.exemplars);
    let csat = section("csat", errors);
    let (good, bad) = (csat.key("good"), csat.key("bad"));
    rules.csat_good = good.share(errors).unwrap_or(rules.csat_good);
    rules.csat_bad = bad.share(errors).unwrap_or(rules.csat_bad);
    if rules.csat_bad >= rules.csat_good {
        let wrong = if bad.is_set() { bad } else { good };
        wrong.error(
            errors,
            format!(
                "bad ({}) must be less than good ({})",
                rules.csat_bad, rules.csat_good
            ),
        );
    }
}

fn read_buckets(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    view.entries(errors);
    for (name, kpis) in BUCKET_SHORTHANDS {
        if let Some(bounds) = read_bounds(&view.key(name), errors) {
            for kpi in kpis {
                rules.buckets[*kpi as usize].clone_from(&bounds);
            }
        }
    }
    for kpi in Kpi::ALL {
        if let Some(bounds) = read_bounds(&view.key(kpi.name()), errors) {
            rules.buckets[kpi as usize] = bounds;
        }
    }
}

fn read_bounds(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Vec<Milliseconds>> {
    if !view.is_set() {
        return None;
    }
    let mut bounds: Vec<Milliseconds> = Vec::new();
    for item in view.items(errors) {
        let Some(bound) = item.positive_duration(errors) else {
            continue;
        };
        match bounds.last() {
            Some(last) if *last >= bound => {
                let last = duration::format(*last);
                item.error(
                    errors,
                    format!("must be longer than the bound before, {last}"),
                );
            }
            _ => bounds.push(bound),
        }
    }
    Some(bounds)
}

fn read_limits(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    let section = view.key("limits");
    section.entries(errors);
    let named = ConfiguredNames::of(rules);
    let known = (rules.known_teams.len(), rules.priorities.len());
    let mut read = |bound: &Limit, default: usize, known: usize, named: &BTreeSet<&str>| {
        let key = section.key(bound.key.trim_start_matches("limits."));
        let limit = key.count(1, bound.greatest, errors).unwrap_or(default);
        // A configured name needs a number even before its first event, but it does not count against
        // the limit until then.
        let numbers = named.len() + limit.saturating_sub(known);
        if !bound.allows(named.len()) {
            let text = format!(
                "the configuration has {} names; {}",
                named.len(),
                bound.exceeded()
            );
            key.error(errors, text);
        } else if !bound.allows(numbers) {
            let text = format!(
                "{limit} is too many together with the {} names in policies and calendars; use at \
                 most {} ({})",
                named.len().saturating_sub(known),
                bound.greatest - named.len() + known,
                bound.exceeded()
            );
            key.error(errors, text);
        } else if limit < named.len() {
            let text = format!(
                "is less than the {} names in the configuration: the last ones become __other__",
                named.len()
            );
            key.warning(errors, text);
        }
        limit
    };
    let Limits {
        teams,
        priorities,
        channels,
        cohorts,
    } = rules.limits;
    rules.limits = Limits {
        teams: read(&limits::TEAMS, teams, known.0, &named.teams),
        priorities: read(&limits::PRIORITIES, priorities, known.1, &named.priorities),
        channels: read(&limits::CHANNELS, channels, 0, &named.channels),
        cohorts,
    };
}

/// Every name in the configuration.
struct ConfiguredNames<'a> {
    teams: BTreeSet<&'a str>,
    priorities: BTreeSet<&'a str>,
    channels: BTreeSet<&'a str>,
}

impl<'a> ConfiguredNames<'a> {
    fn of(rules: &'a Rules) -> Self {
        let matched = |which: fn(&Match) -> &Option<Vec<String>>| {
            rules
                .policies
                .iter()
                .flat_map(move |policy| which(&policy.matches).iter().flatten())
                .map(String::as_str)
                .filter(|name| *name != names::ABSENT)
        };
        Self {
            teams: matched(|matches| &matches.team)
                .chain(rules.known_teams.iter().map(String::as_str))
                .chain(rules.team_calendars.keys().map(String::as_str))
                .collect(),
            priorities: matched(|matches| &matches.priority)
                .chain(rules.priorities.iter().map(String::as_str))
                .collect(),
            channels: matched(|matches| &matches.channel).collect(),
        }
    }
}

/// Warns about names in policies that are not in the lists of known names. They may be misspelled, and
/// `increase()` would not see their first breach.
fn check_names(view: &YamlView<'_>, rules: &Rules, errors: &mut ConfigErrors) {
    let quiet = &mut ConfigErrors::default();
    for policy in view.key("sla").key("policies").items(quiet) {
        let matches = policy.key("match");
        for item in matches.key("priority").items(quiet) {
            let name = item.text(quiet).unwrap_or_default();
            if !name.is_empty() && name != names::ABSENT && !rules.priorities.contains(&name) {
                item.warning(
                    errors,
                    format!("\"{name}\" is not in priorities; add it there"),
                );
            }
        }
        if rules.known_teams.is_empty() {
            continue;
        }
        for item in matches.key("team").items(quiet) {
            let name = item.text(quiet).unwrap_or_default();
            if !name.is_empty() && name != names::ABSENT && !rules.known_teams.contains(&name) {
                item.warning(
                    errors,
                    format!("\"{name}\" is not in teams.known; add it there"),
                );
            }
        }
    }
}
