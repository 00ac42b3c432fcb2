//! Alerts on SLA targets: goals at risk, breaches, and too many breaches.

use super::burn::{Burn, BurnPace};
use super::dimensions::{Dimensions, fixed_attributes};
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
    dimensions: &Dimensions,
    options: &RuleOptions,
) -> Vec<PrometheusRule> {
    let mut rules = past(dimensions, options);
    let by = dimensions.budget().join(", ");
    for (counter, name) in [
        (GOALS, "ticket_sla_goals_total"),
        (BREACHES, "ticket_sla_breaches_total"),
    ] {
        let series = format!("max_over_time({name}{})", options.held());
        rules.push(
            Recording {
                record: recorded(counter, dimensions),
                expression: options.one_replica(&series),
            }
            .into(),
        );
    }
    for length in windows(policies, objectives) {
        for counter in [GOALS, BREACHES] {
            rules.push(
                Recording {
                    record: increase(counter, length, dimensions),
                    expression: format!(
                        "sum by ({by}) (\n  increase({recorded}[{window}])\n  \
                         and {recorded}\n)\n\
                         unless on ({by}) resets({goals}[{window}]) > 0\n\
                         unless on ({by}) resets({breaches}[{window}]) > 0",
                        recorded = recorded(counter, dimensions),
                        goals = recorded(GOALS, dimensions),
                        breaches = recorded(BREACHES, dimensions),
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
fn recorded(counter: &str, dimensions: &Dimensions) -> String {
    format!("{}:{counter}:max", dimensions.counter().join("_"))
}

/// The name of its recorded increase.
fn increase(counter: &str, length: Milliseconds, dimensions: &Dimensions) -> String {
    let level = dimensions.budget().join("_");
    format!("{level}:{counter}:increase{}", window(length))
}

/// The recorded gauge of goals at risk, for comparison with the week before.
fn recorded_at_risk(dimensions: &Dimensions) -> String {
    format!(
        "{}:ticket_sla_at_risk:sum",
        with_horizon(dimensions).join("_")
    )
}

/// The recorded gauge of overdue goals.
fn recorded_overdue(dimensions: &Dimensions) -> String {
    format!("{}:ticket_sla_overdue:sum", dimensions.goal().join("_"))
}

fn with_horizon(dimensions: &Dimensions) -> Vec<&str> {
    let mut labels = dimensions.goal();
    labels.push("within");
    labels
}

fn past(dimensions: &Dimensions, options: &RuleOptions) -> Vec<PrometheusRule> {
    let mut rules = vec![
        Recording {
            record: recorded_at_risk(dimensions),
            expression: options.sum(
                &with_horizon(dimensions).join(", "),
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
                record: recorded_overdue(dimensions),
                expression: options.sum(
                    &dimensions.goal().join(", "),
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
fn more_than_before(
    now: &str,
    recorded: &str,
    ago: Milliseconds,
    dimensions: &Dimensions,
) -> String {
    format!(
        "{now} > 0\nunless on ({goal}) (\n{now_inside}\n  <= on ({goal})\n  \
         max_over_time({recorded}[{week}] offset {ago})\n)",
        goal = dimensions.goal().join(", "),
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
    dimensions: &Dimensions,
    options: &RuleOptions,
) -> Vec<PrometheusRule> {
    let mut rules: Vec<PrometheusRule> = Vec::new();
    let regions = regions(policies, &dimensions.attributes);
    for (policy, region) in policies.iter().zip(regions) {
        if let Some(region) = region {
            let alerts = at_risk(policy, &region, dimensions, options);
            rules.extend(alerts.map(PrometheusRule::from));
        }
    }
    if !options.urgent.is_empty() {
        let breached = breached(dimensions, options);
        rules.extend(breached.into_iter().map(PrometheusRule::from));
    }
    for (policy, objective) in with_targets(policies, objectives) {
        for pace in [BurnPace::FAST, BurnPace::SLOW] {
            rules.push(burning(policy, objective, pace, dimensions, options).into());
        }
    }
    rules
}

/// The groups whose breaches are critical. Those between teams can wait for working hours; those to customers
/// cannot.
pub fn critical_groups(dimensions: &Dimensions, options: &RuleOptions) -> Vec<String> {
    let groups = &dimensions.groups;
    if !options.critical_groups.is_empty() {
        let named = groups
            .iter()
            .filter(|group| options.critical_groups.contains(*group));
        return named.cloned().collect();
    }
    let default = groups.iter().find(|group| *group == Policy::DEFAULT_GROUP);
    default.or(groups.first()).into_iter().cloned().collect()
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
fn at_risk(
    policy: &Policy,
    region: &Region,
    dimensions: &Dimensions,
    options: &RuleOptions,
) -> impl Iterator<Item = Alert> {
    let targets = Target::ALL
        .into_iter()
        .filter_map(|target| Some((target, policy.target(target)?)));
    targets.map(move |(target, length)| {
        let (horizon, wait) = horizon(length);
        let within = duration::format(horizon);
        let mut matchers = vec![matcher("target", target.name()), matcher("within", &within)];
        if !dimensions.groups.is_empty() {
            matchers.push(matcher("group", &policy.group));
        }
        let held = |more: &[String]| {
            let series = selector("ticket_sla_at_risk", &[&matchers, more].concat());
            format!("last_over_time({series}{})", options.held())
        };
        let mut series = held(&region.inside);
        for outside in &region.outside {
            series.push_str(&format!("\nunless {}", held(outside)));
        }
        Alert {
            name: "TicketSlaAtRisk",
            expression: more_than_before(
                &options.sum(&dimensions.goal().join(", "), &series),
                &selector(&recorded_at_risk(dimensions), &matchers),
                HOUR,
                dimensions,
            ),
            pending: wait.map(window),
            // The gauges have no label for the policy.
            labels: vec![
                ("policy".to_owned(), policy.name.clone()),
                ("target".to_owned(), target.name().to_owned()),
            ],
            severity: Severity::Warning,
            category: Category::Kpi,
            summary: format!(
                "{TEAM}: {} is at risk",
                of_group("an SLA target", dimensions)
            ),
            description: format!(
                "{{{{ $value }}}} {TICKETS} with {tickets} will miss the \
                 {{{{ $labels.target }}}} target within {within}.",
                tickets = labeled(dimensions)
            ),
            dashboard: format!("/d/ticket-team?{VAR_TEAM}"),
        }
    })
}

/// Texts of alerts with the team, and the dashboard variable that selects it.
const TEAM: &str = "Team {{ $labels.team }}";
const TICKETS: &str = "ticket(s) of team {{ $labels.team }}";
pub const VAR_TEAM: &str = "var-team={{ $labels.team | reReplaceAll \" \" \"%20\" }}";

/// Words in the summary of an alert, with the group if there are several.
fn of_group(words: &str, dimensions: &Dimensions) -> String {
    if dimensions.groups.is_empty() {
        words.to_owned()
    } else {
        format!("{words} of group {{{{ $labels.group }}}}")
    }
}

/// The priority and the attributes of an alert's tickets.
fn labeled(dimensions: &Dimensions) -> String {
    let mut text = "priority {{ $labels.priority }}".to_owned();
    for name in dimensions.of_alerts() {
        text.push_str(&format!(", {name} {{{{ $labels.{name} }}}}"));
    }
    text
}

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

/// An alert on critical groups, and one on the others.
fn breached(dimensions: &Dimensions, options: &RuleOptions) -> Vec<Alert> {
    if dimensions.groups.is_empty() {
        return vec![breached_in(None, Severity::Critical, dimensions, options)];
    }
    let critical = critical_groups(dimensions, options);
    let groups = dimensions.groups.iter().cloned();
    let (critical, others): (Vec<_>, Vec<_>) = groups.partition(|group| critical.contains(group));
    [(critical, Severity::Critical), (others, Severity::Warning)]
        .into_iter()
        .filter(|(groups, _)| !groups.is_empty())
        .map(|(groups, severity)| breached_in(Some(&groups), severity, dimensions, options))
        .collect()
}

fn breached_in(
    groups: Option<&[String]>,
    severity: Severity,
    dimensions: &Dimensions,
    options: &RuleOptions,
) -> Alert {
    let of_groups = groups.map(|groups| matcher_of_any("group", groups));
    let of_groups: Vec<String> = of_groups.into_iter().collect();
    let urgent = [matcher_of_any("priority", &options.urgent)];
    let overdue = selector("ticket_sla_overdue", &[&urgent[..], &of_groups].concat());
    let series = format!("last_over_time({overdue}{})", options.held());
    Alert {
        name: "TicketSlaBreached",
        expression: more_than_before(
            &options.sum(&dimensions.goal().join(", "), &series),
            &selector(&recorded_overdue(dimensions), &of_groups),
            DAY,
            dimensions,
        ),
        pending: None,
        labels: Vec::new(),
        severity,
        category: Category::Kpi,
        summary: format!(
            "{TEAM}: {} is breached",
            of_group("an urgent SLA target", dimensions)
        ),
        description: format!(
            "{{{{ $value }}}} {TICKETS} with {tickets} missed the \
             {{{{ $labels.target }}}} target and are still waiting.",
            tickets = labeled(dimensions)
        ),
        dashboard: format!("/d/ticket-team?{VAR_TEAM}"),
    }
}

fn burning(
    policy: &Policy,
    objective: f64,
    pace: BurnPace,
    dimensions: &Dimensions,
    options: &RuleOptions,
) -> Alert {
    let burn = Burn::new(objective, pace);
    let matchers = [matcher("policy", &policy.name)];
    let of = |counter, length| selector(&increase(counter, length, dimensions), &matchers);
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
    let pages = dimensions.groups.is_empty()
        || critical_groups(dimensions, options).contains(&policy.group);
    let (name, severity, summary) = if pace == BurnPace::FAST {
        (
            "TicketSlaBudgetBurnFast",
            if pages {
                Severity::Critical
            } else {
                Severity::Warning
            },
            format!(
                "{} endanger the month's objective today",
                of_group("SLA breaches", dimensions)
            ),
        )
    } else {
        (
            "TicketSlaBudgetBurnSlow",
            Severity::Warning,
            format!(
                "too many {} for the month's objective",
                of_group("SLA breaches", dimensions)
            ),
        )
    };
    let mut labels = vec![("policy".to_owned(), policy.name.clone())];
    labels.extend(fixed_attributes(policy));
    Alert {
        name,
        expression,
        pending: None,
        labels,
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
