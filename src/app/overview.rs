//! The small KPI table of the landing page and of the demo.

use crate::domain::duration;
use crate::domain::timestamp::MINUTE;
use crate::edge::http::{Overview, OverviewRow};
use crate::engine::{Snapshot, TeamSummary};

/// Columns after the team, and how to fill them.
const COLUMNS: [(&str, fn(&TeamSummary) -> String); 11] = [
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
    ("first contact", |team| percent(team.first_contact_share)),
    ("reopened", |team| percent(team.reopen_share)),
    ("SLA met", |team| percent(team.sla_met_share)),
    ("CSAT", |team| percent(team.csat_share)),
];

/// A row for each team, over the whole history read; durations on the business clock or not.
pub fn overview(snapshot: &Snapshot, business: bool) -> Overview {
    Overview {
        caption: format!(
            "Since the first event; gauges as of {}; durations in {} time.",
            snapshot.clock().rfc3339(),
            if business { "business" } else { "calendar" },
        ),
        columns: COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows: snapshot
            .summaries(business)
            .iter()
            .map(|team| OverviewRow {
                team: team.team.clone(),
                cells: COLUMNS.iter().map(|(_, cell)| cell(team)).collect(),
            })
            .collect(),
    }
}

/// The same as aligned text for a terminal.
pub fn table(overview: &Overview) -> String {
    let mut rows = vec![(String::from("team"), overview.columns.clone())];
    rows.extend(
        overview
            .rows
            .iter()
            .map(|row| (row.team.clone(), row.cells.clone())),
    );
    let widest = rows
        .iter()
        .map(|(team, _)| team.chars().count())
        .max()
        .unwrap_or(0);
    let widths: Vec<usize> = (0..overview.columns.len())
        .map(|column| {
            rows.iter()
                .map(|(_, cells)| cells[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (team, cells) in rows {
        text.push_str(&format!("{team:<widest$}"));
        for (cell, width) in cells.iter().zip(&widths) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text.push('\n');
    }
    text
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Seconds in the two largest units.
fn length(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else {
        return "-".to_owned();
    };
    #[allow(clippy::cast_possible_truncation, reason = "for people; years fit")]
    let milliseconds = (seconds * 1_000.0) as i64;
    let unit = match milliseconds {
        0..60_000 => 1_000,
        60_000..86_400_000 => MINUTE,
        _ => 60 * MINUTE,
    };
    duration::format(milliseconds / unit * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_for_people() {
        assert_eq!(percent(Some(0.1234)), "12.3 %");
        assert_eq!(percent(None), "-");
        for (seconds, text) in [
            (0.5, "0s"),
            (59.9, "59s"),
            (3_725.0, "1h2m"),
            (180_000.0, "2d2h"),
        ] {
            assert_eq!(length(Some(seconds)), text);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let overview = Overview {
            caption: String::new(),
            columns: vec!["n".into()],
            rows: vec![OverviewRow {
                team: "long name".into(),
                cells: vec!["1234".into()],
            }],
        };
        assert_eq!(table(&overview), "team          n\nlong name  1234\n");
    }
}
