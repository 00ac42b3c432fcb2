//! KPI tables for a terminal, over the whole history or a window.

use crate::domain::duration;
use crate::domain::policy::Clock;
use crate::domain::timestamp::Timestamp;
use crate::engine::{KpiSummary, Report, Snapshot, TableDimensions, TeamReport, WindowReport};

/// A text table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// The period and time of the table.
    pub caption: String,
    /// Headings of the label columns.
    pub labels: Vec<String>,
    /// Headings of the further columns.
    pub columns: Vec<String>,
    pub rows: Vec<OverviewRow>,
}

/// One team, or one combination of label values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverviewRow {
    pub labels: Vec<String>,
    /// One cell for each column.
    pub cells: Vec<String>,
}

type Column = (&'static str, fn(&KpiSummary) -> String);

/// Columns over the whole history. The share of goals met comes in a column for each group, if there are several.
const COLUMNS: [Column; 12] = [
    ("created", |team| team.created.to_string()),
    ("solved", |team| team.solved.to_string()),
    ("backlog", |team| team.backlog.to_string()),
    ("at risk 1h", |team| team.at_risk.to_string()),
    ("overdue", |team| team.overdue.to_string()),
    ("first response p50", |team| {
        length(team.first_response.median_seconds)
    }),
    ("resolution p50", |team| {
        length(team.full_resolution.median_seconds)
    }),
    ("requester wait p50", |team| {
        length(team.requester_wait.median_seconds)
    }),
    ("first contact", |team| percent(team.first_contact_share)),
    ("reopened", |team| percent(team.reopen_share)),
    (SLA_MET, |team| percent(team.sla_met_share)),
    ("CSAT", |team| percent(team.csat_share)),
];
const SLA_MET: &str = "SLA met";

/// Returns a row for each combination of the dimensions over the whole history up to `as_of`, with durations in
/// business or calendar time.
pub fn overview(
    snapshot: &Snapshot,
    by: &TableDimensions,
    as_of: Option<Timestamp>,
    business: bool,
) -> Overview {
    let caption = match as_of {
        None => "No event was read.".to_owned(),
        Some(as_of) => format!(
            "Since the first event; gauges as of {}; durations in {} time.",
            as_of.rfc3339(),
            if business { "business" } else { "calendar" },
        ),
    };
    let summaries = snapshot.summaries(by, business);
    let columns = COLUMNS.iter().flat_map(|(name, _)| {
        let groups = summaries.first().map(|first| &first.met_share_by_group);
        match groups.filter(|groups| *name == SLA_MET && !groups.is_empty()) {
            Some(groups) => groups
                .0
                .iter()
                .map(|(group, _)| format!("{group} met"))
                .collect(),
            None => vec![(*name).to_owned()],
        }
    });
    let rows = summaries.iter().map(|summary| OverviewRow {
        labels: summary.tickets.all().cloned().collect(),
        cells: cells(summary),
    });
    Overview {
        caption,
        labels: by.names().into_iter().map(str::to_owned).collect(),
        columns: columns.collect(),
        rows: rows.collect(),
    }
}

fn cells(summary: &KpiSummary) -> Vec<String> {
    let cells = COLUMNS.iter().flat_map(|(name, cell)| {
        let groups = &summary.met_share_by_group;
        if *name == SLA_MET && !groups.is_empty() {
            groups.0.iter().map(|(_, share)| percent(*share)).collect()
        } else {
            vec![cell(summary)]
        }
    });
    cells.collect()
}

type RecentColumn = (&'static str, fn(&TeamReport, &WindowReport) -> String);

/// Columns over a window.
const RECENT_COLUMNS: [RecentColumn; 11] = [
    ("created", |_, window| window.count("created").to_string()),
    ("solved", |_, window| window.count("solved").to_string()),
    ("backlog", |team, _| team.backlog.to_string()),
    ("at risk 1h", |team, _| {
        let at_risk = team.tickets_at_risk.get("1h");
        at_risk.copied().unwrap_or(0).to_string()
    }),
    ("overdue", |team, _| team.tickets_overdue.to_string()),
    ("first response p50", |_, window| {
        median(window, "first_response")
    }),
    ("resolution p50", |_, window| {
        median(window, "full_resolution")
    }),
    ("first contact", |_, window| {
        percent(window.first_contact_share)
    }),
    ("reopened", |_, window| percent(window.reopened_per_solved)),
    ("SLA met", |_, window| percent(window.sla_met_share)),
    ("CSAT", |_, window| percent(window.csat_good_share)),
];

/// Returns a row for each team over the longest window, with durations in calendar time. `None`: there is
/// no window or no event yet.
pub fn recent(report: &Report) -> Option<Overview> {
    let clock = report.clock?;
    let label = report
        .windows
        .iter()
        .max_by_key(|label| duration::parse(label))?;
    let row = |team: &TeamReport| {
        let window = team.windows.get(label)?;
        Some(OverviewRow {
            labels: vec![team.team.clone()],
            cells: RECENT_COLUMNS
                .iter()
                .map(|(_, cell)| cell(team, window))
                .collect(),
        })
    };
    Some(Overview {
        caption: format!("The last {label}, gauges as of {}.", clock.rfc3339()),
        labels: vec!["team".to_owned()],
        columns: RECENT_COLUMNS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        rows: report.teams.iter().filter_map(row).collect(),
    })
}

fn median(window: &WindowReport, kpi: &str) -> String {
    let duration = window.duration(kpi, Clock::Calendar.name());
    length(duration.map(|duration| duration.p50_seconds))
}

/// Aligns a table for a terminal.
pub fn table(overview: &Overview) -> String {
    let mut rows = vec![[&*overview.labels, &*overview.columns].concat()];
    rows.extend(
        overview
            .rows
            .iter()
            .map(|one| [&*one.labels, &*one.cells].concat()),
    );
    aligned(&rows, overview.labels.len())
}

/// Aligns the columns of rows, the first ones on the left and the others on the right.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            if column < left {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Seconds as a brief duration.
fn length(seconds: Option<f64>) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "shown only; years fit")]
    seconds.map_or_else(
        || "-".to_owned(),
        |seconds| duration::brief((seconds * 1_000.0) as i64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_for_people() {
        assert_eq!(percent(Some(0.1234)), "12.3 %");
        assert_eq!(percent(None), "-");
        assert_eq!(length(Some(3_725.0)), "1h2m");
        assert_eq!(length(None), "-");
    }

    #[test]
    fn columns_are_aligned() {
        let overview = Overview {
            caption: String::new(),
            labels: vec!["team".into()],
            columns: vec!["n".into()],
            rows: vec![OverviewRow {
                labels: vec!["long name".into()],
                cells: vec!["1234".into()],
            }],
        };
        assert_eq!(table(&overview), "team          n\nlong name  1234\n");
    }
}
