//! Commands that use a whole history: `backfill` and `suggest-targets`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use ticket_exporter::app::backfill::{BackfillOutput, BackfillPlan, Objectives, backfill};
use ticket_exporter::app::event_files::EventFiles;
use ticket_exporter::app::history::EventHistory;
use ticket_exporter::app::targets::{TargetRequest, suggest};
use ticket_exporter::decode::Decoder;
use ticket_exporter::domain::mapping::Mappings;
use ticket_exporter::domain::policy::{Clock, Match, Policy, Target};
use ticket_exporter::domain::timestamp::{Milliseconds, Timestamp};
use ticket_exporter::engine::{DimensionValues, Snapshot, TableDimensions};
use ticket_exporter::exposition::{Format, render};

use super::holds;
use super::input::Input;
use crate::harness::scrape;
use crate::stories::dice::Dice;

/// Instants of one backfill.
const INSTANTS: i64 = 12;

/// The same events in time order.
fn in_order(input: &Input) -> Input {
    let mut input = input.clone();
    input.records.sort_by_key(|record| record.at);
    input
}

/// The events as a file, which exists as long as its value.
fn history(input: &Input) -> (tempfile::NamedTempFile, EventHistory) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(input.text().as_bytes()).unwrap();
    let path = file.path().to_owned();
    let attributes = input.rules.attributes.iter();
    let mappings = Mappings {
        attributes: attributes.map(|attribute| attribute.name.clone()).collect(),
        ..Mappings::default()
    };
    let files = EventFiles::open(&[path], Decoder::new(&mappings), &mut |_| {}).unwrap();
    (file, EventHistory::Files(files))
}

/// Series with their values; bounds are numbers.
type Values = BTreeMap<String, f64>;

fn values(text: &str) -> BTreeMap<String, Values> {
    let mut by_instant = BTreeMap::<String, Values>::new();
    for sample in scrape(text).samples() {
        let mut labels = sample.labels.clone();
        if let Some(bound) = labels.get_mut("le") {
            *bound = bound.parse::<f64>().unwrap_or(f64::INFINITY).to_string();
        }
        by_instant
            .entry(sample.rest.clone())
            .or_default()
            .insert(format!("{}{labels:?}", sample.name), sample.value);
    }
    by_instant
}

fn replayed_until(input: &Input, until: Timestamp) -> Values {
    let (mut engine, partition) = input.engine();
    for record in input.records.iter().filter(|record| record.at <= until) {
        engine.apply(partition, &record.event());
    }
    engine.advance(partition, until);
    let text = String::from_utf8(render(Format::Text, &[&engine.snapshot()], 0)).unwrap();
    values(&text).remove("").unwrap_or_default()
}

#[test]
fn a_history_equals_a_replay_up_to_each_instant() {
    holds("backfill", |seed, input| {
        let input = in_order(input);
        let Some(first) = input.records.first() else {
            return Ok(());
        };
        let mut dice = Dice::new(seed);
        // Either the whole history in large steps, or the milliseconds around an event.
        let near = dice.pick(&input.records).at;
        let (step, from, until) = if dice.below(2) == 0 {
            let step = (input.end().since(first.at) / INSTANTS).max(1);
            (step, None, input.end().plus(dice.below(3) * step))
        } else {
            (1, Some(near.minus(dice.below(3))), near.plus(2))
        };
        let plan = BackfillPlan {
            step,
            from,
            until: Some(until),
            labels: Vec::new(),
            objectives: Objectives::default(),
        };
        let (_file, history) = history(&input);
        let mut out = Vec::new();
        let summary = backfill(
            Arc::clone(&input.rules),
            history.parts().unwrap(),
            &plan,
            BackfillOutput::One(&mut out),
            &mut |_| {},
        )
        .map_err(|error| error.to_string())?;
        let written = values(&String::from_utf8(out).unwrap());
        if written.len() as u64 != summary.instants || summary.instants == 0 {
            return Err(format!("{} instants, {summary:?}", written.len()));
        }
        for (seconds, found) in written {
            let seconds: f64 = seconds.parse().unwrap();
            #[allow(clippy::cast_possible_truncation)]
            let instant = Timestamp((seconds * 1_000.0).round() as i64);
            let expected = replayed_until(&input, instant);
            if found != expected {
                let differs =
                    |(series, value): &(&String, &f64)| expected.get(*series) != Some(value);
                let found: Vec<_> = found.iter().filter(differs).collect();
                return Err(format!(
                    "at {}: {found:?}\nof {} series",
                    instant.rfc3339(),
                    expected.len()
                ));
            }
        }
        Ok(())
    });
}

