//! Checks of a rendered dashboard.

use serde_json::Value;

use super::page::{Drawing, Panel};
use crate::dashboards::{Dashboard, text};

/// Panels that may be empty or unchanged, and why.
const OF_CHANCE: [(&str, &str); 3] = [
    ("Topics with a problem", "the helpdesk has no such topics"),
    (
        "Records that are not counted, an hour",
        "the helpdesk has no such records",
    ),
    (
        "Breach detection, p99",
        "no deadline passes while the test looks",
    ),
];
/// Cells that may be empty: a team that solves few tickets has no days of work, and no handle time. A deadline
/// of the last backfilled sample may have no running goal now.
const MAY_HAVE_GAPS: [&str; 3] = [
    "Teams by days of work",
    "Error budgets, the emptiest first",
    "Next deadlines",
];
/// A selection may have few events in a day.
const FEW_OF_A_SELECTION: [&str; 2] = ["Satisfied", "Next deadlines"];
const NO_DATA: &str = "No data";
const HOURS: u32 = 24;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// How far the channels of a neutral color may be apart.
const GRAY: i32 = 24;
/// Signs of a value that was not formatted.
const UNFINISHED: [&str; 6] = ["NaN", "undefined", "Infinity", "${", "Value #", "[object"];

/// How much of a dashboard must have data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Everything,
    ASelection,
}

fn is_of_chance(panel: &Panel) -> bool {
    OF_CHANCE.iter().any(|(title, _)| *title == panel.title)
}

fn charts(drawing: &Drawing) -> impl Iterator<Item = &Panel> {
    drawing.panels.iter().filter(|panel| panel.kind != "row")
}

/// With data: every panel shows it, and every column is in its place and legible.
pub(super) fn full(dashboard: &Dashboard, drawing: &Drawing, expected: Expected) -> Vec<String> {
    let mut complaints = legible(drawing);
    for panel in charts(drawing) {
        let title = &panel.title;
        let may_be_empty = is_of_chance(panel)
            || (expected == Expected::ASelection && FEW_OF_A_SELECTION.contains(&title.as_str()));
        let empty = panel.texts.iter().filter(|one| one.text == NO_DATA).count();
        let gaps = MAY_HAVE_GAPS.contains(&title.as_str()) && !panel.rows.is_empty();
        if empty > 0 && !may_be_empty && !gaps {
            complaints.push(format!("{title}: {NO_DATA}"));
        }
        if panel.kind == "timeseries" && panel.legend.is_empty() && !may_be_empty {
            complaints.push(format!("{title}: no legend"));
        }
        if panel.kind == "table" && !(may_be_empty && panel.columns.is_empty()) {
            complaints.extend(table(&source(dashboard, title), panel));
        }
    }
    complaints
}

/// The panel in the dashboard's file. Titles may have variables in them; those of tables have none.
fn source(dashboard: &Dashboard, title: &str) -> Value {
    let panels = dashboard.panels().iter();
    let mut found = panels.filter(|panel| panel["title"] == title);
    found.next().cloned().unwrap_or_default()
}

/// Asserts that no text is rounded, unformatted, or an error.
pub(super) fn legible(drawing: &Drawing) -> Vec<String> {
    let mut complaints = Vec::new();
    for panel in charts(drawing) {
        let title = &panel.title;
        if let Some(error) = &panel.error {
            complaints.push(format!("{title}: {error}"));
        }
        if panel.texts.is_empty() {
            complaints.push(format!("{title}: nothing at all"));
        }
        let every = panel.texts.iter().map(|one| one.text.as_str());
        for words in every.chain(panel.legend.iter().map(String::as_str)) {
            if is_rounded(words) {
                complaints.push(format!("{title}: a rounded count: {words}"));
            }
            if UNFINISHED.iter().any(|trace| words.contains(trace)) {
                complaints.push(format!("{title}: {words}"));
            }
        }
    }
    complaints
}

/// Whether a text is "3 K", or just the letter beside a number.
fn is_rounded(words: &str) -> bool {
    let before = words
        .strip_suffix('K')
        .or_else(|| words.strip_suffix("Mil"));
    before.is_some_and(|before| {
        before.trim().is_empty()
            || before
                .trim_end()
                .ends_with(|last: char| last.is_ascii_digit())
    })
}

fn table(source: &Value, panel: &Panel) -> Vec<String> {
    let title = &panel.title;
    let mut complaints = Vec::new();
    for column in &panel.columns {
        if !column.visible {
            complaints.push(format!("{title}: {} is out of sight", column.name));
        }
        if !column.legible {
            complaints.push(format!("{title}: {} is cut short", column.name));
        }
    }
    let names: Vec<&str> = panel.columns.iter().map(|one| one.name.as_str()).collect();
    let expected = columns(source);
    if names != expected {
        complaints.push(format!("{title}: order {names:?} and not {expected:?}"));
    }
    if is_calendar(source) {
        let days: Vec<&str> = panel.rows.iter().map(|row| row[0].as_str()).collect();
        if days != WEEKDAYS {
            complaints.push(format!("{title}: order {days:?}"));
        }
    }
    complaints
}

