//! Tiles: the numbers of all teams together, and their change against the window before.

use std::fmt::{self, Write};

use super::choice::Choice;
use super::format::{brief, percent};
use crate::edge::http::html::{Escaped, NO_DATA};
use crate::engine::{Report, WindowBeforeReport, WindowReport};

/// Which direction of a change is an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
    /// More is neither good nor bad.
    Neutral,
}

/// A number, and how its change is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    Count(u64),
    /// From 0 to 1. Its change is a difference in percentage points.
    Share(f64),
    Seconds(f64),
}

impl Measure {
    const fn value(self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            Self::Count(count) => count as f64,
            Self::Share(value) | Self::Seconds(value) => value,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Share(share) => percent(share),
            Self::Seconds(seconds) => brief(seconds),
        }
    }

    /// The change from `before`: its text, and 1, 0 or -1 for up, none or down.
    fn change(self, before: Self) -> (String, i8) {
        let (now, earlier) = (self.value(), before.value());
        let difference = now - earlier;
        let (size, unit, rounded) = match self {
            Self::Share(_) => (
                difference.abs() * 100.0,
                "pp",
                format!("{:.1}", difference.abs() * 100.0),
            ),
            _ if earlier > 0.0 => {
                let size = difference.abs() / earlier * 100.0;
                (size, "%", format!("{size:.0}"))
            }
            _ => (difference.abs(), "", String::new()),
        };
        if size == 0.0 || rounded.parse() == Ok(0.0) {
            return ("no change".to_owned(), 0);
        }
        let (arrow, direction) = if difference > 0.0 {
            ("▲", 1)
        } else {
            ("▼", -1)
        };
        if rounded.is_empty() {
            return (format!("{arrow} from none"), direction);
        }
        (format!("{arrow} {rounded} {unit}"), direction)
    }
}

struct Tile {
    label: &'static str,
    /// `None`: no data.
    now: Option<Measure>,
    /// `None`: no data, or the window before is not known as a whole.
    before: Option<Measure>,
    better: Better,
    /// How many the number is based on.
    sample: Option<u64>,
}

/// The chosen window of every team.
struct WindowTotals<'a> {
    windows: Vec<&'a WindowReport>,
    clock: &'static str,
    /// Whether the window before is known as a whole.
    knows_before: bool,
}

impl WindowTotals<'_> {
    fn before(&self) -> impl Iterator<Item = &WindowBeforeReport> {
        self.windows
            .iter()
            .filter_map(|window| window.before.as_ref())
    }

    fn count(&self, event: &str) -> u64 {
        self.windows.iter().map(|window| window.count(event)).sum()
    }

    fn count_before(&self, event: &str) -> Option<u64> {
        let counts = self
            .before()
            .map(|before| before.events.get(event).copied().unwrap_or(0));
        self.knows_before.then(|| counts.sum())
    }

    fn events(&self, label: &'static str, event: &str, better: Better) -> Tile {
        Tile {
            label,
            now: Some(Measure::Count(self.count(event))),
            before: self.count_before(event).map(Measure::Count),
            better,
            sample: None,
        }
    }

    /// The share of `part` in `whole`, which are read from counts by event.
    fn share(
        &self,
        label: &'static str,
        better: Better,
        read: impl Fn(&dyn Fn(&str) -> u64) -> (u64, u64),
    ) -> Tile {
        #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let share = |(part, whole): (u64, u64)| {
            (whole > 0).then(|| Measure::Share(part as f64 / whole as f64))
        };
        let now = read(&|event| self.count(event));
        let before = read(&|event| self.count_before(event).unwrap_or(0));
        Tile {
            label,
            now: share(now),
            before: share(before),
            better,
            sample: Some(now.1),
        }
    }

    /// Means, because the means of teams add up to the mean of all.
    fn mean(&self, label: &'static str, kpi: &str) -> Tile {
        let now = self.windows.iter().filter_map(|window| {
            let duration = window.duration(kpi, self.clock)?;
            Some((duration.count, duration.mean_seconds))
        });
        let before = self.before().filter_map(|before| {
            let mean = before.durations.get(kpi)?.get(self.clock)?.as_ref()?;
            Some((mean.count, mean.mean_seconds))
        });
        let (now, sample) = mean_of(now);
        Tile {
            label,
            now,
            before: mean_of(before).0,
            better: Better::Lower,
            sample: Some(sample),
        }
    }
}

