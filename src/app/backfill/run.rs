//! Passes the history through an engine, from instant to instant.

use std::sync::Arc;

use super::blocks::{BackfillOutput, BackfillOutputError, Blocks};
use super::feed::Feed;
use super::plan::BackfillPlan;
use crate::app::event_files::ReadCounts;
use crate::app::history::{HistoryError, HistoryPartition};
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::engine::{Counts, Engine, Rules};
use crate::exposition::WrittenHistory;

/// About five years in steps of five minutes. More is a mistake, such as an event from 1970.
pub const MOST_INSTANTS: i64 = 500_000;

/// Why the output is missing or incomplete.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error(transparent)]
    EventHistory(#[from] HistoryError),
    #[error(transparent)]
    BackfillOutput(#[from] BackfillOutputError),
    #[error("there is no event in it, or none up to --until")]
    Nothing(Box<ReadCounts>),
    #[error(
        "no sample lies between the first event, or --from, and the last one, or --until: the first \
         would be at {}", .0.rfc3339()
    )]
    NoInstant(Timestamp),
    #[error(
        "from {} to {} there are more than {MOST_INSTANTS} instants: a single event may be far from \
         the others; say --from and --until, or a longer --step", first.rfc3339(), last.rfc3339()
    )]
    TooMany { first: Timestamp, last: Timestamp },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackfillProgress {
    pub instant: Timestamp,
    pub events: u64,
    pub bytes: u64,
}

/// Counts of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub instants: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub files: u64,
    /// `series` is that of the largest block.
    pub written: WrittenHistory,
    pub tally: ReadCounts,
    /// Events after `until`, which were left out.
    pub later: u64,
    /// Events that arrived after an instant to which they belong.
    pub late: u64,
    pub counts: Counts,
}

/// Passes the partitions of a history through an engine and writes its series.
pub fn backfill<'a>(
    rules: Arc<Rules>,
    parts: Vec<HistoryPartition>,
    plan: &'a BackfillPlan,
    output: BackfillOutput<'a>,
    progress: &mut dyn FnMut(BackfillProgress),
) -> Result<Summary, BackfillError> {
    let lateness = rules.lateness;
    let end = plan.until.unwrap_or(Timestamp::LATEST);
    let mut blocks = Blocks::new(output, plan)?;
    // Earlier than any first event.
    let mut engine = Engine::new(rules, Timestamp::LATEST);
    let mut feeds = Vec::new();
    for part in parts {
        let partition = engine
            .add_partition()
            .ok_or(HistoryError::TooManyPartitions)?;
        feeds.push(Feed::new(part, partition, end));
    }
    let mut earliest = None;
    for feed in &mut feeds {
        let first = feed.earliest(lateness)?;
        earliest = [earliest, first].into_iter().flatten().min();
    }
    let Some(earliest) = earliest else {
        return Err(BackfillError::Nothing(Box::new(tally_of(&feeds))));
    };
    let first = first_instant(earliest.max(plan.from.unwrap_or(earliest)), plan.step);
    let mut instant = first;
    let mut instants = 0;
    while instant <= end {
        for feed in &mut feeds {
            feed.advance(&mut engine, instant, lateness)?;
        }
        let greatest = feeds.iter().filter_map(|feed| feed.greatest).max();
        let greatest = greatest.unwrap_or(earliest);
        // Without `until`, the history ends with its last event.
        let last = plan.until.unwrap_or(greatest);
        if last.since(first) / plan.step > MOST_INSTANTS {
            return Err(BackfillError::TooMany { first, last });
        }
        if instant > last {
            break;
        }
        blocks.add(instant, engine.snapshot())?;
        // The delay of detection is not needed.
        engine.take_breaches();
        instants += 1;
        progress(BackfillProgress {
            instant,
            events: feeds.iter().map(|feed| feed.part.counts().records).sum(),
            bytes: blocks.written().bytes,
        });
        instant = instant.plus(plan.step);
    }
    if instants == 0 {
        return Err(BackfillError::NoInstant(first));
    }
    let (written, files) = blocks.finish()?;
    let tally = tally_of(&feeds);
    Ok(Summary {
        instants,
        first,
        last: instant.minus(plan.step),
        files,
        written,
        tally,
        later: feeds.iter().map(|feed| feed.later).sum(),
        late: feeds.iter().map(|feed| feed.late).sum(),
        counts: engine.counts(),
    })
}

fn tally_of(feeds: &[Feed]) -> ReadCounts {
    let mut tally = ReadCounts::default();
    for feed in feeds {
        tally.add(feed.part.counts());
    }
    tally
}

/// The first multiple of the step that is not earlier.
fn first_instant(from: Timestamp, step: Milliseconds) -> Timestamp {
    let before = from.0.div_euclid(step) * step;
    Timestamp(if before == from.0 {
        before
    } else {
        before + step
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_multiples_of_the_step_also_before_1970() {
        for (from, first) in [(0, 0), (1, 10), (10, 10), (-1, 0), (-10, -10), (-11, -10)] {
            assert_eq!(first_instant(Timestamp(from), 10), Timestamp(first));
        }
    }
}
