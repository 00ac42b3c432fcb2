//! `verify`: whether the numbers are those of the records.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use super::arguments::{Settings, Verify};
use super::failure::Failure;
use super::terminal;
use crate::app::topics::{Progress, ReadError};
use crate::app::verify::{Claim, Difference, Recomputed, VerifyError, recompute};
use crate::config::Config;

/// Differences printed without `--all`: a screen.
const PRINTED: usize = 20;
/// Heads of the columns.
const SERIES: &str = "series";
const THERE: &str = "there";
const RECOMPUTED: &str = "recomputed";
/// A series that is on one side only.
const ABSENT: &str = "absent";

pub fn run(settings: &Settings, arguments: &Verify) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    let started = Instant::now();
    let mut progress = |now: Progress| {
        let rate = u128::from(now.records) * 1_000 / started.elapsed().as_millis().max(1);
        let Progress { records, left } = now;
        terminal::progress(&format!("{records} records, {rate} a second, {left} left"));
    };
    let (claim, recomputed) =
        both(&config, arguments.url.as_deref(), &mut progress).map_err(failure)?;
    let compared = claim.texts.compare(&recomputed.texts);
    remark(&recomputed);
    let records = recomputed.records;
    if compared.differences.is_empty() {
        let equal = compared.equal;
        terminal::print(&format!("{equal} series equal, from {records} records\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let count = compared.differences.len();
    let shown = if arguments.all {
        count
    } else {
        count.min(PRINTED)
    };
    let mut text = format!(
        "{count} series differ, {} are equal, from {records} records\n\n{}",
        compared.equal,
        table(&compared.differences[..shown])
    );
    if shown < count {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "and {} more, which --all prints", count - shown);
    }
    terminal::print(&text)?;
    Ok(ExitCode::FAILURE)
}

/// What is claimed, and what the topics give.
fn both(
    config: &Config,
    url: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Claim, Recomputed), VerifyError> {
    let claim = match url {
        Some(url) => Claim::of_instance(config, url)?,
        None => Claim::of_store(config)?,
    };
    let recomputed = recompute(config, &claim.partitions, progress);
    terminal::progress_done();
    Ok((claim, recomputed?))
}

fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Read(ReadError::Kafka(error)) => Failure::configuration(error),
        VerifyError::Recovery(error) if error.is_of_configuration() => {
            Failure::configuration(error)
        }
        error => Failure::other(error),
    }
}

/// Says what the numbers may differ for.
fn remark(recomputed: &Recomputed) {
    for (partition, first) in &recomputed.begun_later {
        terminal::complain(&format!(
            "partition {partition} begins at offset {first} now: what was before cannot be recomputed"
        ));
    }
    if recomputed.future > 0 {
        terminal::complain(&format!(
            "{} events left out: they are later than any that was counted, so they were rejected \
             as being from the future",
            recomputed.future
        ));
    }
}

fn table(differences: &[Difference]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| ABSENT.to_owned());
    let mut rows = vec![[SERIES, THERE, RECOMPUTED].map(str::to_owned)];
    rows.extend(differences.iter().map(|difference| {
        [
            printable(&difference.series),
            value(&difference.there),
            value(&difference.recomputed),
        ]
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let [series, there, recomputed] = [width(0), width(1), width(2)];
    let mut text = String::new();
    for row in &rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:series$}  {:>there$}  {:>recomputed$}",
            row[0], row[1], row[2]
        );
    }
    text
}

/// Names of teams come from outside: what would control the terminal is written out.
fn printable(series: &str) -> String {
    let mut text = String::with_capacity(series.len());
    for letter in series.chars() {
        if letter.is_control() {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_stand_in_columns() {
        let difference = |series: &str, there: Option<&str>, recomputed: &str| Difference {
            series: series.to_owned(),
            there: there.map(str::to_owned),
            recomputed: Some(recomputed.to_owned()),
        };
        let text = table(&[
            difference("ticket_a{team=\"\u{e9}\u{1b}\"}", Some("12"), "13"),
            difference("ticket_b", None, "1"),
        ]);
        let expected = "\
series                     there  recomputed
ticket_a{team=\"\u{e9}\\u{1b}\"}      12          13
ticket_b                  absent           1
";
        assert_eq!(text, expected);
    }
}
