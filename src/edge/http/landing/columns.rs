//! The columns of the table of the teams.

use super::format::{brief, percent};
use crate::engine::{DurationReport, TeamReport, WindowReport};

/// The key of the column with the names.
pub(super) const TEAM: &str = "team";

/// One team in the chosen window.
pub(super) struct TeamRow<'a> {
    pub(super) team: &'a TeamReport,
    pub(super) window: &'a WindowReport,
    pub(super) clock: &'static str,
}

pub(super) struct TeamNumber {
    /// Sorts the column.
    pub(super) value: f64,
    pub(super) text: String,
    /// How many a share is based on.
    pub(super) sample: Option<u64>,
}

pub(super) struct TableColumn {
    /// Its name in addresses.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// `None`: no data.
    pub(super) number: fn(&TeamRow<'_>) -> Option<TeamNumber>,
}

const fn column(
    key: &'static str,
    name: &'static str,
    number: fn(&TeamRow<'_>) -> Option<TeamNumber>,
) -> TableColumn {
    TableColumn { key, name, number }
}

/// Columns of the present.
static NOW: [TableColumn; 3] = [
    column("backlog", "Backlog", |row| count(row.team.backlog)),
    column("at-risk", "At risk 1h", |row| {
        count(*row.team.tickets_at_risk.get("1h")?)
    }),
    column("overdue", "Overdue", |row| count(row.team.tickets_overdue)),
];

/// Columns of the window, in groups.
const WINDOW: [(&str, &[TableColumn]); 3] = [
    (
        "Work",
        &[
            column("created", "Created", |row| {
                count(row.window.count("created"))
            }),
            column("solved", "Solved", |row| count(row.window.count("solved"))),
        ],
    ),
    (
        "Speed",
        &[
            column("first-response-p50", "First response p50", |row| {
                length(row, "first_response", |of| of.p50_seconds)
            }),
            column("first-response-p90", "First response p90", |row| {
                length(row, "first_response", |of| of.p90_seconds)
            }),
            column("resolution-p50", "Resolution p50", |row| {
                length(row, "full_resolution", |of| of.p50_seconds)
            }),
            column("resolution-p90", "Resolution p90", |row| {
                length(row, "full_resolution", |of| of.p90_seconds)
            }),
            column("handle-time", "Handle time", handle_time),
        ],
    ),
    (
        "Quality",
        &[
            column("sla-met", "SLA met", |row| {
                share(row.window.sla_met_share, row.window.count("sla_goal"))
            }),
            column("first-contact", "First contact", |row| {
                share(
                    row.window.first_contact_share,
                    row.window.count("finalized"),
                )
            }),
            column("reopened", "Reopened", |row| {
                share(row.window.reopened_per_solved, row.window.count("solved"))
            }),
            column("satisfied", "Satisfied", |row| {
                let ratings = row.window.count("csat_good") + row.window.count("csat_bad");
                share(row.window.csat_good_share, ratings)
            }),
        ],
    ),
];

/// The groups of columns that are shown.
pub(super) fn groups(
    with_window: bool,
) -> impl Iterator<Item = (&'static str, &'static [TableColumn])> {
    let window = WINDOW.into_iter().filter(move |_| with_window);
    std::iter::once(("Now", &NOW[..])).chain(window)
}

pub(super) fn find_column(key: &str) -> Option<&'static TableColumn> {
    let mut columns = groups(true).flat_map(|(_, columns)| columns);
    columns.find(|column| column.key == key)
}

/// The key of a column, where there is such a column.
pub(super) fn column_named(key: &str) -> Option<&'static str> {
    if key == TEAM {
        return Some(TEAM);
    }
    find_column(key).map(|column| column.key)
}

fn count(count: u64) -> Option<TeamNumber> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "only sorts; counts are below 2^53"
    )]
    let value = count as f64;
    Some(TeamNumber {
        value,
        text: count.to_string(),
        sample: None,
    })
}

fn seconds(value: f64) -> TeamNumber {
    TeamNumber {
        value,
        text: brief(value),
        sample: None,
    }
}

fn share(share: Option<f64>, sample: u64) -> Option<TeamNumber> {
    let value = share?;
    Some(TeamNumber {
        value,
        text: percent(value),
        sample: Some(sample),
    })
}

fn length(row: &TeamRow<'_>, kpi: &str, read: fn(&DurationReport) -> f64) -> Option<TeamNumber> {
    let duration = row.window.duration(kpi, row.clock)?;
    Some(seconds(read(&duration)))
}

/// Handle time has sources instead of clocks: the reported time, or else the derived one.
fn handle_time(row: &TeamRow<'_>) -> Option<TeamNumber> {
    let of = |source| row.window.duration("handle", source);
    let duration = of("reported").or_else(|| of("derived"))?;
    Some(seconds(duration.mean_seconds))
}
