//! `suggest-targets`: SLA targets that a desk has shown it can keep.
//!
//! The history is counted under one policy whose targets nobody can miss, so every goal runs to
//! its end and tells how long it took. What is suggested is then counted once more, as targets: a
//! change of team or priority judges a goal anew, and a breach lets the next resolution begin
//! anew, which a distribution does not know. Where the share falls short, the target is lengthened.

mod counted;
mod distribution;
mod snippet;
mod stored;

pub use distribution::Distribution;
pub use snippet::snippet;
pub use stored::from_snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::history::{History, HistoryError, Tally};
use crate::domain::policy::{Clock, Match, Policy, Target};
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::engine::Rules;
use counted::{Counts, count, measure};
use distribution::{next_step, round_up};

/// The shares of which targets are shown: eight, nine, and nineteen of ten, ten, and twenty.
pub const SHARES: [f64; 3] = [0.8, 0.9, 0.95];
/// With fewer goals the 95th percentile is a matter of one or two of them.
pub const DEFAULT_MINIMUM: u64 = 30;
/// Nobody can miss it.
const ENDLESS: Milliseconds = 100 * 365 * DAY;
/// How often targets are lengthened by a step. That is nearly always enough; where it is not, they
/// are doubled from then on, so that it ends.
const SMALL_STEPS: usize = 6;
/// How often they are lengthened at all. What falls short then is shown as it is.
const ROUNDS: usize = 64;
/// The label of what is beyond the limits: a policy cannot match it.
const OVERFLOW: &str = "__other__";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    pub clock: Clock,
    /// The share of goals to be met, between 0 and 1.
    pub objective: f64,
    /// Goals below which nothing is suggested.
    pub minimum: u64,
    /// Partitions' clocks go there at the end, if they are not beyond; `None`: they stay with their
    /// greatest event.
    pub until: Option<Timestamp>,
}

/// What one goal is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    pub team: String,
    pub priority: String,
    pub target: Target,
}

/// Goals by what they are for.
pub type Distributions = BTreeMap<Group, Distribution>;

/// A target that a share of the goals would have met.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// What was asked for.
    pub share: f64,
    #[serde(rename = "exact_seconds", serialize_with = "as_seconds")]
    pub exact: Milliseconds,
    /// Rounded up.
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub target: Milliseconds,
    /// What would have met the rounded target.
    pub met: f64,
}

/// What the suggested policy would have counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Suggested {
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub target: Milliseconds,
    /// `None`: it was not counted, since there are no events.
    pub goals: Option<u64>,
    pub breaches: Option<u64>,
    /// The share met, of these or of the distribution.
    pub met: f64,
}

/// One row of a suggestion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub team: String,
    pub priority: String,
    pub target: &'static str,
    /// Goals that have ended.
    pub goals: u64,
    /// Goals that are not decided: they have missed what is shorter than they have run.
    pub undecided: u64,
    /// One for each of [`SHARES`]; empty where there are too few goals.
    pub levels: Vec<Level>,
    /// `None` where there are too few goals.
    pub suggested: Option<Suggested>,
}

/// Targets for each team and priority.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub rows: Vec<Row>,
    /// What the configuration would have.
    pub policies: Vec<Policy>,
    /// `None`: there were no events to read.
    pub tally: Option<Tally>,
}

/// Suggests targets from events.
///
/// # Errors
/// A history that cannot be read.
pub fn suggest(rules: &Rules, history: &History, wish: &Wish) -> Result<Suggestion, HistoryError> {
    let endless = Policy {
        name: "measured".to_owned(),
        targets: [Some(ENDLESS); 4],
        ..policy(wish, Match::default())
    };
    let measured = Arc::new(under(rules, vec![endless]));
    let (distributions, tally) = measure(&measured, history, wish.until)?;
    let mut targets = propose(&distributions, wish);
    let mut rounds = 0;
    let counts = loop {
        let rules = Arc::new(under(rules, policies(&targets, wish)));
        let counts = count(&rules, history, wish.until)?;
        let short = |group: &Group| {
            let counted = counts.get(&key(group));
            counted.is_some_and(|(goals, breaches)| met(*goals, *breaches) < wish.objective)
        };
        rounds += 1;
        if rounds == ROUNDS || !targets.keys().any(short) {
            break counts;
        }
        for (group, target) in &mut targets {
            if short(group) {
                *target = next_step(if rounds > SMALL_STEPS {
                    2 * *target
                } else {
                    *target
                });
            }
        }
    };
    Ok(Suggestion {
        rows: rows(&distributions, &targets, &counts, wish),
        policies: policies(&targets, wish),
        tally: Some(tally),
    })
}

/// Suggests targets from distributions alone.
pub fn suggest_from(distributions: &Distributions, wish: &Wish) -> Suggestion {
    let targets = propose(distributions, wish);
    Suggestion {
        rows: rows(distributions, &targets, &Counts::new(), wish),
        policies: policies(&targets, wish),
        tally: None,
    }
}

type Targets = BTreeMap<Group, Milliseconds>;

/// Where there are enough goals, the rounded target that the objective's share would have met.
fn propose(distributions: &Distributions, wish: &Wish) -> Targets {
    let enough = distributions
        .iter()
        .filter(|(group, distribution)| is_enough(group, distribution, wish));
    enough
        .filter_map(|(group, distribution)| {
            let exact = distribution.target(wish.objective)?;
            Some((group.clone(), round_up(exact)))
        })
        .collect()
}

