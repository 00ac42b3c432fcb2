//! Series about the same thing agree.

use std::collections::BTreeSet;

use ticket_exporter::domain::event::EventType;
use ticket_exporter::domain::timestamp::{DAY, Milliseconds};
use ticket_exporter::engine::{Snapshot, Window};

use super::collected::{Collected, Histogram, Value};
use super::input::{Input, InputRecord};
use super::{ensure, holds};
use crate::stories::dice::Dice;

/// Longer than every story.
const LONG: Milliseconds = 6_000 * DAY;
const DURATIONS: [(&str, &str); 5] = [
    ("first_response", "ticket_first_response_seconds"),
    ("next_response", "ticket_next_response_seconds"),
    ("first_resolution", "ticket_first_resolution_seconds"),
    ("full_resolution", "ticket_full_resolution_seconds"),
    ("team_ownership", "ticket_team_ownership_seconds"),
];
const HANDLE: (&str, &str) = ("handle", "ticket_handle_seconds");

#[test]
fn series_agree_with_each_other_at_any_time() {
    holds("sums", |seed, input| {
        let input = with_a_long_window(input);
        let mut dice = Dice::new(seed);
        let mut result = Ok(());
        let mut look = |snapshot: &Snapshot| {
            let series = Collected::of(snapshot);
            result = result.clone().and_then(|()| {
                histograms(&series)?;
                clocks(&series)?;
                goals(&series)?;
                tickets(&series, snapshot)?;
                windows(&series)
            });
        };
        let mut engine = input.replay_with(|engine, _, _| {
            if dice.chance(10) {
                look(&engine.snapshot());
            }
        });
        let snapshot = engine.snapshot();
        look(&snapshot);
        result?;
        let states = snapshot.states();
        let all = states.open + states.solved + states.finalized + states.withdrawn;
        ensure(all == engine.tickets(), || {
            format!("{states:?} of {} tickets", engine.tickets())
        })?;
        totals(&Collected::of(&snapshot))?;
        created(&input, &Collected::of(&snapshot))
    });
}

/// The input with a window that is longer than the story.
fn with_a_long_window(input: &Input) -> Input {
    input.under(|rules| {
        rules.windows.push(Window {
            label: "all".to_owned(),
            length: LONG,
        });
    })
}

fn histograms(series: &Collected) -> Result<(), String> {
    for (_, family) in DURATIONS.iter().chain([&HANDLE]) {
        for (labels, value) in series.series(family) {
            let Value::Histogram(histogram) = value else {
                return Err(format!("{family} is no histogram"));
            };
            let classic: u64 = histogram.counts.iter().sum();
            let native = histogram.zero + histogram.native.values().sum::<u64>();
            ensure(
                classic == histogram.count && native == histogram.count,
                || format!("{family}{labels:?}: {histogram:?}"),
            )?;
        }
    }
    Ok(())
}

/// Both time bases have the same observations, and opening hours are a part of the time.
fn clocks(series: &Collected) -> Result<(), String> {
    for (_, family) in DURATIONS {
        for (labels, histogram) in series.histograms(family, &["team", "priority", "clock"]) {
            if labels[2] != "business" {
                continue;
            }
            let calendar = vec![labels[0].clone(), labels[1].clone(), "calendar".to_owned()];
            let all = series.histograms(family, &["team", "priority", "clock"]);
            let elapsed = all.get(&calendar).cloned().unwrap_or_default();
            ensure(
                elapsed.count == histogram.count && elapsed.sum >= histogram.sum,
                || format!("{family}{labels:?}: {histogram:?} of {elapsed:?}"),
            )?;
        }
    }
    Ok(())
}

fn goals(series: &Collected) -> Result<(), String> {
    let by = ["team", "priority", "target", "policy"];
    let goals = series.sums("ticket_sla_goals_total", &by);
    for (labels, breaches) in series.sums("ticket_sla_breaches_total", &by) {
        let of = goals.get(&labels).copied().unwrap_or(0.0);
        ensure(breaches <= of, || {
            format!("{labels:?}: {breaches} of {of} goals breached")
        })?;
    }
    let by = ["team", "priority", "target"];
    let running = series.sums("ticket_sla_running", &by);
    let mut at_risk: Vec<_> = ["15m", "1h", "4h"]
        .iter()
        .map(|within| at_risk_within(series, within))
        .collect();
    at_risk.push(running);
    for pair in at_risk.windows(2) {
        for (labels, count) in &pair[0] {
            ensure(*count <= pair[1][labels], || {
                format!("{labels:?}: more at risk than {}", pair[1][labels])
            })?;
        }
    }
    // A ticket has at most one goal of a target in each group of policies.
    let by = ["team", "priority", "target", "group"];
    let backlog = series.sums("ticket_backlog", &["team", "priority"]);
    for family in [
        "ticket_sla_running",
        "ticket_sla_paused",
        "ticket_sla_overdue",
    ] {
        for (labels, count) in series.sums(family, &by) {
            ensure(count <= backlog[&labels[..2]], || {
                format!("{family}{labels:?} is {count}")
            })?;
        }
    }
    Ok(())
}

