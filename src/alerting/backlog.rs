//! Alerts on the backlog: it grows, or a ticket is too old.

use super::model::{Alert, Category, PrometheusRule, Recording, Severity};
use super::options::RuleOptions;
use super::promql::{number, window};
use super::sla::VAR_TEAM;
use crate::domain::timestamp::HOUR;

/// Growth within a week that is more than the usual variation.
const GROWTH: f64 = 1.25;
/// The least growth in tickets: a quarter of a backlog of four is one ticket.
const LEAST_GROWTH: u32 = 10;

const BACKLOG: &str = "team:ticket_backlog";

/// The backlog of each team, and its daily average, since a backlog differs between night and afternoon.
pub fn recordings(options: &RuleOptions) -> Vec<PrometheusRule> {
    let series = format!("last_over_time(ticket_backlog{})", options.held());
    vec![
        Recording {
            record: format!("{BACKLOG}:sum"),
            expression: options.sum("team", &series),
        }
        .into(),
        Recording {
            record: format!("{BACKLOG}:avg1d"),
            expression: format!("avg_over_time({BACKLOG}:sum[1d])\nand {BACKLOG}:sum"),
        }
        .into(),
    ]
}

pub fn alerts(options: &RuleOptions) -> Vec<PrometheusRule> {
    vec![growing().into(), oldest(options).into()]
}

fn growing() -> Alert {
    Alert {
        name: "TicketBacklogGrowing",
        expression: format!(
            "{BACKLOG}:avg1d\n  > {growth} * ({BACKLOG}:avg1d offset 1w)\n\
             and {BACKLOG}:avg1d - ({BACKLOG}:avg1d offset 1w) >= {LEAST_GROWTH}",
            growth = number(GROWTH)
        ),
        pending: Some(window(HOUR)),
        labels: Vec::new(),
        severity: Severity::Warning,
        category: Category::Kpi,
        summary: "Team {{ $labels.team }}: the backlog is growing".into(),
        description: format!(
            "On average {{{{ $value | printf \"%.0f\" }}}} tickets were unsolved in the last day: at \
             least {} % and {LEAST_GROWTH} tickets more than a week earlier.",
            number((GROWTH - 1.0) * 100.0)
        ),
        dashboard: format!("/d/ticket-capacity?{VAR_TEAM}"),
    }
}

fn oldest(options: &RuleOptions) -> Alert {
    let series = format!(
        "last_over_time(ticket_backlog_oldest_created_timestamp_seconds{})",
        options.held()
    );
    Alert {
        name: "TicketBacklogOldestTooOld",
        expression: format!(
            "time() - {} > {}",
            options.largest("team", &series),
            options.oldest / 1_000
        ),
        pending: Some(window(HOUR)),
        labels: Vec::new(),
        severity: Severity::Warning,
        category: Category::Kpi,
        summary: "Team {{ $labels.team }}: a ticket is too old".into(),
        description: format!(
            "The oldest unsolved ticket of team {{{{ $labels.team }}}} was created {{{{ $value | \
             humanizeDuration }}}} ago; none should be older than {}.",
            window(options.oldest)
        ),
        dashboard: format!("/d/ticket-team?{VAR_TEAM}"),
    }
}
