//! `backfill`: the KPI series of a history as they stood at many instants, for Prometheus' blocks.
//!
//! At each instant the series are those of a replay up to it. An engine is led through the history
//! once; what it exposes is kept for a block's time, then written family by family, since that is
//! how the format wants it.

mod blocks;
mod feed;
mod objectives;

pub use blocks::{BLOCK, Done, Output, OutputError};
pub use objectives::Objectives;

use std::sync::Arc;

use super::history::{HistoryError, Part, Tally};
use crate::domain::timestamp::{MINUTE, Milliseconds, Timestamp};
use crate::engine::{Counts, Engine, Rules};
use blocks::Blocks;
use feed::Feed;

/// Prometheus looks five minutes back for the value of a series: a longer step would leave gaps,
/// a shorter one costs space and shows little more, since the shortest window moves by minutes.
pub const DEFAULT_STEP: Milliseconds = 5 * MINUTE;
/// Some five years in steps of five minutes. More is a mistake, such as an event of 1970.
pub const MOST_INSTANTS: i64 = 500_000;

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Instants are the multiples of it since 1970.
    pub step: Milliseconds,
    /// No instant is earlier; `None`: from the first event on.
    pub from: Option<Timestamp>,
    /// No instant is later, nor is any event; `None`: up to the greatest event time.
    pub until: Option<Timestamp>,
    /// Put to every series.
    pub labels: Vec<(String, String)>,
    /// The same at every instant.
    pub objectives: Objectives,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("there is no event in it, or none up to --until")]
    Nothing(Box<Tally>),
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

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub instant: Timestamp,
    pub events: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What was written, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub instants: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub files: u64,
    /// Of the block with the most.
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
    pub tally: Tally,
    /// Events later than `until`, which were left out.
    pub later: u64,
    /// Events that came so late that instants they belong to had passed.
    pub late: u64,
    pub counts: Counts,
}

/// Leads an engine through the partitions of a history and writes its series down.
///
/// # Errors
/// A history that cannot be read, or one without events; an output that cannot be written.
pub fn backfill<'a>(
    rules: Arc<Rules>,
    parts: Vec<Part>,
    plan: &'a Plan,
    output: Output<'a>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, BackfillError> {
    let lateness = rules.lateness;
    let end = plan.until.unwrap_or(Timestamp::LATEST);
    let mut blocks = Blocks::new(output, plan)?;
    // The first event is earlier than this, whatever it is.
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
        let greatest = feeds.iter().filter_map(Feed::greatest).max();
        let greatest = greatest.unwrap_or(earliest);
        // Without an end, the history ends with its last event.
        let last = plan.until.unwrap_or(greatest);
        if last.since(first) / plan.step > MOST_INSTANTS {
            return Err(BackfillError::TooMany { first, last });
        }
        if instant > last {
            break;
        }
        blocks.add(instant, engine.snapshot())?;
        // Nobody asks how late they were found.
        engine.take_breaches();
        instants += 1;
        progress(Progress {
            instant,
            events: feeds.iter().map(|feed| feed.part().tally.records).sum(),
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
        series: written.series,
        samples: written.samples,
        bytes: written.bytes,
        tally,
        later: feeds.iter().map(|feed| feed.later).sum(),
        late: feeds.iter().map(|feed| feed.late).sum(),
        counts: engine.counts(),
    })
}

fn tally_of(feeds: &[Feed]) -> Tally {
    let mut tally = Tally::default();
    for feed in feeds {
        tally.add(&feed.part().tally);
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