fn mean_of(parts: impl Iterator<Item = (u64, f64)>) -> (Option<Measure>, u64) {
    #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let (count, sum) = parts.fold((0, 0.0), |(count, sum), (more, mean)| {
        (count + more, sum + mean * more as f64)
    });
    #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let mean = (count > 0).then(|| Measure::Seconds(sum / count as f64));
    (mean, count)
}

pub(super) fn write(html: &mut String, report: &Report, choice: &Choice<'_>) -> fmt::Result {
    let windows = report.teams.iter();
    let windows: Vec<&WindowReport> = windows
        .filter_map(|team| team.windows.get(choice.window?))
        .collect();
    let totals = WindowTotals {
        knows_before: !windows.is_empty() && windows.iter().all(|window| window.before.is_some()),
        windows,
        clock: choice.clock.name(),
    };
    html.push_str("<ul class=\"tiles\" aria-labelledby=\"all\">\n");
    write_backlog(html, report, choice, &totals)?;
    write_overdue(html, report)?;
    if choice.window.is_some() {
        for tile in window_tiles(&totals) {
            write_tile(html, &tile, totals.knows_before)?;
        }
    }
    html.push_str("</ul>\n");
    Ok(())
}

fn window_tiles(totals: &WindowTotals<'_>) -> [Tile; 10] {
    [
        totals.events("Created", "created", Better::Neutral),
        totals.events("Solved", "solved", Better::Higher),
        totals.share("SLA met", Better::Higher, |count| {
            let goals = count("sla_goal");
            (goals.saturating_sub(count("sla_breach")), goals)
        }),
        totals.mean("Assignment, mean", "assignment"),
        totals.mean("First response, mean", "first_response"),
        totals.mean("Resolution, mean", "full_resolution"),
        totals.mean("Requester's wait, mean", "requester_wait"),
        totals.share("First contact", Better::Higher, |count| {
            (count("first_contact"), count("finalized"))
        }),
        totals.share("Reopened per solve", Better::Lower, |count| {
            (count("reopened"), count("solved"))
        }),
        totals.share("Satisfied", Better::Higher, |count| {
            let good = count("csat_good");
            (good, good + count("csat_bad"))
        }),
    ]
}

fn write_tile(html: &mut String, tile: &Tile, knows_before: bool) -> fmt::Result {
    write_value(html, tile.label, tile.now.map(Measure::text))?;
    match (tile.now, tile.before) {
        (Some(now), Some(before)) => {
            let (text, direction) = now.change(before);
            write_change(html, &text, verdict(tile.better, direction))?;
        }
        _ => html.push_str("<span class=\"change\"></span>"),
    }
    let mut notes = Vec::new();
    match tile.before {
        Some(before) => notes.push(format!("before: {}", before.text())),
        None if knows_before => notes.push("before: no data".to_owned()),
        None => notes.push("before: not known yet".to_owned()),
    }
    notes.extend(tile.sample.map(|sample| format!("n\u{a0}{sample}")));
    write_note(html, &notes.join(" · "))
}

/// Whether a change is better (`Some(true)`) or worse.
fn verdict(better: Better, direction: i8) -> Option<bool> {
    match (better, direction) {
        (Better::Neutral, _) | (_, 0) => None,
        (Better::Higher, direction) => Some(direction > 0),
        (Better::Lower, direction) => Some(direction < 0),
    }
}

