//! Warns about settings that are valid alone but doubtful together: names that are defined but not used,
//! or used but not defined, and SLA targets that contradict each other.

use std::collections::BTreeSet;

use super::calendars::Calendars;
use super::keys::did_you_mean;
use super::problem::ConfigErrors;
use super::view::YamlView;
use crate::domain::calendar::CalendarId;
use crate::domain::duration;
use crate::domain::mapping::Mappings;
use crate::domain::policy::{Policy, Target};
use crate::engine::Rules;

/// Checks a configuration after all of its keys are read.
pub(super) fn check(
    view: &YamlView<'_>,
    calendars: &Calendars,
    rules: &Rules,
    topics: &[String],
    errors: &mut ConfigErrors,
) {
    check_team_calendars(&view.key("teams").key("calendars"), rules, errors);
    check_calendars_are_used(&view.key("calendars"), calendars, rules, errors);
    check_mapped_topics(&view.key("mapping").key("topics"), topics, errors);
    let policies = view
        .key("sla")
        .key("policies")
        .items(&mut ConfigErrors::default());
    let policies: Vec<YamlView<'_>> = policies.into_iter().filter(YamlView::is_set).collect();
    for (policy, view) in rules.policies.iter().zip(&policies) {
        check_targets(&view.key("targets"), policy, errors);
    }
}

/// A team with a misspelled name would silently use the default calendar.
fn check_team_calendars(view: &YamlView<'_>, rules: &Rules, errors: &mut ConfigErrors) {
    let known: Vec<&str> = rules.known_teams.iter().map(String::as_str).collect();
    if known.is_empty() {
        return;
    }
    for (team, view) in view.entries(&mut ConfigErrors::default()) {
        if !known.contains(&team) {
            let hint = did_you_mean(team, &known);
            view.warning(errors, format!("\"{team}\" is not in teams.known{hint}"));
        }
    }
}

fn check_calendars_are_used(
    view: &YamlView<'_>,
    calendars: &Calendars,
    rules: &Rules,
    errors: &mut ConfigErrors,
) {
    let of_policies = rules.policies.iter().filter_map(|policy| policy.calendar);
    let used: BTreeSet<usize> = rules
        .team_calendars
        .values()
        .copied()
        .chain([rules.default_calendar])
        .chain(of_policies)
        .flatten()
        .map(|CalendarId(id)| usize::from(id))
        .collect();
    for (name, view) in view.entries(&mut ConfigErrors::default()) {
        let position = calendars.names.iter().position(|known| known == name);
        if position.is_some_and(|position| !used.contains(&position)) {
            view.warning(
                errors,
                "is not used: name it in teams.default_calendar, in teams.calendars or in a policy",
            );
        }
    }
}

/// A topic with a misspelled name would silently use the general mapping.
fn check_mapped_topics(view: &YamlView<'_>, topics: &[String], errors: &mut ConfigErrors) {
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    for (topic, view) in view.entries(&mut ConfigErrors::default()) {
        if !topics.contains(&topic) {
            let hint = did_you_mean(topic, &topics);
            view.warning(
                errors,
                format!("is not used: \"{topic}\" is not in kafka.topics{hint}"),
            );
        }
    }
}

/// A ticket would never have a value of an attribute that no rule of a mapping states.
pub(super) fn check_attributes(
    view: &YamlView<'_>,
    mappings: &Mappings,
    topics: &[String],
    errors: &mut ConfigErrors,
) {
    for (name, view) in view.entries(&mut ConfigErrors::default()) {
        let is_silent = |topic: &&String| {
            let mapping = mappings.of(topic);
            mapping.is_some_and(|mapping| {
                let mut rules = mapping.rules.iter();
                !rules.any(|rule| rule.attributes.contains_key(name))
            })
        };
        let silent: Vec<&str> = topics
            .iter()
            .filter(is_silent)
            .map(String::as_str)
            .collect();
        if !silent.is_empty() {
            let silent = silent.join(", ");
            view.warning(
                errors,
                format!(
                    "the mapping of {silent} never states it, so tickets there have no value; add \
                     {name} to common.attributes of the mapping"
                ),
            );
        }
    }
}

/// Agents reply to a ticket before they solve it, so the target for a reply cannot be the longer one.
fn check_targets(view: &YamlView<'_>, policy: &Policy, errors: &mut ConfigErrors) {
    if view.is_set() && view.is_empty() {
        view.warning(errors, "has no targets, so its tickets have no SLA");
    }
    let Some(resolution) = policy.target(Target::Resolution) else {
        return;
    };
    for target in [Target::FirstResponse, Target::NextResponse] {
        if policy
            .target(target)
            .is_some_and(|length| length > resolution)
        {
            let resolution = duration::format(resolution);
            view.key(target.name()).warning(
                errors,
                format!("is longer than the target of resolution ({resolution})"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::warned;

    #[test]
    fn undefined_and_unused_names() {
        let zone = "timezone: UTC, weekly: {mon: [\"08:00-17:00\"]}";
        let yaml = format!(
            "kafka: {{topics: [tickets]}}\n\
             calendars:\n  office: {{{zone}}}\n  late: {{{zone}}}\n  spare: {{{zone}}}\n\
             teams:\n  known: [billing]\n  calendars: {{biling: office, other: 24x7}}\n\
             sla: {{policies: [{{name: a, calendar: late, targets: {{resolution: 1h}}}}]}}\n\
             mapping: {{topics: {{ticket: {{preset: jira}}}}}}\n"
        );
        assert_eq!(
            warned(&yaml),
            [
                "5:10: calendars.spare: is not used: name it in teams.default_calendar, in \
                 teams.calendars or in a policy",
                "8:23: teams.calendars.biling: \"biling\" is not in teams.known; did you mean billing?",
                "8:38: teams.calendars.other: \"other\" is not in teams.known",
                "10:28: mapping.topics.ticket: is not used: \"ticket\" is not in kafka.topics; did \
                 you mean tickets?",
            ]
        );
        // Without a list of known teams, any team is valid.
        assert!(warned("teams: {calendars: {a: 24x7}}").is_empty());
    }

    #[test]
    fn attributes_that_no_mapping_states() {
        assert_eq!(
            warned(
                "kafka: { topics: [a, b] }\n\
                 attributes: { type: {}, tier: {}, size: {} }\n\
                 mapping:\n  preset: zendesk\n  common: { attributes: { tier: .x, typo: .y } }\n  \
                 topics: { b: { preset: zendesk } }\n"
            ),
            [
                "2:31: attributes.tier: the mapping of b never states it, so tickets there have no \
                 value; add tier to common.attributes of the mapping",
                "2:41: attributes.size: the mapping of a, b never states it, so tickets there have no \
                 value; add size to common.attributes of the mapping",
                "5:43: mapping.common.attributes.typo: is not used: add typo to attributes",
            ]
        );
        assert!(
            warned("attributes: { tier: {} }").is_empty(),
            "canonical events"
        );
    }

    #[test]
    fn targets_that_contradict_each_other() {
        assert_eq!(
            warned(
                "sla:\n  policies:\n    \
                 - {name: a, match: {team: [y]}, targets: {first_response: 5h, next_response: 4h, resolution: 4h}}\n    \
                 - {name: b, match: {team: [x]}, targets: {}}\n"
            ),
            [
                "3:63: sla.policies[0].targets.first_response: is longer than the target of \
                 resolution (4h)",
                "4:46: sla.policies[1].targets: has no targets, so its tickets have no SLA",
            ]
        );
    }
}
