//! Reads the SLA policies.

use std::collections::{BTreeMap, BTreeSet};

use super::calendars::Calendars;
use super::keys::nearest;
use super::names;
use super::problem::{ConfigErrors, ConfigPlace};
use super::view::YamlView;
use crate::domain::calendar::CalendarId;
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Match, Policy, Rebase, StatusSet, Target};
use crate::engine::limits;

/// Each policy is compared with at most this many policies before it. Comparing it with all of them would
/// take quadratic time.
const COMPARED: usize = 256;

/// Reads `sla`.
pub(super) fn read(
    view: &YamlView<'_>,
    calendars: &Calendars,
    errors: &mut ConfigErrors,
) -> Vec<Policy> {
    view.entries(errors);
    let list = view.key("policies");
    let items = list.items(errors);
    if !limits::POLICIES.allows(items.len()) {
        list.error(errors, limits::POLICIES.exceeded());
        return Vec::new();
    }
    let mut policies: Vec<Policy> = Vec::new();
    let mut names: BTreeMap<String, ConfigPlace> = BTreeMap::new();
    for item in &items {
        if !item.is_set() {
            item.error(errors, "is empty; write a map of keys");
            continue;
        }
        let policy = read_policy(item, calendars, errors);
        let name = item.key("name");
        if let Some(first) = names.get(&policy.name) {
            name.error(
                errors,
                format!(
                    "the policy at {first} is already called \"{}\"",
                    policy.name
                ),
            );
        } else if !policy.name.is_empty() {
            names.insert(policy.name.clone(), name.place.clone());
        }
        let mut earlier = policies.iter().take(COMPARED);
        let in_group = |earlier: &&Policy| earlier.group == policy.group;
        if let Some(earlier) =
            earlier.find(|earlier| in_group(earlier) && covers(&earlier.matches, &policy.matches))
        {
            let which = if earlier.matches == Match::default() {
                "every ticket"
            } else {
                "all of its tickets"
            };
            let name = &earlier.name;
            item.warning(
                errors,
                format!("is never used: the earlier policy \"{name}\" matches {which}"),
            );
        }
        policies.push(policy);
    }
    let groups: BTreeSet<&str> = policies
        .iter()
        .map(|policy| policy.group.as_str())
        .collect();
    if !limits::GROUPS.allows(groups.len()) {
        list.error(errors, limits::GROUPS.exceeded());
    }
    policies
}

fn read_policy(view: &YamlView<'_>, calendars: &Calendars, errors: &mut ConfigErrors) -> Policy {
    view.entries(errors);
    let name = view.key("name");
    if !name.is_set() {
        name.error(errors, "is missing; every policy needs a name");
    }
    let (clock, calendar) = read_clock(view, calendars, errors);
    let targets = view.key("targets");
    targets.entries(errors);
    if !targets.is_set() {
        targets.warning(errors, "has no targets, so its tickets have no SLA");
    }
    let targets = Target::ALL.map(|target| targets.key(target.name()).positive_duration(errors));
    let matches = view.key("match");
    matches.entries(errors);
    let attributes = matches.key("attributes").entries(errors).into_iter();
    let attributes = attributes
        .filter_map(|(name, values)| Some((name.to_owned(), read_names(&values, errors)?)))
        .collect();
    Policy {
        name: name.text(errors).unwrap_or_default(),
        group: read_group(&view.key("group"), errors),
        matches: Match {
            team: read_names(&matches.key("team"), errors),
            priority: read_names(&matches.key("priority"), errors),
            channel: read_names(&matches.key("channel"), errors),
            attributes,
        },
        clock,
        calendar,
        targets,
        pauses: read_pauses(&view.key("pause"), &targets, errors),
        rebase: read_rebase(&view.key("rebase"), errors),
    }
}

fn read_group(view: &YamlView<'_>, errors: &mut ConfigErrors) -> String {
    let Some(group) = view.text(errors) else {
        return Policy::DEFAULT_GROUP.to_owned();
    };
    if !names::is_word(&group, |byte| matches!(byte, b'_' | b'-')) {
        view.error(
            errors,
            format!(
                "\"{group}\" is no name of a group; use at most {} lower-case letters, digits, \
                 underscores and hyphens, and begin with a letter",
                names::LONGEST_WORD
            ),
        );
    }
    group
}

fn read_rebase(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Rebase {
    let Some(text) = view.text(errors) else {
        return Rebase::default();
    };
    let found = Rebase::from_name(&text);
    if found.is_none() {
        view.error(
            errors,
            format!("must be from_start or from_change, not \"{text}\""),
        );
    }
    found.unwrap_or_default()
}

/// Whether `earlier` matches every ticket that `later` matches.
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
        && earlier.attributes.iter().all(|(name, earlier)| {
            let later = later.attributes.get(name);
            later.is_some_and(|later| later.iter().all(|value| earlier.contains(value)))
        })
}

