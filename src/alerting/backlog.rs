//! Alerts on what waits: more and more, or too long.

use super::model::{Alert, Category, Recording, Rule, Severity};
use super::options::Options;
use super::promql::{number, window};
use super::sla::VAR_TEAM;
use crate::domain::timestamp::HOUR;

/// Growth within a week that is no usual up and down.
const GROWTH: f64 = 1.25;
/// Tickets that a backlog has to grow by besides: a quarter of four is one.
const LEAST_GROWTH: u32 = 10;

const BACKLOG: &str = "team:ticket_backlog";

/// The backlog of each team, and its average over a day: at night it is not that of the afternoon.
pub fn recordings(options: &Options) -> Vec<Rule> {
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

pub fn alerts(options: &Options) -> Vec<Rule> {
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
        summary: "Team {{ $labels.team }}: the backlog grows".into(),
        description: format!(
            "{{{{ $value | printf \"%.0f\" }}}} tickets were unsolved on average in the last day, at \
             least {} % and {LEAST_GROWTH} tickets more than a week before.",
            number((GROWTH - 1.0) * 100.0)
        ),
        board: format!("/d/ticket-capacity?{VAR_TEAM}"),
    }
}

fn oldest(options: &Options) -> Alert {
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
        summary: "Team {{ $labels.team }}: a ticket is forgotten".into(),
        description: format!(
            "The oldest unsolved ticket of team {{{{ $labels.team }}}} was created {{{{ $value | \
             humanizeDuration }}}} ago; none should be older than {}.",
            window(options.oldest)
        ),
        board: format!("/d/ticket-team?{VAR_TEAM}"),
    }
}
