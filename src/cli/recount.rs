//! `recount`: count everything again, with the next start.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{Recount, Settings};
use super::failure::Failure;
use super::terminal;
use crate::app::recount::{self, AvailableRecords, RecountableStore, StoreSummary};
use crate::app::recovery::RecoveryError;
use crate::config::Config;
use crate::edge::kafka::InspectError;

/// A person waits for the brokers.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn run(settings: &Settings, arguments: &Recount) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    let prepared = RecountableStore::prepare(&config).map_err(|error| match error {
        RecoveryError::NoCheckpoint(path) => Failure::other(format!(
            "there is no checkpoint in {} (checkpoint.directory): the next start reads from the \
             earliest records anyway. Is this the exporter's configuration and working directory?",
            path.display()
        )),
        error => Failure::other(error),
    })?;
    let directory = prepared.path().display().to_string();
    if arguments.cancel {
        let was_asked = prepared.is_requested();
        prepared.cancel().map_err(Failure::other)?;
        terminal::complain(&if was_asked {
            format!("the next start goes on with the store in {directory}")
        } else {
            format!("no recount was asked for in {directory}")
        });
        return Ok(ExitCode::SUCCESS);
    }
    let topics = recount::inspect_topics(&config, PATIENCE).map_err(Failure::configuration)?;
    terminal::print(&plan(&config, &prepared, &topics))?;
    if prepared.is_requested() {
        terminal::complain("the store is marked already: the next start counts everything again");
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.yes && !confirmed()? {
        terminal::complain("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    prepared.request().map_err(Failure::other)?;
    terminal::complain(
        "marked: the next start counts everything again; until then recount --cancel takes it back",
    );
    Ok(ExitCode::SUCCESS)
}

fn confirmed() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "nothing was changed: standard input is no terminal, so add --yes",
        ));
    }
    terminal::ask("Count everything again with the next start? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What a recount does, in words.
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
            "The store in {} counts since {}.",
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
        "With the next start it is moved to {} (not deleted), and these records are counted:\n",
        recount::set_aside_path(directory).display()
    );
    let mut gone = 0;
    let mut unknown = false;
    for (topic, available) in topics {
        match available {
            Ok(available) => {
                gone += available.gone();
                unknown |= available.is_compacted;
                text.push_str(&words(available));
            }
            Err(InspectError::MissingTopic) => {
                unknown = true;
                let _ = writeln!(text, "  {topic}: does not exist");
            }
            Err(error) => {
                unknown = true;
                let _ = writeln!(text, "  {topic}: not known. {error}");
            }
        }
    }
    for topic in forgotten(config, prepared.summary.as_ref()) {
        gone += 1;
        let _ = writeln!(
            text,
            "  {topic}: was counted, and is not in kafka.topics any more: its numbers go"
        );
    }
    text.push('\n');
    text.push_str(match (gone > 0, unknown) {
        (true, _) => {
            "Counters and histograms (every metric that ends in _total, _bucket, _sum or _count) fall by \
             what was counted from records that are gone; Prometheus takes that for a reset, and \
             increase() over that moment counts the rest once more. Gauges and windows are those of the \
             records that are there.\n"
        }
        (false, true) => {
            "Counters and histograms (every metric that ends in _total, _bucket, _sum or _count) fall by \
             what was counted from records that are gone; whether any are is not known.\n"
        }
        (false, false) => {
            "No record is gone: under the same configuration every number is the same afterwards.\n"
        }
    });
    text.push_str("Until everything is read, /-/ready is 503 and no KPI series are served.\n");
    text
}

fn words(available: &AvailableRecords) -> String {
    let mut text = format!(
        "  {}: {} records in {} partitions",
        available.topic,
        available.records(),
        available.partitions.len()
    );
    if let Some(oldest) = available.oldest {
        let _ = write!(text, ", the oldest of {}", oldest.rfc3339());
    }
    text.push('\n');
    for one in available.partitions.iter().filter(|one| one.begin > 0) {
        let _ = writeln!(
            text,
            "    {} begins at offset {}: the records before are gone",
            one.partition, one.begin
        );
    }
    if available.is_compacted {
        text.push_str("    it is compacted: of the records of a key only the last one is there\n");
    }
    text
}

/// Topics that were counted and are not read any more.
fn forgotten<'a>(config: &Config, stored: Option<&'a StoreSummary>) -> Vec<&'a str> {
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
    fn says_what_is_there_and_what_is_gone() {
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
            words(&available),
            "  tickets: 8 records in 2 partitions, the oldest of 1970-01-01T00:00:00.000Z\n    \
             tickets/1 begins at offset 7: the records before are gone\n"
        );
        available.is_compacted = true;
        assert!(words(&available).contains("compacted"));
    }
}
