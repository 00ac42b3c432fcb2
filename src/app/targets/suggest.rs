//! Suggests targets from the running times of goals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counted::{PolicyGoalCounts, count, measure};
use super::distribution::{Distribution, Distributions, GoalGroup, next_step, round_up};
use super::suggestion::{SHARES, Suggested, Suggestion, SuggestionRow, TargetLevel, TargetRequest};
use crate::app::history::{EventHistory, HistoryError};
use crate::domain::policy::{Match, Policy, Target};
use crate::domain::timestamp::{DAY, Milliseconds};
use crate::engine::{Rules, TableDimensions};

/// With fewer goals, one or two of them decide the 95th percentile.
pub const DEFAULT_MINIMUM: u64 = 30;
/// A target that no goal can miss.
const ENDLESS: Milliseconds = 100 * 365 * DAY;
/// Number of single steps by which a target is lengthened. That is nearly always enough. After them it is
/// doubled, so that the search ends.
const SMALL_STEPS: usize = 6;
/// Number of times that a target is lengthened. After that the suggestion shows the share it has.
const ROUNDS: usize = 64;
/// The label of values beyond the limits. A policy cannot match it.
const OVERFLOW: &str = "__other__";

/// Suggests targets from events.
pub fn suggest(
    rules: &Rules,
    history: &EventHistory,
    request: &TargetRequest,
) -> Result<Suggestion, HistoryError> {
    let endless = Policy {
        name: "measured".to_owned(),
        targets: [Some(ENDLESS); Target::ALL.len()],
        ..policy(request, Match::default())
    };
    let measured = Arc::new(under(rules, vec![endless], &request.by));
    let (distributions, tally) = measure(&measured, &request.by, history, request.until)?;
    let mut targets = propose(&distributions, request);
    let mut rounds = 0;
    let counts = loop {
        let rules = Arc::new(under(rules, policies(&targets, request), &request.by));
        let counts = count(&rules, history, request.until)?;
        let short = |group: &GoalGroup| {
            let counted = counts.get(&key(group));
            counted.is_some_and(|(goals, breaches)| met(*goals, *breaches) < request.objective)
        };
        rounds += 1;
        if rounds == ROUNDS || !targets.keys().any(short) {
            break counts;
        }
        for (group, target) in &mut targets {
            if short(group) {
                let factor = if rounds > SMALL_STEPS { 2 } else { 1 };
                *target = next_step(factor * *target);
            }
        }
    };
    Ok(Suggestion {
        rows: rows(&distributions, &targets, &counts, request),
        policies: policies(&targets, request),
        tally: Some(tally),
    })
}

/// Suggests targets from distributions alone.
pub fn suggest_from(distributions: &Distributions, request: &TargetRequest) -> Suggestion {
    let targets = propose(distributions, request);
    Suggestion {
        rows: rows(distributions, &targets, &PolicyGoalCounts::new(), request),
        policies: policies(&targets, request),
        tally: None,
    }
}

type Targets = BTreeMap<GoalGroup, Milliseconds>;

/// Returns the rounded target that the objective's share would have met, for each group with enough goals.
fn propose(distributions: &Distributions, request: &TargetRequest) -> Targets {
    let enough = distributions
        .iter()
        .filter(|(group, distribution)| is_enough(group, distribution, request));
    enough
        .filter_map(|(group, distribution)| {
            let exact = distribution.target(request.objective)?;
            Some((group.clone(), round_up(exact)))
        })
        .collect()
}

fn is_enough(group: &GoalGroup, distribution: &Distribution, request: &TargetRequest) -> bool {
    distribution.ended() >= request.minimum && group.tickets.all().all(|value| value != OVERFLOW)
}

/// Builds a policy for all targets of the same tickets.
fn policies(targets: &Targets, request: &TargetRequest) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for (group, target) in targets {
        let name = policy_name(group);
        if policies.last().is_none_or(|last| last.name != name) {
            let matches = Match {
                team: group.tickets.team.clone().map(|team| vec![team]),
                priority: group.tickets.priority.clone().map(|one| vec![one]),
                channel: None,
                attributes: group
                    .tickets
                    .attributes
                    .iter()
                    .map(|(name, value)| (name.clone(), vec![value.clone()]))
                    .collect(),
            };
            policies.push(Policy {
                name,
                ..policy(request, matches)
            });
        }
        if let Some(last) = policies.last_mut() {
            last.targets[group.target as usize] = Some(*target);
        }
    }
    policies
}

fn policy(request: &TargetRequest, matches: Match) -> Policy {
    Policy {
        matches,
        clock: request.clock,
        ..Policy::new("")
    }
}