/// Goals and breaches by policy and target.
fn counted(snapshot: &Snapshot) -> BTreeMap<(String, String), (f64, f64)> {
    let text = String::from_utf8(render(Format::Text, &[snapshot], 0)).unwrap();
    let scrape = scrape(&text);
    let mut counts = BTreeMap::<(String, String), (f64, f64)>::new();
    for sample in scrape.samples() {
        let key = || {
            (
                sample.labels["policy"].clone(),
                sample.labels["target"].clone(),
            )
        };
        match sample.name.as_str() {
            "ticket_sla_goals_total" => counts.entry(key()).or_default().0 += sample.value,
            "ticket_sla_breaches_total" => counts.entry(key()).or_default().1 += sample.value,
            _ => {}
        }
    }
    counts
}

fn policy_of<'a>(policies: &'a [Policy], tickets: &DimensionValues) -> Option<&'a Policy> {
    let only = |name: &Option<String>| name.clone().map(|name| vec![name]);
    let attributes = tickets.attributes.iter();
    let matches = Match {
        team: only(&tickets.team),
        priority: only(&tickets.priority),
        channel: None,
        attributes: attributes
            .map(|(name, value)| (name.clone(), vec![value.clone()]))
            .collect(),
    };
    policies.iter().find(|policy| policy.matches == matches)
}

fn target_of(policy: &Policy, name: &str) -> Option<Milliseconds> {
    let target = Target::ALL
        .into_iter()
        .find(|target| target.name() == name)?;
    policy.target(target)
}

#[test]
fn suggested_targets_would_have_met_their_objective() {
    holds("suggest-targets", |seed, input| {
        let mut dice = Dice::new(seed);
        let objective = *dice.pick(&[0.8, 0.9, 0.95]);
        let mut by = TableDimensions {
            team: *dice.pick(&[true, true, false]),
            priority: *dice.pick(&[true, true, false]),
            ..TableDimensions::default()
        };
        for attribute in &input.rules.attributes {
            if *dice.pick(&[true, false]) {
                by.attributes.push(attribute.name.clone());
            }
        }
        by.attributes.sort();
        let wish = TargetRequest {
            by,
            clock: *dice.pick(&[Clock::Business, Clock::Calendar]),
            objective,
            minimum: *dice.pick(&[1, 5, 20]),
            until: None,
        };
        let (_file, history) = history(input);
        let suggestion =
            suggest(&input.rules, &history, &wish).map_err(|error| error.to_string())?;
        // The suggestion as a configuration, and the same history again.
        let policies = suggestion.policies.clone();
        let again = input.under(|rules| {
            rules.policies = policies;
            rules.former_policies.clear();
        });
        let counts = counted(&again.replay().snapshot());
        for row in &suggestion.rows {
            let policy = policy_of(&suggestion.policies, &row.tickets);
            let target = policy.and_then(|policy| target_of(policy, row.target));
            if target != row.suggested.as_ref().map(|suggested| suggested.target) {
                return Err(format!("the policy says {target:?}: {row:?}"));
            }
            let (Some(suggested), Some(policy)) = (&row.suggested, policy) else {
                continue;
            };
            let key = (policy.name.clone(), row.target.to_owned());
            let (goals, breaches) = counts.get(&key).copied().unwrap_or_default();
            #[allow(clippy::cast_precision_loss)]
            let said = [suggested.goals, suggested.breaches].map(|count| count.unwrap_or(0) as f64);
            if said != [goals, breaches] {
                return Err(format!("{goals} goals, {breaches} breaches: {row:?}"));
            }
            let met = if goals == 0.0 {
                1.0
            } else {
                1.0 - breaches / goals
            };
            if met < objective - 1e-9 || (met - suggested.met).abs() > 1e-9 {
                return Err(format!("{met} is not {objective}: {row:?}"));
            }
            for level in &row.levels {
                if level.met < level.share || level.target < level.exact {
                    return Err(format!("{level:?}"));
                }
            }
        }
        Ok(())
    });
}
