//! What must be true of a drawing.

use serde_json::Value;

use super::page::{Drawing, Panel};
use crate::boards::{Board, text};

/// Panels that may be empty, or as they were, and why.
const OF_CHANCE: [(&str, &str); 3] = [
    (
        "Records that are not counted, an hour",
        "the demo has no such records",
    ),
    (
        "Breach detection, p99",
        "no deadline passes while the test looks",
    ),
    ("At risk within", "at night there may be none, of any team"),
];
/// Cells that may be empty: a team that solves few tickets has no days of work, and no handle time.
const MAY_HAVE_GAPS: [&str; 2] = ["Teams by days of work", "Error budgets, the emptiest first"];
/// Of a selection little may have happened in a day.
const FEW_OF_A_SELECTION: [&str; 2] = ["Satisfied", "Next deadlines"];
const NO_DATA: &str = "No data";
const HOURS: u32 = 24;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// How far the channels of a color may be apart that is no color.
const GRAY: i32 = 24;
/// Traces of something that was not made into words or a number.
const UNFINISHED: [&str; 6] = ["NaN", "undefined", "Infinity", "${", "Value #", "[object"];

/// How much of a drawing there has to be.
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

/// With data: every panel has it, and every column is in its place and can be read.
pub(super) fn full(board: &Board, drawing: &Drawing, expected: Expected) -> Vec<String> {
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
            complaints.extend(table(&source(board, title), panel));
        }
    }
    complaints
}

/// The panel in the dashboard's file. Titles may have variables in them; those of tables have none.
fn source(board: &Board, title: &str) -> Value {
    let panels = board.panels().iter();
    let mut found = panels.filter(|panel| panel["title"] == title);
    found.next().cloned().unwrap_or_default()
}

/// Nothing is rounded, unfinished, or an error.
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

/// "3 K", or the letter beside a number.
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

/// The heads that the file asks for, in its order.
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

/// Another choice of a variable that the dashboard has changes every panel.
pub(super) fn obeys(
    board: &Board,
    variable: &str,
    before: &Drawing,
    after: &Drawing,
) -> Vec<String> {
    if !board.names_of_variables().contains(variable) {
        return Vec::new();
    }
    let pairs = charts(before).zip(charts(after));
    pairs
        .filter(|(before, _)| !is_of_chance(before))
        .filter(|(before, after)| shown(before) == shown(after))
        .map(|(before, _)| format!("{}: ignores {variable}", before.title))
        .collect()
}

fn shown(panel: &Panel) -> Vec<&str> {
    panel.texts.iter().map(|one| one.text.as_str()).collect()
}

/// What is exact from the first minute on is the same in a Prometheus without a past.
pub(super) fn as_with_a_past(fresh: &Drawing, past: &Drawing) -> Vec<String> {
    const EXACT: [&str; 2] = ["Days of work in the backlog", "Created and solved, 7 days"];
    let pairs = charts(fresh).zip(charts(past));
    pairs
        .filter(|(fresh, _)| EXACT.contains(&fresh.title.as_str()))
        .filter(|(fresh, past)| !is_near(&shown(fresh), &shown(past)))
        .map(|(fresh, past)| format!("{}: {:?}, not {:?}", fresh.title, shown(fresh), shown(past)))
        .collect()
}

/// As near as events between two looks leave numbers.
fn is_near(one: &[&str], other: &[&str]) -> bool {
    let near = |(one, other): (&&str, &&str)| match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= (0.1 * other.abs()).max(0.2),
        _ => one == other,
    };
    one.len() == other.len() && one.iter().zip(other).all(near)
}

/// Without data: every panel says so, and in no color that means something.
pub(super) fn without_data(board: &Board, drawing: &Drawing) -> Vec<String> {
    let mut complaints = legible(drawing);
    for panel in charts(drawing) {
        let title = &panel.title;
        let own = source(board, title)["fieldConfig"]["defaults"]["noValue"].clone();
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
fn rounded_counts_and_colors_are_told_apart() {
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
