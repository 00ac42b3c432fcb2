//! `suggest-targets`: suggests SLA targets that past tickets would have met.

use std::process::ExitCode;

use super::arguments::{CommandLineSettings, SuggestFormat, SuggestTargetsArguments};
use super::dimensions::dimensions;
use super::failure::{CommandFailure, CommandResult};
use super::history;
use super::terminal;
use crate::app::overview::aligned;
use crate::app::recovery;
use crate::app::targets::{
    SHARES, Suggestion, SuggestionRow, TargetLevel, TargetRequest, from_snapshot, snippet, suggest,
    suggest_from,
};
use crate::config::Config;
use crate::domain::duration;
use crate::domain::policy::Clock;
use crate::edge::wall_clock;
use crate::engine::TableDimensions;

/// A part of the consumer group's name.
const PURPOSE: &str = "suggest-targets";
/// A cell without a value.
const NOTHING: &str = "-";

pub fn run(settings: &CommandLineSettings, arguments: &SuggestTargetsArguments) -> CommandResult {
    let config = settings.load()?;
    let request = request(&config, arguments)?;
    let suggestion = if arguments.store {
        of_store(&config, &request)?
    } else {
        of_events(&config, arguments, request.clone())?
    };
    match arguments.format {
        SuggestFormat::Table => terminal::print(&table(&request.by, &suggestion.rows))?,
        SuggestFormat::Yaml => {
            let snippet = snippet(&suggestion.policies, arguments.objective);
            terminal::print(&format!("{}{snippet}", heading(&suggestion, arguments)))?;
        }
        SuggestFormat::Json => {
            let document = serde_json::json!({
                "clock": arguments.clock.clock().name(),
                "objective": arguments.objective,
                "minimum_goals": arguments.minimum_goals,
                "counted": suggestion.tally.is_some(),
                "targets": suggestion.rows,
            });
            terminal::print(&format!("{document:#}\n"))?;
        }
    }
    report_limits(&suggestion, arguments);
    Ok(ExitCode::SUCCESS)
}

fn of_store(config: &Config, request: &TargetRequest) -> CommandResult<Suggestion> {
    let mut restored = recovery::read(config).map_err(CommandFailure::other)?;
    let snapshot = restored.engine.snapshot();
    Ok(suggest_from(
        &from_snapshot(&snapshot, request.clock, &request.by),
        request,
    ))
}

fn of_events(
    config: &Config,
    arguments: &SuggestTargetsArguments,
    request: TargetRequest,
) -> CommandResult<Suggestion> {
    let now = wall_clock::now();
    let is_live = arguments.files.is_empty();
    let history = history::open(config, &arguments.files, PURPOSE, now)?;
    if history.is_standard_input() {
        return Err(CommandFailure::usage(
            "cannot read standard input several times; give a file",
        ));
    }
    let request = TargetRequest {
        until: is_live.then(|| now.minus(config.stream.grace)),
        ..request
    };
    terminal::progress("counting");
    let suggestion = suggest(&config.rules, &history, &request);
    terminal::progress_done();
    let suggestion = suggestion.map_err(history::failure)?;
    if let Some(tally) = &suggestion.tally {
        history::report(tally, &history);
        if tally.is_useless() {
            return Err(history::useless(tally));
        }
    }
    Ok(suggestion)
}

fn request(config: &Config, arguments: &SuggestTargetsArguments) -> CommandResult<TargetRequest> {
    Ok(TargetRequest {
        by: of_names(config, arguments)?,
        clock: arguments.clock.clock(),
        objective: arguments.objective,
        minimum: arguments.minimum_goals,
        until: None,
    })
}

/// A store has only the labels that the exporter had.
fn of_names(
    config: &Config,
    arguments: &SuggestTargetsArguments,
) -> CommandResult<TableDimensions> {
    let by = dimensions(&config.rules, &arguments.by)?;
    let mut attributes = config.rules.attributes.iter();
    let hidden = attributes.find(|one| !one.is_label && by.attributes.contains(&one.name));
    match hidden {
        Some(attribute) if arguments.store => Err(CommandFailure::usage(format!(
            "--by: {} is no label, so the store has no numbers by it; leave out --store",
            attribute.name
        ))),
        _ => Ok(by),
    }
}

/// A YAML comment about the origin of the policies.
fn heading(suggestion: &Suggestion, arguments: &SuggestTargetsArguments) -> String {
    let source = match &suggestion.tally {
        Some(tally) => format!("{} records", tally.records),
        None => "histograms (approximate)".to_owned(),
    };
    let share = percent(arguments.objective);
    let hours = match arguments.clock.clock() {
        Clock::Business => "; 1d is 24 opening hours",
        Clock::Calendar => "",
    };
    format!("# Targets that {share} of the goals would have met; from {source}{hours}.\n")
}

