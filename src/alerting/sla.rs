//! Alerts on promises: about to break, broken, and broken too often.

use super::burn::{Burn, Pace};
use super::model::{Alert, Category, Recording, Rule, Severity};
use super::options::Options;
use super::promql::{indented, matcher, matcher_of_any, number, selector, window};
use super::region::{Region, regions};
use crate::domain::duration;
use crate::domain::policy::{Policy, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds};

/// The values of the label `within`, the longest first.
const HORIZONS: [Milliseconds; 3] = [4 * HOUR, HOUR, 15 * MINUTE];
/// A goal is at risk in the last part of its time: the longest horizon that is at most one in this
/// many. Before the last quarter of its time nothing is at risk yet.
const LEAST_OF_TARGET: Milliseconds = 4;
/// Where a target is too short for every horizon, its goals are at risk from the start; an alert
/// then waits for this part of the target.
const WAIT_PART: Milliseconds = 3;

/// Goals and breaches as one series each for all replicas, and what they grew by in windows.
///
/// Each increase is taken before the sum, so that a counter that falls is seen even where another one
/// of the same sum rises. It is taken of recorded series without `instance`, so that an exporter that
/// moves to another host goes on. Where any counter of a sum fell, everything was counted once more,
/// and the increase would be a burst that never was: there is no value then, nor where there is no
/// fresh counter now.
pub fn recordings(policies: &[Policy], objectives: &[f64], options: &Options) -> Vec<Rule> {
    let mut rules = past(options);
    for (counter, name) in [
        (GOALS, "ticket_sla_goals_total"),
        (BREACHES, "ticket_sla_breaches_total"),
    ] {
        let series = format!("max_over_time({name}{})", options.held());
        rules.push(
            Recording {
                record: kept(counter),
                expression: options.one_replica(&series),
            }
            .into(),
        );
    }
    for length in windows(policies, objectives) {
        for counter in [GOALS, BREACHES] {
            rules.push(
                Recording {
                    record: increase(counter, length),
                    expression: format!(
                        "sum by (team, policy, target) (\n  increase({kept}[{window}])\n  \
                         and {kept}\n)\n\
                         unless on (team, policy, target) resets({goals}[{window}]) > 0\n\
                         unless on (team, policy, target) resets({breaches}[{window}]) > 0",
                        kept = kept(counter),
                        goals = kept(GOALS),
                        breaches = kept(BREACHES),
                        window = window(length)
                    ),
                }
                .into(),
            );
        }
    }
    rules
}

const GOALS: &str = "ticket_sla_goals";
const BREACHES: &str = "ticket_sla_breaches";

/// The recorded counter.
fn kept(counter: &str) -> String {
    format!("team_priority_policy_target:{counter}:max")
}

/// Its recorded increase.
fn increase(counter: &str, length: Milliseconds) -> String {
    format!("team_policy_target:{counter}:increase{}", window(length))
}

/// The labels of a gauge of goals.
const GOAL: &str = "team, priority, target";
/// The recorded gauges, for comparison with the week before.
const AT_RISK: &str = "team_priority_target_within:ticket_sla_at_risk:sum";
const OVERDUE: &str = "team_priority_target:ticket_sla_overdue:sum";

fn past(options: &Options) -> Vec<Rule> {
    let mut rules = vec![
        Recording {
            record: AT_RISK.to_owned(),
            expression: options.sum(
                &format!("{GOAL}, within"),
                &format!("last_over_time(ticket_sla_at_risk{})", options.held()),
            ),
        }
        .into(),
    ];
    if !options.urgent.is_empty() {
        let urgent = [matcher_of_any("priority", &options.urgent)];
        let overdue = selector("ticket_sla_overdue", &urgent);
        rules.push(
            Recording {
                record: OVERDUE.to_owned(),
                expression: options.sum(
                    GOAL,
                    &format!("last_over_time({overdue}{})", options.held()),
                ),
            }
            .into(),
        );
    }
    rules
}