fn is_calendar(source: &Value) -> bool {
    source["transformations"]
        .to_string()
        .contains("groupingToMatrix")
}

/// The columns of the file in order.
fn columns(source: &Value) -> Vec<String> {
    if is_calendar(source) {
        let hours = (0..HOURS).map(|hour| format!("{hour:02}"));
        return std::iter::once("Day".to_owned()).chain(hours).collect();
    }
    let transformations = source["transformations"].as_array().into_iter().flatten();
    let options = transformations
        .filter(|one| one["id"] == "organize")
        .map(|one| &one["options"])
        .next();
    let Some(options) = options else {
        return Vec::new();
    };
    let order = options["indexByName"].as_object().unwrap();
    let mut order: Vec<(u64, &String)> = order
        .iter()
        .map(|(name, place)| (place.as_u64().unwrap(), name))
        .collect();
    order.sort_unstable();
    let renamed = |name: &String| text(&options["renameByName"], name).to_owned();
    order.into_iter().map(|(_, name)| renamed(name)).collect()
}

/// Another value of one of the dashboard's variables changes every panel.
pub(super) fn obeys(
    dashboard: &Dashboard,
    variable: &str,
    before: &Drawing,
    after: &Drawing,
) -> Vec<String> {
    if !dashboard.names_of_variables().contains(variable) {
        return Vec::new();
    }
    let pairs = charts(before).zip(charts(after));
    let same: Vec<&Panel> = pairs
        .filter(|(before, _)| !is_of_chance(before))
        .filter(|(before, after)| shown(before) == shown(after))
        .map(|(before, _)| before)
        .collect();
    if let [panel] = same[..]
        && panel.kind == "stat"
    {
        // Two rounded numbers may be the same by chance. `dashboards::shape` looks at every query.
        return Vec::new();
    }
    let complaint = |panel: &&Panel| format!("{}: ignores {variable}", panel.title);
    same.iter().map(complaint).collect()
}

fn shown(panel: &Panel) -> Vec<&str> {
    panel.texts.iter().map(|one| one.text.as_str()).collect()
}

/// Panels that are exact from the first minute on equal those of a Prometheus without a past.
pub(super) fn as_with_a_past(fresh: &Drawing, past: &Drawing) -> Vec<String> {
    const EXACT: [&str; 2] = ["Days of work in the backlog", "Created and solved, 7 days"];
    let pairs = charts(fresh).zip(charts(past));
    pairs
        .filter(|(fresh, _)| EXACT.contains(&fresh.title.as_str()))
        .filter(|(fresh, past)| !is_near(&shown(fresh), &shown(past)))
        .map(|(fresh, past)| format!("{}: {:?}, not {:?}", fresh.title, shown(fresh), shown(past)))
        .collect()
}

/// Events between two renderings change numbers by this much at most.
fn is_near(one: &[&str], other: &[&str]) -> bool {
    let near = |(one, other): (&&str, &&str)| match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= (0.1 * other.abs()).max(0.2),
        _ => one == other,
    };
    one.len() == other.len() && one.iter().zip(other).all(near)
}

/// Without data, every panel says so in a neutral color.
pub(super) fn without_data(dashboard: &Dashboard, drawing: &Drawing) -> Vec<String> {
    let mut complaints = legible(drawing);
    for panel in charts(drawing) {
        let title = &panel.title;
        let own = source(dashboard, title)["fieldConfig"]["defaults"]["noValue"].clone();
        let own = own.as_str().unwrap_or(NO_DATA);
        for one in &panel.texts {
            if one.text != own {
                complaints.push(format!("{title}: {:?} without data", one.text));
            } else if !is_gray(&one.color) {
                complaints.push(format!("{title}: {own} in the color {}", one.color));
            }
        }
    }
    complaints
}

fn is_gray(color: &str) -> bool {
    let numbers = color.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let channels = numbers.trim_end_matches(')').split(',').take(3);
    let channels: Vec<i32> = channels.filter_map(|one| one.trim().parse().ok()).collect();
    let (most, least) = (channels.iter().max(), channels.iter().min());
    most.zip(least)
        .is_some_and(|(most, least)| most - least <= GRAY)
}

#[test]
fn rounded_counts_and_colors_are_recognized() {
    for rounded in ["3 K", "2.78 K", "K", " K", "1.2 Mil"] {
        assert!(is_rounded(rounded), "{rounded}");
    }
    for exact in ["2782", "OK", "3 k", "p1", "Mil"]
        .into_iter()
        .filter(|one| *one != "Mil")
    {
        assert!(!is_rounded(exact), "{exact}");
    }
    assert!(is_gray("rgb(204, 204, 220)") && is_gray("rgb(36, 41, 46)"));
    assert!(!is_gray("rgb(115, 191, 105)") && !is_gray("rgb(242, 73, 92)"));
}