/// Reads a list of names. Refuses an empty list, which would match no ticket.
fn read_names(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Vec<String>> {
    let names = view.texts(errors)?;
    if view.is_empty_list() {
        view.error(errors, "matches no ticket; remove the key to match any");
    }
    Some(names)
}

fn read_clock(
    view: &YamlView<'_>,
    calendars: &Calendars,
    errors: &mut ConfigErrors,
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
            key.warning(
                errors,
                "has no effect, because the clock of the policy is calendar",
            );
            (clock, None)
        }
        (found, _) => (clock, found),
    }
}

fn read_pauses(
    view: &YamlView<'_>,
    targets: &[Option<i64>; Target::ALL.len()],
    errors: &mut ConfigErrors,
) -> [StatusSet; Target::ALL.len()] {
    view.entries(errors);
    let mut pauses = Policy::default_pauses();
    for target in Target::ALL {
        let key = view.key(target.name());
        if !key.is_set() {
            continue;
        }
        if targets[target as usize].is_none() {
            key.warning(
                errors,
                "has no effect, because the policy has no such target",
            );
        }
        let mut statuses = StatusSet::EMPTY;
        for item in key.items(errors) {
            let Some(text) = item.text(errors) else {
                continue;
            };
            match Status::from_name(&text) {
                Some(status) if status.is_unsolved() => statuses = statuses.with(status),
                Some(_) => item.error(
                    errors,
                    format!("no goal runs in the status {text}; remove it"),
                ),
                None => {
                    let names = Status::UNSOLVED.map(Status::name);
                    let hint = nearest(&text, &names).unwrap_or("new, open, pending or on_hold");
                    item.error(
                        errors,
                        format!("unknown status \"{text}\"; did you mean {hint}?"),
                    );
                }
            }
        }
        pauses[target as usize] = statuses;
    }
    pauses
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{bad, good, warned};
    use crate::domain::policy::Rebase;

    fn policies(list: &str) -> String {
        format!("attributes: {{ tier: {{}} }}\nsla:\n policies:\n{list}")
    }

    #[test]
    fn policies_have_groups_and_say_from_when_they_measure() {
        let rules = good(&policies(
            "  - { name: a, targets: { resolution: 1h } }\n  \
             - { name: b, group: ola_2-x, rebase: from_change, targets: { ownership: 1h } }\n",
        ))
        .rules;
        let shown: Vec<(&str, Rebase)> = rules
            .policies
            .iter()
            .map(|policy| (policy.group.as_str(), policy.rebase))
            .collect();
        assert_eq!(
            shown,
            [("sla", Rebase::FromStart), ("ola_2-x", Rebase::FromChange)]
        );
    }

    #[test]
    fn a_group_has_a_short_name() {
        assert_eq!(
            bad(&policies(
                "  - { name: a, group: OLA, rebase: never, targets: { resolution: 1h } }\n  \
                 - { name: a, group: ola, targets: { resolution: 1h } }\n"
            )),
            [
                "4:23: sla.policies[0].group: \"OLA\" is no name of a group; use at most 64 lower-case \
                 letters, digits, underscores and hyphens, and begin with a letter",
                "4:36: sla.policies[0].rebase: must be from_start or from_change, not \"never\"",
                "5:13: sla.policies[1].name: the policy at 4:13 is already called \"a\"",
            ]
        );
        let nine = (0..9).map(|number| {
            format!("  - {{ name: p{number}, group: g{number}, targets: {{ resolution: 1h }} }}\n")
        });
        assert_eq!(
            bad(&policies(&nine.collect::<String>())),
            [
                "4:3: sla.policies: there can be at most 8 groups of policies: a ticket has a policy for \
              each group"
            ]
        );
    }

    #[test]
    fn a_policy_covers_others_of_its_group_only() {
        assert_eq!(
            warned(&policies(
                "  - { name: a, match: { attributes: { tier: [x, y] } }, targets: { resolution: 1h } }\n  \
                 - { name: b, match: { priority: [none], attributes: { tier: [y] } }, targets: { resolution: 1h } }\n  \
                 - { name: c, group: ola, match: { attributes: { tier: [y] } }, targets: { resolution: 1h } }\n  \
                 - { name: d, targets: { resolution: 1h } }\n"
            )),
            [
                "5:5: sla.policies[1]: is never used: the earlier policy \"a\" matches all of its tickets"
            ]
        );
    }
}
