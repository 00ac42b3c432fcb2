//! `recount`: recalculates everything at the next start.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{CommandLineSettings, RecountArguments};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::app::recount::{self, AvailableRecords, RecountableStore, StoreSummary};
use crate::app::recovery::RecoveryError;
use crate::config::Config;
use crate::edge::kafka::InspectError;

/// Longest wait for the brokers, because a user waits too.
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn run(settings: &CommandLineSettings, arguments: &RecountArguments) -> CommandResult {
    let config = settings.load()?;
    let prepared = RecountableStore::prepare(&config).map_err(|error| match error {
        RecoveryError::NoCheckpoint(path) => CommandFailure::other(format!(
            "no checkpoint in {} (checkpoint.directory), so the next start reads from the earliest \
             records anyway; check that this is the exporter's configuration and working directory",
            path.display()
        )),
        error => CommandFailure::other(error),
    })?;
    let directory = prepared.path().display().to_string();
    if arguments.cancel {
        let was_asked = prepared.is_requested();
        prepared.cancel().map_err(CommandFailure::other)?;
        terminal::notify(&if was_asked {
            format!("removed the mark: the next start continues with the store in {directory}")
        } else {
            format!("the store in {directory} is not marked")
        });
        return Ok(ExitCode::SUCCESS);
    }
    let topics =
        recount::inspect_topics(&config, TIMEOUT).map_err(CommandFailure::configuration)?;
    terminal::print(&plan(&config, &prepared, &topics))?;
    if prepared.is_requested() {
        terminal::notify("the store is already marked: the next start recalculates everything");
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.yes && !confirmed()? {
        terminal::notify("changed nothing");
        return Ok(ExitCode::FAILURE);
    }
    prepared.request().map_err(CommandFailure::other)?;
    terminal::notify(
        "marked the store: the next start recalculates everything; until then, recount --cancel removes \
         the mark",
    );
    Ok(ExitCode::SUCCESS)
}

fn confirmed() -> CommandResult<bool> {
    if !io::stdin().is_terminal() {
        return Err(CommandFailure::usage(
            "changed nothing: standard input is not a terminal; add --yes",
        ));
    }
    terminal::ask("Recalculate everything at the next start? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Describes what a recount does.
fn plan(
    config: &Config,
    prepared: &RecountableStore,
    topics: &[(String, Result<AvailableRecords, InspectError>)],
) -> String {
    let directory = prepared.path();
    let mut text = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = match (&prepared.summary, &prepared.damage) {
        (Some(stored), _) => writeln!(
            text,
            "The store in {} has counted since {}.",
            directory.display(),
            stored.created.rfc3339()
        ),
        (None, damage) => writeln!(
            text,
            "The store in {} cannot be read: {}",
            directory.display(),
            damage.as_deref().unwrap_or_default()
        ),
    };
    let _ = writeln!(
        text,
        "The next start moves it to {} (and does not delete it), and counts these records:\n",
        recount::set_aside_path(directory).display()
    );
    let mut gone = 0;
    let mut unknown = false;
    for (topic, available) in topics {
        match available {
            Ok(available) => {
                gone += available.gone();
                unknown |= available.is_compacted;
                text.push_str(&description(available));
            }
            Err(InspectError::MissingTopic) => {
                unknown = true;
                let _ = writeln!(text, "  {topic}: does not exist");
            }
            Err(error) => {
                unknown = true;
                let _ = writeln!(text, "  {topic}: unknown: {error}");
            }
        }
    }
    for topic in removed_topics(config, prepared.summary.as_ref()) {
        gone += 1;
        let _ = writeln!(
            text,
            "  {topic}: counted, but no longer in kafka.topics: its numbers disappear"
        );
    }
    text.push('\n');
    text.push_str(match (gone > 0, unknown) {
        (true, _) => {
            "Counters and histograms (metrics that end with _total, _bucket, _sum or _count) decrease by \
             the part that came from records that are gone. Prometheus treats this as a counter reset, \
             and increase() over that time counts the remaining part twice. Gauges and windows depend on \
             the available records only.\n"
        }
        (false, true) => {
            "Counters and histograms (metrics that end with _total, _bucket, _sum or _count) decrease by \
             the part that came from records that are gone. It is not known whether any are gone.\n"
        }
        (false, false) => {
            "No record is gone: with the same configuration, every number stays the same.\n"
        }
    });
    text.push_str(
        "Until the exporter has read everything, /-/ready returns 503 and /metrics has no KPI series.\n",
    );
    text
}

fn description(available: &AvailableRecords) -> String {
    let mut text = format!(
        "  {}: {} records in {} partitions",
        available.topic,
        available.records(),
        available.partitions.len()
    );
    if let Some(oldest) = available.oldest {
        let _ = write!(text, ", the oldest from {}", oldest.rfc3339());
    }
    text.push('\n');
    for one in available.partitions.iter().filter(|one| one.begin > 0) {
        let _ = writeln!(
            text,
            "    {} starts at offset {}: earlier records are gone",
            one.partition, one.begin
        );
    }
    if available.is_compacted {
        text.push_str("    compacted: only the last record of each key remains\n");
    }
    text
}

/// Topics in the store that the configuration no longer has.
fn removed_topics<'a>(config: &Config, stored: Option<&'a StoreSummary>) -> Vec<&'a str> {
    let counted = stored.map_or(&[][..], |stored| &stored.counted).iter();
    let mut topics: Vec<&str> = counted.map(|(source, _)| &*source.topic).collect();
    topics.retain(|topic| !config.kafka.topics.iter().any(|read| read == topic));
    topics.dedup();
    topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::edge::kafka::{OffsetRange, TopicPartition};

    #[test]
    fn describes_available_and_deleted_records() {
        let extent = |partition, begin, end| OffsetRange {
            partition: TopicPartition::new("tickets", partition),
            begin,
            end,
        };
        let mut available = AvailableRecords {
            topic: "tickets".to_owned(),
            partitions: vec![extent(0, 0, 5), extent(1, 7, 10)],
            oldest: Some(Timestamp(0)),
            is_compacted: false,
        };
        assert_eq!(
            description(&available),
            "  tickets: 8 records in 2 partitions, the oldest from 1970-01-01T00:00:00.000Z\n    \
             tickets/1 starts at offset 7: earlier records are gone\n"
        );
        available.is_compacted = true;
        assert!(description(&available).contains("compacted"));
    }
}
