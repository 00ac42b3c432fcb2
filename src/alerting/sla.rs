//! Alerts on SLA targets: goals at risk, breaches, and too many breaches.

use super::burn::{Burn, BurnPace};
use super::model::{Alert, Category, PrometheusRule, Recording, Severity};
use super::options::RuleOptions;
use super::promql::{indented, matcher, matcher_of_any, number, selector, window};
use super::region::{Region, regions};
use crate::domain::duration;
use crate::domain::policy::{Policy, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds};

/// The values of the label `within`, longest first.
const HORIZONS: [Milliseconds; 3] = [4 * HOUR, HOUR, 15 * MINUTE];
/// A goal is at risk in at most the last quarter of its target: the horizon is the longest one that,
/// times this number, does not exceed the target.
const LEAST_OF_TARGET: Milliseconds = 4;
/// If a target is too short for every horizon, its goals are at risk from the start. The alert then waits
/// for the target divided by this number.
const WAIT_PART: Milliseconds = 3;

/// Records goals and breaches, merged over replicas, and their increase in each window.
///
/// The increase comes before the sum, so that the reset of one counter is seen even if another one rises.
/// It is taken of recorded series without `instance`, so that an exporter can move to another host. After a
/// reset everything is counted again and the increase would be a false burst: the rule then has no value,
/// and neither has it without a fresh counter.
pub fn recordings(
    policies: &[Policy],
    objectives: &[f64],
    options: &RuleOptions,
) -> Vec<PrometheusRule> {
    let mut rules = past(options);
    for (counter, name) in [
        (GOALS, "ticket_sla_goals_total"),
        (BREACHES, "ticket_sla_breaches_total"),
    ] {
        let series = format!("max_over_time({name}{})", options.held());
        rules.push(
            Recording {
                record: recorded(counter),
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
                        "sum by (team, policy, target) (\n  increase({recorded}[{window}])\n  \
                         and {recorded}\n)\n\
                         unless on (team, policy, target) resets({goals}[{window}]) > 0\n\
                         unless on (team, policy, target) resets({breaches}[{window}]) > 0",
                        recorded = recorded(counter),
                        goals = recorded(GOALS),
                        breaches = recorded(BREACHES),
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

/// The name of the recorded counter.
fn recorded(counter: &str) -> String {
    format!("team_priority_policy_target:{counter}:max")
}

/// The name of its recorded increase.
fn increase(counter: &str, length: Milliseconds) -> String {
    format!("team_policy_target:{counter}:increase{}", window(length))
}

/// The labels of the gauges of goals.
const GOAL: &str = "team, priority, target";
/// The recorded gauges, for comparison with the week before.
const AT_RISK: &str = "team_priority_target_within:ticket_sla_at_risk:sum";
const OVERDUE: &str = "team_priority_target:ticket_sla_overdue:sum";

fn past(options: &RuleOptions) -> Vec<PrometheusRule> {
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

/// There are goals, and more of them than at any time in a week that ended `ago` before now.
///
/// A busy team always has a goal at risk and often an overdue one, so an alert on a single goal would never
/// end. The alert lasts for at least `ago`. Without a week of history a single goal is enough.
fn more_than_before(now: &str, recorded: &str, ago: Milliseconds) -> String {
    format!(
        "{now} > 0\nunless on ({GOAL}) (\n{now_inside}\n  <= on ({GOAL})\n  \
         max_over_time({recorded}[{week}] offset {ago})\n)",
        now_inside = indented(now),
        week = window(7 * DAY),
        ago = window(ago),
    )
}

/// Every window of a burn-rate alert, ascending.
fn windows(policies: &[Policy], objectives: &[f64]) -> Vec<Milliseconds> {
    let mut lengths: Vec<Milliseconds> = with_targets(policies, objectives)
        .flat_map(|(_, objective)| {
            [BurnPace::FAST, BurnPace::SLOW].map(|pace| Burn::new(objective, pace))
        })
        .flat_map(|burn| [burn.short, burn.long])
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The alerts, the earliest warning first.
pub fn alerts(
    policies: &[Policy],
    objectives: &[f64],
    options: &RuleOptions,
) -> Vec<PrometheusRule> {
    let mut rules: Vec<PrometheusRule> = Vec::new();
    for (policy, region) in policies.iter().zip(regions(policies)) {
        if let Some(region) = region {
            rules.extend(at_risk(policy, &region, options).map(PrometheusRule::from));
        }
    }
    if !options.urgent.is_empty() {
        rules.push(breached(options).into());
    }
    for (policy, objective) in with_targets(policies, objectives) {
        for pace in [BurnPace::FAST, BurnPace::SLOW] {
            rules.push(burning(policy, objective, pace, options).into());
        }
    }
    rules
}

/// The policies that have targets, with their objectives.
fn with_targets<'a>(
    policies: &'a [Policy],
    objectives: &'a [f64],
) -> impl Iterator<Item = (&'a Policy, f64)> {
    let all = policies.iter().zip(objectives.iter().copied());
    all.filter(|(policy, _)| policy.targets.iter().any(Option::is_some))
}

/// An alert for each target of a policy.
fn at_risk(policy: &Policy, region: &Region, options: &RuleOptions) -> impl Iterator<Item = Alert> {
    let targets = Target::ALL
        .into_iter()
        .filter_map(|target| Some((target, policy.target(target)?)));
    targets.map(move |(target, length)| {
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
            // The gauges have no label for the policy.
            labels: vec![
                ("policy", policy.name.clone()),
                ("target", target.name().to_owned()),
            ],
            severity: Severity::Warning,
            category: Category::Kpi,
            summary: format!("{TEAM}: an SLA target is at risk"),
            description: format!(
                "{{{{ $value }}}} {TICKETS} with priority {{{{ $labels.priority }}}} will miss the \
                 {{{{ $labels.target }}}} target within {within}."
            ),
            dashboard: format!("/d/ticket-team?{VAR_TEAM}"),
        }
    })
}

/// Texts of alerts with the team, and the dashboard variable that selects it.
const TEAM: &str = "Team {{ $labels.team }}";
const TICKETS: &str = "ticket(s) of team {{ $labels.team }}";
pub const VAR_TEAM: &str = "var-team={{ $labels.team | reReplaceAll \" \" \"%20\" }}";

/// The horizon of a target, and how long the alert has to be pending.
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

fn breached(options: &RuleOptions) -> Alert {
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
        summary: format!("{TEAM}: an urgent SLA target is breached"),
        description: format!(
            "{{{{ $value }}}} {TICKETS} with priority {{{{ $labels.priority }}}} missed the \
             {{{{ $labels.target }}}} target and are still waiting."
        ),
        dashboard: format!("/d/ticket-team?{VAR_TEAM}"),
    }
}

fn burning(policy: &Policy, objective: f64, pace: BurnPace, options: &RuleOptions) -> Alert {
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
    let (name, severity, summary) = if pace == BurnPace::FAST {
        (
            "TicketSlaBudgetBurnFast",
            Severity::Critical,
            "SLA breaches endanger the month's objective today",
        )
    } else {
        (
            "TicketSlaBudgetBurnSlow",
            Severity::Warning,
            "too many SLA breaches for the month's objective",
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
        dashboard: format!(
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