fn at_risk_within(
    series: &Collected,
    within: &str,
) -> std::collections::BTreeMap<Vec<String>, f64> {
    series
        .sums(
            "ticket_sla_at_risk",
            &["team", "priority", "target", "within"],
        )
        .into_iter()
        .filter(|(labels, _)| labels[3] == within)
        .map(|(labels, count)| (labels[..3].to_vec(), count))
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn tickets(series: &Collected, snapshot: &Snapshot) -> Result<(), String> {
    let backlog = series.sum("ticket_backlog");
    let open = snapshot.states().open;
    ensure(backlog == open as f64, || {
        format!("a backlog of {backlog} and {open} open tickets")
    })?;
    let by = ["team", "priority"];
    let of = series.sums("ticket_backlog", &by);
    for family in ["ticket_awaiting_first_response", "ticket_unassigned"] {
        for (labels, count) in series.sums(family, &by) {
            ensure(count <= of[&labels], || {
                format!("{family}{labels:?} is {count}")
            })?;
        }
    }
    let older = series.sums("ticket_backlog_older_than", &["team", "age"]);
    let of = series.sums("ticket_backlog", &["team"]);
    for (labels, count) in &older {
        ensure(*count <= of[&labels[..1]], || {
            format!("{labels:?}: {count} tickets are older")
        })?;
    }
    for pair in ["4h", "1d", "3d", "7d", "30d"].windows(2) {
        let at = |age: &str| -> f64 {
            older
                .iter()
                .filter(|(labels, _)| labels[1] == age)
                .map(|(_, count)| count)
                .sum()
        };
        ensure(at(pair[0]) >= at(pair[1]), || {
            format!("more are older than {} than {}", pair[1], pair[0])
        })?;
    }
    let (solved, reopened) = (
        series.sum("ticket_solved_total"),
        series.sum("ticket_reopened_total"),
    );
    ensure(reopened <= solved, || {
        format!("{reopened} of {solved} reopened")
    })?;
    let finalized = series.sum("ticket_finalized_total");
    ensure(finalized <= solved, || {
        format!("{finalized} of {solved} finalized")
    })
}

/// A window has no more than the totals, whatever its length.
fn windows(series: &Collected) -> Result<(), String> {
    let totals = totals_by_event(series);
    for (labels, count) in series.sums("ticket_window_events", &["event", "window"]) {
        let total = totals
            .iter()
            .find(|(event, _)| *event == labels[0])
            .map(|(_, total)| *total);
        ensure(Some(count) <= total, || {
            format!("{labels:?}: {count} of {total:?}")
        })?;
    }
    Ok(())
}

fn totals_by_event(series: &Collected) -> Vec<(&'static str, f64)> {
    let labeled = |family: &str, label: &str, wanted: &str| {
        series
            .sums(family, &[label])
            .get(&vec![wanted.to_owned()])
            .copied()
            .unwrap_or(0.0)
    };
    vec![
        ("created", series.sum("ticket_created_total")),
        ("replied", series.sum("ticket_replies_total")),
        ("solved", series.sum("ticket_solved_total")),
        ("reopened", series.sum("ticket_reopened_total")),
        ("finalized", series.sum("ticket_finalized_total")),
        (
            "first_contact",
            labeled("ticket_finalized_total", "first_contact", "true"),
        ),
        ("sla_goal", series.sum("ticket_sla_goals_total")),
        ("sla_breach", series.sum("ticket_sla_breaches_total")),
        (
            "csat_good",
            labeled("ticket_csat_ratings_total", "rating", "good"),
        ),
        (
            "csat_bad",
            labeled("ticket_csat_ratings_total", "rating", "bad"),
        ),
    ]
}

/// At the end of a story, a window longer than the story has exactly the totals.
fn totals(series: &Collected) -> Result<(), String> {
    let held = series.sums("ticket_window_events", &["event", "window"]);
    for (event, total) in totals_by_event(series) {
        let key = vec![event.to_owned(), "all".to_owned()];
        let count = held.get(&key).copied().unwrap_or(0.0);
        ensure(count == total, || {
            format!("{event}: {count} in a window that holds all {total}")
        })?;
    }
    for (kpi, family) in DURATIONS.iter().chain([&HANDLE]) {
        let clock = if (*kpi, *family) == HANDLE {
            "source"
        } else {
            "clock"
        };
        for (labels, histogram) in series.histograms(family, &["team", clock]) {
            let mean = series
                .series("ticket_window_seconds_mean")
                .find(|(key, _)| {
                    key[0].1 == labels[0]
                        && key[1].1 == *kpi
                        && key[2].1 == clock_of(&labels[1])
                        && key[3].1 == "all"
                })
                .map(|(_, value)| value.number());
            let expected = mean_of(&histogram);
            let close =
                mean.is_some_and(|mean| (mean - expected).abs() <= 1e-9 * expected.max(1.0));
            ensure(close, || {
                format!("{family}{labels:?}: a mean of {mean:?}, not {expected}")
            })?;
        }
    }
    Ok(())
}

/// The label `clock` of a window, from the second label of the histogram.
fn clock_of(label: &str) -> &str {
    match label {
        "reported" => "calendar",
        "derived" => "business",
        clock => clock,
    }
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn mean_of(histogram: &Histogram) -> f64 {
    histogram.sum / histogram.count as f64
}

/// Every ticket that starts with a `created` event is counted, and no event is counted twice.
#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn created(input: &Input, series: &Collected) -> Result<(), String> {
    let is_created = |record: &&InputRecord| record.event().kind == EventType::Created;
    let most = input.records.iter().filter(is_created).count();
    let mut seen = BTreeSet::new();
    let least = input
        .records
        .iter()
        .filter(|record| seen.insert(record.ticket.as_str()))
        .filter(is_created)
        .count();
    let counted = series.sum("ticket_created_total");
    ensure((least as f64..=most as f64).contains(&counted), || {
        format!("{counted} created, not {least} to {most}")
    })
}