/// There are goals, and more than at any time in a week that ended some time ago.
///
/// A busy team always has a goal at risk, and often an overdue one: an alert on a single one would
/// never end. The week ends before now, so that the alert goes on for that time, and where there is no
/// week yet a single goal is enough.
fn more_than_before(now: &str, recorded: &str, ago: Milliseconds) -> String {
    format!(
        "{now} > 0\nunless on ({GOAL}) (\n{now_inside}\n  <= on ({GOAL})\n  \
         max_over_time({recorded}[{week}] offset {ago})\n)",
        now_inside = indented(now),
        week = window(7 * DAY),
        ago = window(ago),
    )
}

/// Every window that an alert looks at, ascending.
fn windows(policies: &[Policy], objectives: &[f64]) -> Vec<Milliseconds> {
    let mut lengths: Vec<Milliseconds> = promising(policies, objectives)
        .flat_map(|(_, objective)| [Pace::FAST, Pace::SLOW].map(|pace| Burn::new(objective, pace)))
        .flat_map(|burn| [burn.short, burn.long])
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The alerts, in the order in which things go wrong.
pub fn alerts(policies: &[Policy], objectives: &[f64], options: &Options) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (policy, region) in policies.iter().zip(regions(policies)) {
        if let Some(region) = region {
            rules.extend(at_risk(policy, &region, options).map(Rule::from));
        }
    }
    if !options.urgent.is_empty() {
        rules.push(breached(options).into());
    }
    for (policy, objective) in promising(policies, objectives) {
        for pace in [Pace::FAST, Pace::SLOW] {
            rules.push(burning(policy, objective, pace, options).into());
        }
    }
    rules
}

/// The policies that promise anything, with their objectives.
fn promising<'a>(
    policies: &'a [Policy],
    objectives: &'a [f64],
) -> impl Iterator<Item = (&'a Policy, f64)> {
    let all = policies.iter().zip(objectives.iter().copied());
    all.filter(|(policy, _)| policy.targets.iter().any(Option::is_some))
}

/// An alert for each target of a policy.
fn at_risk(policy: &Policy, region: &Region, options: &Options) -> impl Iterator<Item = Alert> {
    let promised = Target::ALL
        .into_iter()
        .filter_map(|target| Some((target, policy.target(target)?)));
    promised.map(move |(target, length)| {
        let (horizon, wait) = horizon(length);
        let within = duration::format(horizon);
        let held = |more: &[String]| {
            let first = [matcher("target", target.name()), matcher("within", &within)];
            let series = selector("ticket_sla_at_risk", &[&first, more].concat());
            format!("last_over_time({series}{})", options.held())
        };
        let mut series = held(&region.inside);
        for outside in &region.outside {
            series.push_str(&format!("\nunless {}", held(outside)));
        }
        let matchers = [matcher("target", target.name()), matcher("within", &within)];
        Alert {
            name: "TicketSlaAtRisk",
            expression: more_than_before(
                &options.sum(GOAL, &series),
                &selector(AT_RISK, &matchers),
                HOUR,
            ),
            pending: wait.map(window),
            // No query gives the policy: the gauges have no such label.
            labels: vec![
                ("policy", policy.name.clone()),
                ("target", target.name().to_owned()),
            ],
            severity: Severity::Warning,
            category: Category::Kpi,
            summary: format!("{TEAM}: a promise is about to break"),
            description: format!(
                "{{{{ $value }}}} {TICKETS} with priority {{{{ $labels.priority }}}} will miss the \
                 {{{{ $labels.target }}}} target within {within} unless somebody acts."
            ),
            board: format!("/d/ticket-team?{VAR_TEAM}"),
        }
    })
}

/// The team of an alert, the tickets of it, and the variable of a board with it.
const TEAM: &str = "Team {{ $labels.team }}";
const TICKETS: &str = "ticket(s) of team {{ $labels.team }}";
pub const VAR_TEAM: &str = "var-team={{ $labels.team | reReplaceAll \" \" \"%20\" }}";