fn is_enough(group: &Group, distribution: &Distribution, wish: &Wish) -> bool {
    distribution.ended() >= wish.minimum && group.team != OVERFLOW && group.priority != OVERFLOW
}

/// A policy for each team and priority that has targets.
fn policies(targets: &Targets, wish: &Wish) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for (group, target) in targets {
        let name = policy_name(group);
        if policies.last().is_none_or(|last| last.name != name) {
            let matches = Match {
                team: Some(vec![group.team.clone()]),
                priority: Some(vec![group.priority.clone()]),
                channel: None,
            };
            policies.push(Policy {
                name,
                ..policy(wish, matches)
            });
        }
        if let Some(last) = policies.last_mut() {
            last.targets[group.target as usize] = Some(*target);
        }
    }
    policies
}

/// A policy without targets.
fn policy(wish: &Wish, matches: Match) -> Policy {
    Policy {
        name: String::new(),
        matches,
        clock: wish.clock,
        calendar: None,
        targets: [None; 4],
        pauses: Policy::default_pauses(),
    }
}

/// Of a team and priority; slashes in them are written as in a JSON pointer, so that no two have one
/// name.
fn policy_name(group: &Group) -> String {
    let part = |text: &str| text.replace('~', "~0").replace('/', "~1");
    format!("{}/{}", part(&group.team), part(&group.priority))
}

/// The name of a group's policy, and its target.
fn key(group: &Group) -> (String, &'static str) {
    (policy_name(group), group.target.name())
}

/// The rules with other policies.
fn under(rules: &Rules, policies: Vec<Policy>) -> Rules {
    Rules {
        policies,
        former_policies: Vec::new(),
        ..rules.clone()
    }
}

fn rows(
    distributions: &Distributions,
    targets: &Targets,
    counts: &Counts,
    wish: &Wish,
) -> Vec<Row> {
    let row = |(group, distribution): (&Group, &Distribution)| {
        let levels = SHARES.into_iter().filter_map(|share| {
            let exact = distribution.target(share)?;
            let target = round_up(exact);
            let met = distribution.met(target)?;
            Some(Level {
                share,
                exact,
                target,
                met,
            })
        });
        let levels = if is_enough(group, distribution, wish) {
            levels.collect()
        } else {
            Vec::new()
        };
        let suggested = targets.get(group).map(|target| {
            let counted = counts.get(&key(group)).copied();
            Suggested {
                target: *target,
                goals: counted.map(|(goals, _)| goals),
                breaches: counted.map(|(_, breaches)| breaches),
                met: match counted {
                    Some((goals, breaches)) => met(goals, breaches),
                    None => distribution.met(*target).unwrap_or_default(),
                },
            }
        });
        Row {
            team: group.team.clone(),
            priority: group.priority.clone(),
            target: group.target.name(),
            goals: distribution.ended(),
            undecided: distribution.undecided(),
            levels,
            suggested,
        }
    };
    distributions.iter().map(row).collect()
}

/// The share of goals met; all of none.
#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn met(goals: u64, breaches: u64) -> f64 {
    if goals == 0 {
        1.0
    } else {
        (goals - breaches) as f64 / goals as f64
    }
}

fn as_seconds<S: serde::Serializer>(
    value: &Milliseconds,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(crate::domain::timestamp::seconds(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::{HOUR, MINUTE};

    const WISH: Wish = Wish {
        clock: Clock::Business,
        objective: 0.9,
        minimum: 10,
        until: None,
    };

    fn group(team: &str, priority: &str, target: Target) -> Group {
        Group {
            team: team.to_owned(),
            priority: priority.to_owned(),
            target,
        }
    }

    /// As many goals as minutes, from one minute on.
    fn goals(count: i64) -> Distribution {
        let mut distribution = Distribution::default();
        for minutes in 1..=count {
            distribution.add_ended(minutes * MINUTE, 1);
        }
        distribution
    }

    #[test]
    fn targets_of_a_team_and_priority_share_a_policy_and_few_goals_give_none() {
        let distributions = Distributions::from([
            (group("a", "p1", Target::FirstResponse), goals(10)),
            (group("a", "p1", Target::NextResponse), goals(9)),
            (group("a", "p1", Target::Resolution), goals(50)),
            (group("a", "p2", Target::Ownership), goals(9)),
            (group(OVERFLOW, "p1", Target::Ownership), goals(50)),
        ]);
        let suggestion = suggest_from(&distributions, &WISH);
        let [policy] = &suggestion.policies[..] else {
            panic!("{:?}", suggestion.policies);
        };
        assert_eq!(policy.name, "a/p1");
        assert_eq!(
            policy.targets,
            [Some(10 * MINUTE), None, Some(45 * MINUTE), None]
        );
        assert_eq!(suggestion.rows.len(), distributions.len());
        let few = suggestion.rows.iter().filter(|row| row.levels.is_empty());
        assert_eq!(few.count(), 3);
    }

    #[test]
    fn no_two_teams_and_priorities_have_one_policy() {
        let targets = Targets::from([
            (group("a", "b/c", Target::Ownership), HOUR),
            (group("a/b", "c", Target::Ownership), HOUR),
            (group("a~1b", "c", Target::Ownership), HOUR),
        ]);
        let policies = policies(&targets, &WISH);
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["a/b~1c", "a~1b/c", "a~01b/c"]);
    }
}
