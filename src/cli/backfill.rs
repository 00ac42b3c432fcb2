//! `backfill`: the series of a history, for Prometheus.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arguments::{Backfill, Settings};
use super::failure::Failure;
use super::history;
use super::terminal;
use crate::app::backfill::{
    BLOCK, BackfillError, DEFAULT_STEP, Objectives, Output, OutputError, Plan, Progress, Summary,
    backfill,
};
use crate::domain::catalog::{FAMILIES, MetricOrigin};
use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};
use crate::edge::files::STANDARD_INPUT;
use crate::edge::{promtool, wall_clock};

/// Part of the name of the consumer group.
const PURPOSE: &str = "backfill";
/// The ending that tells one file from a directory.
const FILE_EXTENSION: &str = "om";
/// Time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Prometheus deletes what is older, unless it is told otherwise.
const DEFAULT_RETENTION: Milliseconds = 15 * DAY;

pub fn run(settings: &Settings, arguments: &Backfill) -> Result<ExitCode, Failure> {
    check_labels(&arguments.label)?;
    if let Some(storage) = &arguments.blocks
        && !storage.is_dir()
    {
        return Err(Failure::usage(format!(
            "--blocks: {} is no directory",
            storage.display()
        )));
    }
    if let Some(storage) = arguments.blocks.as_deref().filter(|_| arguments.if_empty)
        && promtool::has_data(storage)?
    {
        terminal::complain(&format!(
            "{} has data already: nothing is written",
            storage.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let config = settings.load()?;
    let now = wall_clock::now();
    let is_live = arguments.files.is_empty();
    let history = history::open(&config, &arguments.files, PURPOSE, now)?;
    let parts = history.parts().map_err(history::failure)?;
    let plan = Plan {
        step: arguments.step.unwrap_or(DEFAULT_STEP),
        from: arguments.from,
        // A running exporter's clock is that far behind: no sample is ahead of its own.
        until: arguments
            .until
            .or(is_live.then(|| now.minus(config.stream.grace))),
        labels: arguments.label.clone(),
        objectives: Objectives::of(&config),
    };
    let rules = Arc::new(config.rules);
    let mut next_report = Instant::now();
    let mut progress = |now: Progress| {
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
    let mut one = open_one(output, arguments)?;
    let mut make_blocks = |file: &Path| {
        let Some(storage) = &arguments.blocks else {
            return Ok(());
        };
        let longest = duration::format(BLOCK);
        promtool::create_blocks(&arguments.promtool, file, storage, &longest)?;
        fs::remove_file(file)
    };
    let output = match &mut one {
        Some(file) => Output::One(&mut **file),
        None => Output::Directory(output, &mut make_blocks),
    };
    let done = backfill(rules, parts, &plan, output, &mut progress);
    terminal::progress_done();
    match done {
        // The reader of standard output has seen enough.
        Err(BackfillError::Output(OutputError::One(error)))
            if error.kind() == ErrorKind::BrokenPipe =>
        {
            Ok(ExitCode::SUCCESS)
        }
        Err(BackfillError::History(error)) => Err(history::failure(error)),
        Err(BackfillError::Nothing(tally)) if tally.is_useless() => {
            history::report(&tally, &history);
            Err(history::useless(&tally))
        }
        Err(error) => Err(Failure::other(error)),
        Ok(summary) => {
            history::report(&summary.tally, &history);
            report(&summary, &plan, arguments);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One file, or standard output; `None`: a directory.
fn open_one(path: &Path, arguments: &Backfill) -> Result<Option<Box<dyn Write>>, Failure> {
    let is_one = path == Path::new(STANDARD_INPUT) || is_file(path);
    if is_one && arguments.blocks.is_some() {
        return Err(Failure::usage(
            "--blocks makes them file by file: give a directory for --output, or leave it out",
        ));
    }
    if path == Path::new(STANDARD_INPUT) {
        return Ok(Some(Box::new(io::stdout())));
    }
    if !is_file(path) {
        return Ok(None);
    }
    let file = File::create(path)
        .map_err(|error| Failure::other(format!("cannot write {}: {error}", path.display())))?;
    Ok(Some(Box::new(BufWriter::new(file))))
}

/// A name tells one file from a directory.
fn is_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == FILE_EXTENSION)
}

/// A label of the family itself would be there twice.
fn check_labels(labels: &[(String, String)]) -> Result<(), Failure> {
    for (position, (name, _)) in labels.iter().enumerate() {
        let mut families = FAMILIES
            .iter()
            .filter(|family| family.origin == MetricOrigin::Kpi);
        if name == "le" || families.any(|family| family.labels.contains(&name.as_str())) {
            return Err(Failure::usage(format!(
                "--label {name}: series have a label of that name already; a scrape calls the \
                 target's own one exported_{name}"
            )));
        }
        if labels[..position]
            .iter()
            .any(|(earlier, _)| earlier == name)
        {
            return Err(Failure::usage(format!("--label {name} is given twice")));
        }
    }
    Ok(())
}

/// Says what was written, and what to do with it.
fn report(summary: &Summary, plan: &Plan, arguments: &Backfill) {
    for (count, what) in [
        (summary.later, "events later than the end, left out"),
        (
            summary.late,
            "events came so late that they count only from the next instant on",
        ),
        (summary.counts.duplicate, "duplicates dropped"),
        (
            summary.counts.out_of_order,
            "events out of order, applied as of their ticket's last event",
        ),
    ] {
        if count > 0 {
            terminal::complain(&format!("{count} {what}"));
        }
    }
    let files = match summary.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    terminal::complain(&format!(
        "{} instants from {} to {}, every {}, of {} series: {} samples, {} in {files}",
        summary.instants,
        summary.first.rfc3339(),
        summary.last.rfc3339(),
        duration::format(plan.step),
        summary.series,
        summary.samples,
        size(summary.bytes),
    ));
    if plan.step > DEFAULT_STEP {
        terminal::complain(&format!(
            "the step is longer than the {} that Prometheus looks back: queries of an instant will \
             find nothing in between",
            duration::format(DEFAULT_STEP)
        ));
    }
    for name in ["job", "instance"] {
        if !plan.labels.iter().any(|(label, _)| label == name) {
            terminal::complain(&format!(
                "without --label {name}=… these series do not continue into those that Prometheus \
                 scrapes"
            ));
        }
    }
    if summary.last.since(summary.first) >= DEFAULT_RETENTION {
        terminal::complain(&format!(
            "Prometheus deletes what is older than its --storage.tsdb.retention.time, {} unless set",
            duration::format(DEFAULT_RETENTION)
        ));
    }
    if arguments.files.is_empty() && arguments.until.is_none() {
        terminal::complain(&format!(
            "where Prometheus has scraped this exporter before {}, this is too much: a time that is \
             there twice makes counters go back; then say --until with the time of the first scrape",
            summary.last.rfc3339()
        ));
    }
    if let Some(storage) = &arguments.blocks {
        terminal::complain(&format!(
            "they are blocks in {} now; a Prometheus that runs there shows them within a minute",
            storage.display()
        ));
    } else if let Some(command) = arguments.output.as_deref().and_then(import) {
        terminal::complain(&format!(
            "next, with Prometheus' data directory for DATA; it may be running, and shows the \
             blocks within a minute:\n  {command}"
        ));
    }
}

/// The command that makes blocks; `None` where the text went elsewhere.
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

/// As one word of a shell, whatever is in it.
fn shell_quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Bytes for people.
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

    #[test]
    fn the_next_command_can_be_pasted() {
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
    fn labels_of_the_series_themselves_are_refused() {
        let labels = |names: &[&str]| -> Vec<(String, String)> {
            let names = names.iter();
            names
                .map(|name| ((*name).to_owned(), String::new()))
                .collect()
        };
        assert!(check_labels(&labels(&["job", "instance", "topic"])).is_ok());
        for wrong in [&["team"][..], &["le"], &["policy"], &["job", "job"]] {
            assert!(check_labels(&labels(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(size(1_234), "1.2 kB");
        assert_eq!(size(5_550_000), "5.5 MB");
        assert_eq!(size(12_345_000_000), "12.3 GB");
    }
}
