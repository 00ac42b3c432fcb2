//! Counts a history under policies: how long goals ran, and how many were met.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::distribution::{Distributions, GoalGroup};
use crate::app::event_files::ReadCounts;
use crate::app::history::{EventHistory, HistoryError};
use crate::domain::catalog::{self, Family};
use crate::domain::timestamp::Timestamp;
use crate::engine::{
    Engine, GoalRun, GoalRuns, Observer, Rules, Sample, Series, TableDimensions, Visitor,
};

/// Goals and breaches, by policy and target.
pub type PolicyGoalCounts = BTreeMap<(String, String), (u64, u64)>;

/// Returns how long the goals of a history ran.
pub fn measure(
    rules: &Arc<Rules>,
    by: &TableDimensions,
    history: &EventHistory,
    until: Option<Timestamp>,
) -> Result<(Distributions, ReadCounts), HistoryError> {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp::LATEST);
    let mut distributions = Distributions::new();
    let mut goal_runs = GoalRuns::new(|run: GoalRun| {
        let distribution = distributions.entry(group(by, &run)).or_default();
        distribution.add_ended(run.running, 1);
    });
    let tally = run(&mut engine, Some(&mut goal_runs), history, until)?;
    for run in engine.undecided_goals() {
        let distribution = distributions.entry(group(by, &run)).or_default();
        distribution.add_undecided(run.running);
    }
    Ok((distributions, tally))
}

/// Counts a history under the policies of `rules`.
pub fn count(
    rules: &Arc<Rules>,
    history: &EventHistory,
    until: Option<Timestamp>,
) -> Result<PolicyGoalCounts, HistoryError> {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp::LATEST);
    run(&mut engine, None, history, until)?;
    let mut counter = GoalCounter::default();
    engine.snapshot().visit(&mut counter);
    Ok(counter.counts)
}

/// Applies a history, one partition after the other.
fn run(
    engine: &mut Engine,
    mut observer: Option<&mut dyn Observer>,
    history: &EventHistory,
    until: Option<Timestamp>,
) -> Result<ReadCounts, HistoryError> {
    let mut tally = ReadCounts::default();
    for mut part in history.parts()? {
        let partition = engine
            .add_partition()
            .ok_or(HistoryError::TooManyPartitions)?;
        while part.next(&mut |event| {
            match &mut observer {
                None => engine.apply(partition, event),
                Some(observer) => engine.apply_observed(partition, event, &mut **observer),
            };
            // The delay of breaches is of no interest here.
            engine.take_breaches();
        })? {}
        if let Some(end) = engine.greatest_event(partition).max(until) {
            match &mut observer {
                None => engine.advance(partition, end),
                Some(observer) => engine.advance_observed(partition, end, &mut **observer),
            }
        }
        tally.add(part.counts());
    }
    Ok(tally)
}

fn group(by: &TableDimensions, run: &GoalRun) -> GoalGroup {
    let tickets = by.values(|name| match name {
        "team" => Some(&run.team),
        "priority" => Some(&run.priority),
        attribute => run.attributes.get(attribute).map(String::as_str),
    });
    GoalGroup {
        tickets,
        target: run.target,
    }
}

/// Sums goals and breaches.
#[derive(Default)]
struct GoalCounter {
    family: &'static str,
    /// The positions of the labels `policy` and `target`.
    positions: Option<(usize, usize)>,
    counts: PolicyGoalCounts,
}

impl Visitor for GoalCounter {
    fn family(&mut self, family: &'static Family, labels: &[&str], _start: Option<Timestamp>) {
        self.family = family.name;
        let position = |name| labels.iter().position(|label| *label == name);
        self.positions = position("policy").zip(position("target"));
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let (Some((policy, target)), Sample::Number(count)) = (self.positions, sample) else {
            return;
        };
        let is_goals = self.family == catalog::SLA_GOALS.name;
        if !is_goals && self.family != catalog::SLA_BREACHES.name {
            return;
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let count = count as u64;
        let key = (values[policy].to_owned(), values[target].to_owned());
        let (goals, breaches) = self.counts.entry(key).or_default();
        *if is_goals { goals } else { breaches } += count;
    }
}