/// Reports the limits of the numbers.
fn report_limits(suggestion: &Suggestion, arguments: &SuggestTargetsArguments) {
    let few = suggestion
        .rows
        .iter()
        .filter(|row| row.suggested.is_none())
        .count();
    if few > 0 {
        terminal::notify(&format!(
            "{few} rows have no suggestion: fewer than {} goals are complete",
            arguments.minimum_goals
        ));
    }
    if suggestion.tally.is_none() {
        terminal::notify(
            "these numbers are approximate, because they come from histograms: durations are up to 9 % \
             too long and use the calendar of the last team; resolution is the first resolution, \
             including the time in pending and on_hold; running goals do not count. Numbers from events \
             are exact",
        );
    }
    if arguments.clock.clock() == Clock::Business {
        terminal::notify(
            "durations are in business hours: 1d is 24 opening hours; --clock calendar uses elapsed time",
        );
    }
    let short = suggestion.rows.iter().filter(|row| {
        let suggested = row.suggested.as_ref();
        suggested.is_some_and(|suggested| suggested.met < arguments.objective)
    });
    let short = short.count();
    if short > 0 {
        terminal::notify(&format!(
            "{short} of the suggested targets do not meet the objective; see the column met"
        ));
    }
    if arguments.format == SuggestFormat::Table && few < suggestion.rows.len() {
        terminal::notify("--format yaml prints the suggestion as configuration");
    }
}

fn table(by: &TableDimensions, rows: &[SuggestionRow]) -> String {
    let mut names = by.names();
    names.push("target");
    let left = names.len();
    names.extend(["goals", "undecided"]);
    let mut cells: Vec<Vec<String>> = vec![names.into_iter().map(str::to_owned).collect()];
    cells[0].extend(SHARES.iter().map(|share| format!("p{:.0}", share * 100.0)));
    cells[0].extend(["suggested", "met"].map(str::to_owned));
    cells.extend(rows.iter().map(|row| {
        let labels = row.tickets.all();
        let mut line: Vec<String> = labels.map(|label| terminal::printable(label)).collect();
        line.extend([
            row.target.to_owned(),
            row.goals.to_string(),
            row.undecided.to_string(),
        ]);
        let level = |share: &f64| {
            let mut levels = row.levels.iter();
            let found = levels.find(|level| level.share.to_bits() == share.to_bits());
            found.map_or_else(|| NOTHING.to_owned(), level_cell)
        };
        line.extend(SHARES.iter().map(level));
        line.extend(match &row.suggested {
            Some(suggested) => [duration::format(suggested.target), percent(suggested.met)],
            None => [NOTHING, NOTHING].map(str::to_owned),
        });
        line
    }));
    aligned(&cells, left)
}

/// The rounded target and the share of goals that would have met it.
fn level_cell(level: &TargetLevel) -> String {
    format!(
        "{} ({})",
        duration::format(level.target),
        percent(level.met)
    )
}

/// Truncates instead of rounding: 89.96 % does not meet 90 %.
fn percent(share: f64) -> String {
    // As a float, 0.29 * 1000 is slightly less than 290.
    format!("{:.1} %", (share * 1_000.0 + 1e-9).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::targets::Suggested;
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::DimensionValues;

    #[test]
    fn targets_are_in_columns() {
        let by = TableDimensions {
            team: true,
            priority: true,
            attributes: Vec::new(),
        };
        let row = |team: &str, levels: Vec<TargetLevel>, suggested| SuggestionRow {
            tickets: DimensionValues {
                team: Some(team.to_owned()),
                priority: Some("p1".to_owned()),
                ..DimensionValues::default()
            },
            target: "resolution",
            goals: 40,
            undecided: 2,
            levels,
            suggested,
        };
        let level = |share, target, met| TargetLevel {
            share,
            exact: target - 1,
            target,
            met,
        };
        let text = table(
            &by,
            &[
                row(
                    "billing",
                    vec![
                        level(0.8, 30 * MINUTE, 0.85),
                        level(0.9, 2 * HOUR, 0.899_99),
                        level(0.95, 2 * HOUR, 1.0),
                    ],
                    Some(Suggested {
                        target: 2 * HOUR,
                        goals: Some(40),
                        breaches: Some(2),
                        met: 0.95,
                    }),
                ),
                row("\u{1b}[1m", Vec::new(), None),
            ],
        );
        assert_eq!(
            text,
            "\
team       priority  target      goals  undecided           p80          p90           p95  suggested     met
billing    p1        resolution     40          2  30m (85.0 %)  2h (89.9 %)  2h (100.0 %)         2h  95.0 %
\\u{1b}[1m  p1        resolution     40          2             -            -             -          -       -
"
        );
    }
}