/// The windows know the flow of tickets, but not how large the backlog was.
fn write_backlog(
    html: &mut String,
    report: &Report,
    choice: &Choice<'_>,
    totals: &WindowTotals<'_>,
) -> fmt::Result {
    let backlog: u64 = report.teams.iter().map(|team| team.backlog).sum();
    write_value(html, "Backlog", Some(backlog.to_string()))?;
    let Some(window) = choice.window else {
        return write_note(html, "");
    };
    let inflow = totals.count("created") + totals.count("reopened");
    let solved = totals.count("solved");
    let size = inflow.abs_diff(solved);
    let (text, verdict) = match inflow.cmp(&solved) {
        std::cmp::Ordering::Greater => (format!("▲ {size} net"), Some(false)),
        std::cmp::Ordering::Less => (format!("▼ {size} net"), Some(true)),
        std::cmp::Ordering::Equal => ("no change".to_owned(), None),
    };
    write_change(html, &text, verdict)?;
    write_note(html, &format!("in {window}: {inflow} in, {solved} out"))
}

fn write_overdue(html: &mut String, report: &Report) -> fmt::Result {
    let overdue: u64 = report.teams.iter().map(|team| team.tickets_overdue).sum();
    write_value(html, "Overdue", Some(overdue.to_string()))?;
    let at_risk = |within: &str| -> u64 {
        let teams = report.teams.iter();
        teams
            .filter_map(|team| team.tickets_at_risk.get(within))
            .sum()
    };
    let (hour, hours) = (at_risk("1h"), at_risk("4h"));
    html.push_str("<span class=\"change\"></span>");
    write_note(html, &format!("at risk in 1h: {hour}, in 4h: {hours}"))
}

fn write_value(html: &mut String, label: &str, value: Option<String>) -> fmt::Result {
    write!(
        html,
        "<li data-key=\"{label}\"><span class=\"dim\">{label}</span> <strong>"
    )?;
    match value {
        Some(value) => write!(html, "{}", Escaped(&value))?,
        None => html.push_str(NO_DATA),
    }
    html.push_str("</strong> ");
    Ok(())
}

fn write_change(html: &mut String, text: &str, is_better: Option<bool>) -> fmt::Result {
    let (class, word) = match is_better {
        Some(true) => (" good", ", better"),
        Some(false) => (" bad", ", worse"),
        None => ("", ""),
    };
    write!(html, "<span class=\"change{class}\">{text}{word}</span> ")
}

fn write_note(html: &mut String, note: &str) -> fmt::Result {
    writeln!(
        html,
        "<span class=\"dim note\">{}</span></li>",
        Escaped(note)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_relative_or_in_points() {
        for (now, before, text, direction) in [
            (Measure::Count(120), Measure::Count(100), "▲ 20 %", 1),
            (Measure::Count(0), Measure::Count(5), "▼ 100 %", -1),
            (Measure::Count(5), Measure::Count(0), "▲ from none", 1),
            (Measure::Count(0), Measure::Count(0), "no change", 0),
            (Measure::Count(1_001), Measure::Count(1_000), "no change", 0),
            (Measure::Share(0.939), Measure::Share(0.951), "▼ 1.2 pp", -1),
            (Measure::Share(0.5), Measure::Share(0.0), "▲ 50.0 pp", 1),
            (Measure::Share(0.5), Measure::Share(0.5001), "no change", 0),
            (Measure::Seconds(90.0), Measure::Seconds(60.0), "▲ 50 %", 1),
        ] {
            assert_eq!(now.change(before), (text.to_owned(), direction), "{now:?}");
        }
    }

    #[test]
    fn more_is_better_worse_or_neither() {
        assert_eq!(verdict(Better::Higher, 1), Some(true));
        assert_eq!(verdict(Better::Higher, -1), Some(false));
        assert_eq!(verdict(Better::Lower, -1), Some(true));
        assert_eq!(verdict(Better::Lower, 0), None);
        assert_eq!(verdict(Better::Neutral, 1), None);
    }

    #[test]
    fn the_mean_of_all_is_weighted() {
        let (mean, count) = mean_of([(1, 10.0), (3, 30.0)].into_iter());
        assert_eq!((mean, count), (Some(Measure::Seconds(25.0)), 4));
        assert_eq!(mean_of(std::iter::empty()), (None, 0));
    }
}
