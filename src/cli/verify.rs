//! `verify`: recalculates the KPIs from the topics and compares them with the exporter's.

use std::fmt::Write;
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, VerifyArguments};
use super::failure::{CommandFailure, CommandResult};
use super::{history, terminal};
use crate::app::overview::aligned;
use crate::app::topics::{ReadError, ReadProgress};
use crate::app::verify::{Claim, Difference, Recomputed, VerifyError, recompute};
use crate::config::Config;

/// Differences to print without `--all`: one screen.
const PRINTED: usize = 20;
const SERIES: &str = "series";
const EXPORTER: &str = "exporter";
const RECOMPUTED: &str = "recomputed";
/// The value of a series that only the other side has.
const ABSENT: &str = "absent";

pub fn run(settings: &CommandLineSettings, arguments: &VerifyArguments) -> CommandResult {
    let config = settings.load()?;
    let mut progress = history::progress();
    let (claim, recomputed) =
        claim_and_recompute(&config, arguments.url.as_deref(), &mut progress).map_err(failure)?;
    let compared = claim.texts.compare(&recomputed.texts);
    report_limits(&recomputed);
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
        let _ = writeln!(text, "{} more; --all prints them", count - shown);
    }
    terminal::print(&text)?;
    Ok(ExitCode::FAILURE)
}

/// The numbers of the exporter, and those of the topics.
fn claim_and_recompute(
    config: &Config,
    url: Option<&str>,
    progress: &mut dyn FnMut(ReadProgress),
) -> Result<(Claim, Recomputed), VerifyError> {
    let claim = match url {
        Some(url) => Claim::of_instance(config, url)?,
        None => Claim::of_store(config)?,
    };
    let recomputed = recompute(config, &claim.partitions, progress);
    terminal::progress_done();
    Ok((claim, recomputed?))
}

fn failure(error: VerifyError) -> CommandFailure {
    match error {
        VerifyError::Read(ReadError::Kafka(error)) => CommandFailure::configuration(error),
        VerifyError::Recovery(error) if error.is_of_configuration() => {
            CommandFailure::configuration(error)
        }
        error => CommandFailure::other(error),
    }
}

/// Reports why numbers may differ although the exporter is right.
fn report_limits(recomputed: &Recomputed) {
    for (partition, first) in &recomputed.begun_later {
        terminal::notify(&format!(
            "partition {partition} starts at offset {first}: earlier records are gone and cannot be \
             recomputed"
        ));
    }
    if recomputed.future > 0 {
        terminal::notify(&format!(
            "ignored {} events that are later than every counted one: the exporter rejected them as \
             being from the future",
            recomputed.future
        ));
    }
}

fn table(differences: &[Difference]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| ABSENT.to_owned());
    let mut rows = vec![[SERIES, EXPORTER, RECOMPUTED].map(str::to_owned).to_vec()];
    rows.extend(differences.iter().map(|difference| {
        vec![
            terminal::printable(&difference.series),
            value(&difference.there),
            value(&difference.recomputed),
        ]
    }));
    aligned(&rows, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_in_columns() {
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
series                    exporter  recomputed
ticket_a{team=\"\u{e9}\\u{1b}\"}        12          13
ticket_b                    absent           1
";
        assert_eq!(text, expected);
    }
}