/// The horizon for a target, and how long an alert waits besides.
fn horizon(target: Milliseconds) -> (Milliseconds, Option<Milliseconds>) {
    let fits = HORIZONS
        .into_iter()
        .find(|horizon| horizon * LEAST_OF_TARGET <= target);
    match fits {
        Some(horizon) => (horizon, None),
        None => {
            let [.., shortest] = HORIZONS;
            let wait = target / WAIT_PART / 1_000 * 1_000;
            (shortest, (wait > 0).then_some(wait))
        }
    }
}

fn breached(options: &Options) -> Alert {
    let overdue = selector(
        "ticket_sla_overdue",
        &[matcher_of_any("priority", &options.urgent)],
    );
    let series = format!("last_over_time({overdue}{})", options.held());
    Alert {
        name: "TicketSlaBreached",
        expression: more_than_before(&options.sum(GOAL, &series), OVERDUE, DAY),
        pending: None,
        labels: Vec::new(),
        severity: Severity::Critical,
        category: Category::Kpi,
        summary: format!("{TEAM}: an urgent promise is broken"),
        description: format!(
            "{{{{ $value }}}} {TICKETS} with priority {{{{ $labels.priority }}}} missed the \
             {{{{ $labels.target }}}} target and still wait."
        ),
        board: format!("/d/ticket-team?{VAR_TEAM}"),
    }
}

fn burning(policy: &Policy, objective: f64, pace: Pace, options: &Options) -> Alert {
    let burn = Burn::new(objective, pace);
    let matchers = [matcher("policy", &policy.name)];
    let of = |counter, length| selector(&increase(counter, length), &matchers);
    let share = |length| {
        format!(
            "{}\n  / {}\n  > {}",
            of(BREACHES, length),
            of(GOALS, length),
            number(burn.threshold)
        )
    };
    let expression = format!(
        "(\n{}\n)\nand (\n{}\n)\nand round({}) >= {}\nand round({}) >= {}",
        indented(&share(burn.long)),
        indented(&share(burn.short)),
        of(GOALS, burn.long),
        options.minimum_goals,
        of(BREACHES, burn.long),
        options.minimum_breaches,
    );
    let (name, severity, summary) = if pace == Pace::FAST {
        (
            "TicketSlaBudgetBurnFast",
            Severity::Critical,
            "promises break so fast that the month's objective is in danger today",
        )
    } else {
        (
            "TicketSlaBudgetBurnSlow",
            Severity::Warning,
            "promises break too often for the month's objective",
        )
    };
    Alert {
        name,
        expression,
        pending: None,
        labels: vec![("policy", policy.name.clone())],
        severity,
        category: Category::Kpi,
        summary: format!("{TEAM}: {summary}"),
        description: format!(
            "{{{{ $value | humanizePercentage }}}} of the {{{{ $labels.target }}}} goals of policy \
             {{{{ $labels.policy }}}} were breached in the last {long}, and more than {share} % in \
             the last {short}. The objective allows {allowed} %.",
            long = window(burn.long),
            short = window(burn.short),
            share = number(burn.threshold * 100.0),
            allowed = number((1.0 - objective) * 100.0),
        ),
        board: format!(
            "/d/ticket-sla?{VAR_TEAM}&var-policy={{{{ $labels.policy | reReplaceAll \" \" \"%20\" }}}}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_at_risk_in_the_last_part_of_its_time() {
        assert_eq!(horizon(24 * HOUR), (4 * HOUR, None));
        assert_eq!(horizon(8 * HOUR), (HOUR, None));
        assert_eq!(horizon(4 * HOUR), (HOUR, None));
        assert_eq!(horizon(HOUR), (15 * MINUTE, None));
        assert_eq!(horizon(30 * MINUTE), (15 * MINUTE, Some(10 * MINUTE)));
        assert_eq!(horizon(15 * MINUTE), (15 * MINUTE, Some(5 * MINUTE)));
        assert_eq!(horizon(1_000), (15 * MINUTE, None));
    }
}