/// The name of a policy: its label values. Slashes are escaped as in a JSON pointer, so that names are unique.
fn policy_name(group: &GoalGroup) -> String {
    let part = |text: &str| text.replace('~', "~0").replace('/', "~1");
    let parts: Vec<String> = group.tickets.all().map(|value| part(value)).collect();
    if parts.is_empty() {
        return "all".to_owned();
    }
    parts.join("/")
}

fn key(group: &GoalGroup) -> (String, String) {
    (policy_name(group), group.target.name().to_owned())
}

/// The rules with these policies. The dimensions are labels, so that each goal shows them.
fn under(rules: &Rules, policies: Vec<Policy>, by: &TableDimensions) -> Rules {
    by.labeled(Rules {
        policies,
        former_policies: Vec::new(),
        ..rules.clone()
    })
}

fn rows(
    distributions: &Distributions,
    targets: &Targets,
    counts: &PolicyGoalCounts,
    request: &TargetRequest,
) -> Vec<SuggestionRow> {
    let row = |(group, distribution): (&GoalGroup, &Distribution)| {
        let is_enough = is_enough(group, distribution, request);
        let shares = SHARES.into_iter().filter(|_| is_enough);
        let levels = shares.filter_map(|share| {
            let exact = distribution.target(share)?;
            let target = round_up(exact);
            let met = distribution.met(target)?;
            Some(TargetLevel {
                share,
                exact,
                target,
                met,
            })
        });
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
        SuggestionRow {
            tickets: group.tickets.clone(),
            target: group.target.name(),
            goals: distribution.ended(),
            undecided: distribution.undecided(),
            levels: levels.collect(),
            suggested,
        }
    };
    distributions.iter().map(row).collect()
}

/// The share of goals met; 1 if there were none.
#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn met(goals: u64, breaches: u64) -> f64 {
    if goals == 0 {
        1.0
    } else {
        (goals - breaches) as f64 / goals as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Clock;
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::DimensionValues;

    const REQUEST: TargetRequest = TargetRequest {
        by: TableDimensions {
            team: true,
            priority: true,
            attributes: Vec::new(),
        },
        clock: Clock::Business,
        objective: 0.9,
        minimum: 10,
        until: None,
    };

    fn group(team: &str, priority: &str, target: Target) -> GoalGroup {
        GoalGroup {
            tickets: DimensionValues {
                team: Some(team.to_owned()),
                priority: Some(priority.to_owned()),
                ..DimensionValues::default()
            },
            target,
        }
    }

    /// One goal for each number of minutes, from 1 to `count`.
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
        let suggestion = suggest_from(&distributions, &REQUEST);
        let [policy] = &suggestion.policies[..] else {
            panic!("{:?}", suggestion.policies);
        };
        assert_eq!(
            policy.yaml(Some(0.9)),
            "    - name: \"a/p1\"\n      match: { team: [a], priority: [p1] }\n      clock: business\n      \
             objective: 0.9\n      targets: { first_response: 10m, resolution: 45m }\n"
        );
        assert_eq!(suggestion.rows.len(), distributions.len());
        let few = suggestion.rows.iter().filter(|row| row.levels.is_empty());
        assert_eq!(few.count(), 3);
    }

    #[test]
    fn a_policy_matches_the_dimensions_alone() {
        let updates = |tier: &str| GoalGroup {
            tickets: DimensionValues {
                attributes: [("tier".to_owned(), tier.to_owned())].into(),
                ..DimensionValues::default()
            },
            target: Target::Update,
        };
        let distributions =
            Distributions::from([(updates("gold"), goals(10)), (updates(OVERFLOW), goals(10))]);
        let suggestion = suggest_from(&distributions, &REQUEST);
        let policies = suggestion.policies.iter();
        let policies: Vec<String> = policies.map(|policy| policy.yaml(None)).collect();
        assert_eq!(
            policies,
            [
                "    - name: gold\n      match: { attributes: { tier: [gold] } }\n      clock: \
                 business\n      targets: { update: 10m }\n"
            ]
        );
    }

    #[test]
    fn no_two_teams_and_priorities_have_one_policy() {
        let targets = Targets::from([
            (group("a", "b/c", Target::Ownership), HOUR),
            (group("a/b", "c", Target::Ownership), HOUR),
            (group("a~1b", "c", Target::Ownership), HOUR),
        ]);
        let policies = policies(&targets, &REQUEST);
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["a/b~1c", "a~1b/c", "a~01b/c"]);
    }
}
