//! The stories cover every case, and the naive implementation's results for them obey laws that hold for
//! any story.

use super::configuration::ATTRIBUTES;
use super::{Size, random};
use crate::naive::{Setup, compute};
use std::collections::{BTreeMap, BTreeSet};

const STORIES: u64 = 150;

#[test]
fn a_seed_always_gives_the_same_story() {
    let (setup, lines) = random(7, Size::default());
    let (again, same) = random(7, Size::default());
    assert_eq!(format!("{setup:?}"), format!("{again:?}"));
    assert_eq!(lines, same);
    assert_ne!(lines, random(8, Size::default()).1);
}

#[test]
fn a_random_configuration_equals_its_yaml_form() {
    for seed in 0..100 {
        let setup = random(seed, Size::default()).0;
        let mut again = Setup::from_yaml(&setup.to_yaml());
        again.limit_cohorts = setup.limit_cohorts;
        assert_eq!(format!("{setup:?}"), format!("{again:?}"));
    }
}

#[test]
fn the_stories_reach_every_family_and_break_no_law() {
    let mut families = BTreeSet::new();
    let (mut duplicates, mut out_of_order, mut invalid) = (0, 0, 0);
    let (mut reasons, mut labels) = (BTreeSet::new(), BTreeSet::<&str>::new());
    let mut stale = BTreeSet::new();
    let mut rules = BTreeMap::<&str, u64>::new();
    let mut without_attributes = 0;
    for seed in 0..STORIES {
        let (setup, lines) = random(seed, Size::default());
        let output = compute(&setup, &lines, None);
        duplicates += output.duplicates;
        out_of_order += output.out_of_order;
        invalid += output.invalid;
        reasons.extend(output.ignored.keys().cloned());
        stale.extend(output.stale.keys().cloned());
        without_attributes += u64::from(setup.attributes.is_empty());
        for (rule, count) in &output.rules {
            *rules.entry(rule).or_default() += count;
        }
        for (key, value) in &output.series {
            families.insert(key.split('{').next().unwrap().to_owned());
            if *value > 0.0 {
                labels.extend(LABELS.iter().filter(|label| key.contains(**label)));
            }
            assert!(*value >= 0.0, "seed {seed}: {key} is {value}");
            if key.starts_with("ticket_sla_breaches_total") {
                let goals = key.replace("_breaches_", "_goals_");
                let goals = output.series.get(&goals).copied().unwrap_or(0.0);
                assert!(*value <= goals, "seed {seed}: {key}: {value} of {goals}");
            }
            if key.contains("_seconds_sum{") && key.contains("clock=\"business\"") {
                let elapsed = output.series[&key.replace("business", "calendar")];
                assert!(*value <= elapsed, "seed {seed}: {key}");
            }
        }
    }
    assert!(duplicates > 0 && out_of_order > 0 && invalid > 0);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert_eq!(stale.len(), 7 + ATTRIBUTES.len(), "{stale:?}");
    assert!(without_attributes * 2 > STORIES, "{without_attributes}");
    let rare: Vec<(&str, u64)> = RULES
        .iter()
        .map(|rule| (*rule, rules.get(rule).copied().unwrap_or(0)))
        .filter(|(_, count)| *count < 5)
        .collect();
    assert!(rare.is_empty(), "rare: {rare:?} of {rules:?}");
    let missing: Vec<&&str> = FAMILIES
        .iter()
        .filter(|name| !families.contains(**name))
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
    let missing: Vec<&&str> = LABELS
        .iter()
        .filter(|label| !labels.contains(*label))
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

/// Rules that stories apply often enough, as the naive implementation names them.
const RULES: [&str; 18] = [
    "own attribute changed",
    "move between values that are not told apart",
    "cohort without a place",
    "policy for an own attribute",
    "forwarded without own attributes",
    "assignment at the creation",
    "assignment later",
    "assignment after a solve",
    "assignment without a creation",
    "assignment after the end",
    "assignment before the first event",
    "update at a reply",
    "update ended by a solve",
    "update ended where it began",
    "change from no policy",
    "goal met from a change on",
    "goal breached from a change on",
    "groups decide differently",
];

const FAMILIES: [&str; 39] = [
    "ticket_created_total",
    "ticket_replies_total",
    "ticket_solved_total",
    "ticket_reopened_total",
    "ticket_finalized_total",
    "ticket_unanswered_total",
    "ticket_transferred_total",
    "ticket_escalated_total",
    "ticket_withdrawn_total",
    "ticket_status_seconds_total",
    "ticket_csat_offered_total",
    "ticket_csat_changes_total",
    "ticket_csat_ratings_total",
    "ticket_first_response_seconds_count",
    "ticket_next_response_seconds_sum",
    "ticket_first_resolution_seconds_bucket",
    "ticket_full_resolution_seconds_count",
    "ticket_team_ownership_seconds_count",
    "ticket_handle_seconds_count",
    "ticket_sla_goals_total",
    "ticket_sla_breaches_total",
    "ticket_sla_running",
    "ticket_sla_paused",
    "ticket_sla_overdue",
    "ticket_sla_at_risk",
    "ticket_sla_next_deadline_timestamp_seconds",
    "ticket_sla_target_seconds",
    "ticket_backlog",
    "ticket_backlog_older_than",
    "ticket_backlog_oldest_created_timestamp_seconds",
    "ticket_awaiting_first_response",
    "ticket_unassigned",
    "ticket_window_seconds",
    "ticket_window_seconds_mean",
    "ticket_window_events",
    "ticket_handle_seconds_sum",
    "ticket_assignment_seconds_count",
    "ticket_requester_wait_seconds_sum",
    "ticket_agent_wait_seconds_sum",
];

/// Label values that must occur now and then.
const LABELS: [&str; 26] = [
    "first_contact=\"true\"",
    "reopened=\"true\"",
    "reason=\"merged\"",
    "reason=\"spam\"",
    "reason=\"deleted\"",
    "rating=\"neutral\"",
    "source=\"reported\"",
    "source=\"derived\"",
    "team=\"none\"",
    "priority=\"none\"",
    "team=\"__other__\"",
    "target=\"next_response\"",
    "target=\"ownership\"",
    "kpi=\"handle\"",
    "event=\"first_contact\"",
    "event=\"sla_breach\"",
    "status=\"on_hold\"",
    "target=\"assignment\"",
    "target=\"update\"",
    "group=\"sla\"",
    "group=\"ola\"",
    "tier=\"none\"",
    "tier=\"gold\"",
    "tier=\"7\"",
    "product=\"__other__\"",
    "kpi=\"requester_wait\"",
];
