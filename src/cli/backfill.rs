//! `backfill`: writes the series of the past for Prometheus.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arguments::{BackfillArguments, CommandLineSettings};
use super::failure::{CommandFailure, CommandResult};
use super::history;
use super::terminal;
use crate::app::backfill::{
    BLOCK, BackfillError, BackfillOutput, BackfillOutputError, BackfillPlan, BackfillProgress,
    DEFAULT_STEP, Objectives, Summary, backfill,
};
use crate::domain::catalog::{FAMILIES, Family, MetricOrigin};
use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};
use crate::edge::files::STANDARD_INPUT;
use crate::edge::{promtool, wall_clock};
use crate::engine::Rules;

/// A part of the consumer group's name.
const PURPOSE: &str = "backfill";
/// An output with this extension is one file; any other output is a directory.
const FILE_EXTENSION: &str = "om";
/// Time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Prometheus deletes older samples by default.
const DEFAULT_RETENTION: Milliseconds = 15 * DAY;

pub fn run(settings: &CommandLineSettings, arguments: &BackfillArguments) -> CommandResult {
    if let Some(storage) = &arguments.blocks
        && !storage.is_dir()
    {
        return Err(CommandFailure::usage(format!(
            "--blocks: {} is not a directory; give the storage directory of Prometheus",
            storage.display()
        )));
    }
    if let Some(storage) = arguments.blocks.as_deref().filter(|_| arguments.if_empty)
        && promtool::has_data(storage)?
    {
        terminal::notify(&format!(
            "{} already contains data: wrote nothing",
            storage.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let config = settings.load()?;
    check_labels(&arguments.label, &config.rules)?;
    let now = wall_clock::now();
    let is_live = arguments.files.is_empty();
    let history = history::open(&config, &arguments.files, PURPOSE, now)?;
    let parts = history.parts().map_err(history::failure)?;
    let plan = BackfillPlan {
        step: arguments.step.unwrap_or(DEFAULT_STEP),
        from: arguments.from,
        // The clock of a running exporter lags by this much, so no sample is newer than its own.
        until: arguments
            .until
            .or(is_live.then(|| now.minus(config.stream.grace))),
        labels: arguments.label.clone(),
        objectives: Objectives::of(&config),
    };
    let rules = Arc::new(config.rules);
    let mut next_report = Instant::now();
    let mut progress = |now: BackfillProgress| {
        if Instant::now() >= next_report {
            next_report = Instant::now() + PROGRESS_INTERVAL;
            terminal::progress(&format!(
                "{}, {} events, {} written",
                now.instant.rfc3339(),
                now.events,
                size(now.bytes)
            ));
        }
    };
    let temporary;
    let output = match (&arguments.output, &arguments.blocks) {
        (Some(output), _) => output.as_path(),
        (None, _) => {
            temporary = tempfile::tempdir()?;
            temporary.path()
        }
    };
    let mut single_file = open_single_file(output, arguments)?;
    let mut make_blocks = |file: &Path| {
        let Some(storage) = &arguments.blocks else {
            return Ok(());
        };
        let longest = duration::format(BLOCK);
        promtool::create_blocks(&arguments.promtool, file, storage, &longest)?;
        fs::remove_file(file)
    };
    let output = match &mut single_file {
        Some(file) => BackfillOutput::One(&mut **file),
        None => BackfillOutput::Directory(output, &mut make_blocks),
    };
    let done = backfill(rules, parts, &plan, output, &mut progress);
    terminal::progress_done();
    match done {
        // The reader has closed the pipe, as `head` does.
        Err(BackfillError::BackfillOutput(BackfillOutputError::One(error)))
            if error.kind() == ErrorKind::BrokenPipe =>
        {
            Ok(ExitCode::SUCCESS)
        }
        Err(BackfillError::EventHistory(error)) => Err(history::failure(error)),
        Err(BackfillError::Nothing(tally)) if tally.is_useless() => {
            history::report(&tally, &history);
            Err(history::useless(&tally))
        }
        Err(error) => Err(CommandFailure::other(error)),
        Ok(summary) => {
            history::report(&summary.tally, &history);
            report(&summary, &plan, arguments);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Opens the one file, or standard output. `None` if the output is a directory.
fn open_single_file(
    path: &Path,
    arguments: &BackfillArguments,
) -> CommandResult<Option<Box<dyn Write>>> {
    let is_single = path == Path::new(STANDARD_INPUT) || is_file(path);
    if is_single && arguments.blocks.is_some() {
        return Err(CommandFailure::usage(
            "--blocks needs several files; give a directory to --output, or omit --output",
        ));
    }
    if path == Path::new(STANDARD_INPUT) {
        return Ok(Some(Box::new(io::stdout())));
    }
    if !is_file(path) {
        return Ok(None);
    }
    let file = File::create(path).map_err(|error| {
        CommandFailure::other(format!("cannot write {}: {error}", path.display()))
    })?;
    Ok(Some(Box::new(BufWriter::new(file))))
}

fn is_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == FILE_EXTENSION)
}

/// Refuses labels that the series already have.
fn check_labels(labels: &[(String, String)], rules: &Rules) -> CommandResult<()> {
    let attributes = rules.attributes.iter().filter(|rule| rule.is_label);
    let attributes: Vec<&str> = attributes.map(|rule| rule.name.as_str()).collect();
    for (position, (name, _)) in labels.iter().enumerate() {
        let mut families = FAMILIES
            .iter()
            .filter(|family| family.origin == MetricOrigin::Kpi);
        let is_label = |family: &&Family| {
            let names = family.label_names(&attributes, rules.has_groups());
            names.contains(&name.as_str())
        };
        if name == "le" || families.any(is_label) {
            return Err(CommandFailure::usage(format!(
                "--label {name}: the series already have this label; use another name, such as \
                 exported_{name}, which Prometheus would use"
            )));
        }
        if labels[..position]
            .iter()
            .any(|(earlier, _)| earlier == name)
        {
            return Err(CommandFailure::usage(format!(
                "--label {name} occurs twice; give it once"
            )));
        }
    }
    Ok(())
}

/// Reports the result and the next step.
fn report(summary: &Summary, plan: &BackfillPlan, arguments: &BackfillArguments) {
    for (count, what) in [
        (summary.later, "events after the end ignored"),
        (
            summary.late,
            "events arrived late and count from the next step on",
        ),
        (summary.counts.duplicate, "duplicates dropped"),
        (
            summary.counts.out_of_order,
            "events out of order; applied at the time of their ticket's last event",
        ),
    ] {
        if count > 0 {
            terminal::notify(&format!("{count} {what}"));
        }
    }
    let files = match summary.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    terminal::notify(&format!(
        "{} steps from {} to {}, every {}, with {} series: {} samples, {} in {files}",
        summary.instants,
        summary.first.rfc3339(),
        summary.last.rfc3339(),
        duration::format(plan.step),
        summary.written.series,
        summary.written.samples,
        size(summary.written.bytes),
    ));
    if plan.step > DEFAULT_STEP {
        terminal::notify(&format!(
            "the step is longer than the lookback of Prometheus ({}): instant queries find no value \
             between two steps",
            duration::format(DEFAULT_STEP)
        ));
    }
    for name in ["job", "instance"] {
        if !plan.labels.iter().any(|(label, _)| label == name) {
            terminal::notify(&format!(
                "without --label {name}=… these series are not the ones that Prometheus scrapes"
            ));
        }
    }
    if summary.last.since(summary.first) >= DEFAULT_RETENTION {
        terminal::notify(&format!(
            "Prometheus deletes samples that are older than its --storage.tsdb.retention.time (default \
             {})",
            duration::format(DEFAULT_RETENTION)
        ));
    }
    if arguments.files.is_empty() && arguments.until.is_none() {
        terminal::notify(&format!(
            "if Prometheus scraped this exporter before {}, these samples overlap with the scraped \
             ones, and counters will appear to reset; then set --until to the time of the first scrape",
            summary.last.rfc3339()
        ));
    }
    if let Some(storage) = &arguments.blocks {
        terminal::notify(&format!(
            "created the blocks in {}; a running Prometheus shows them within a minute",
            storage.display()
        ));
    } else if let Some(command) = arguments.output.as_deref().and_then(import) {
        terminal::notify(&format!(
            "next, run this command with the data directory of Prometheus instead of DATA. Prometheus \
             may be running; it shows the blocks within a minute:\n  {command}"
        ));
    }
}

/// The command that creates blocks. `None` if the output is standard output.
fn import(output: &Path) -> Option<String> {
    let block = duration::format(BLOCK);
    let promtool = format!(
        "promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration={block}"
    );
    let path = shell_quoted(&output.display().to_string());
    if output == Path::new(STANDARD_INPUT) {
        None
    } else if is_file(output) {
        Some(format!("{promtool} {path} DATA"))
    } else {
        Some(format!(
            "for file in {path}/*.{FILE_EXTENSION}; do {promtool} \"$file\" DATA && rm \"$file\" || break; done"
        ))
    }
}

/// The text as one word of a shell command.
fn shell_quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Bytes with a unit.
fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let scaled = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1_000_000 => format!("{:.1} kB", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", scaled(1_000_000)),
        _ => format!("{:.1} GB", scaled(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::AttributeRule;

    #[test]
    fn the_next_command_is_valid_in_a_shell() {
        let promtool =
            "promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration=6h";
        assert_eq!(
            import(Path::new("my history")).unwrap(),
            format!(
                "for file in 'my history'/*.om; do {promtool} \"$file\" DATA && rm \"$file\" || break; done"
            )
        );
        assert_eq!(
            import(Path::new("a/b.om")).unwrap(),
            format!("{promtool} a/b.om DATA")
        );
        assert_eq!(import(Path::new("-")), None);
        assert_eq!(shell_quoted("it's"), "'it'\\''s'");
    }

    #[test]
    fn labels_that_the_series_have_are_refused() {
        let labels = |names: &[&str]| -> Vec<(String, String)> {
            let names = names.iter();
            names
                .map(|name| ((*name).to_owned(), String::new()))
                .collect()
        };
        let rules = Rules {
            attributes: vec![AttributeRule {
                name: "tier".to_owned(),
                values: Vec::new(),
                is_label: true,
                limit: 5,
            }],
            ..Rules::default()
        };
        let right = labels(&["job", "instance", "topic", "group"]);
        assert!(check_labels(&right, &rules).is_ok());
        for wrong in [
            &["team"][..],
            &["le"],
            &["policy"],
            &["tier"],
            &["job", "job"],
        ] {
            assert!(check_labels(&labels(wrong), &rules).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size(1_234), "1.2 kB");
        assert_eq!(size(5_550_000), "5.5 MB");
        assert_eq!(size(12_345_000_000), "12.3 GB");
    }
}
