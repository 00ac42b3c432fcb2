//! Advances a partition of a history from instant to instant in the order of arrival.
//!
//! At an instant, an engine has seen every event up to it and no later one. Records are not quite in order
//! of time. So an event later than the instant is held back while others still arrive, up to
//! `stream.lateness`, which the stream clock also waits. Events of one ticket keep their order: an event
//! that follows a later one of its ticket counts as of that one (contract, section 1).

use std::collections::VecDeque;

use compact_str::CompactString;
use hashbrown::HashSet;

use crate::app::history::{HistoryError, HistoryPartition};
use crate::domain::event::Event;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::engine::{Engine, PartitionId};

/// An event later than the last instant.
#[derive(Debug)]
struct HeldEvent {
    at: Timestamp,
    ticket: CompactString,
    event: Box<Event<'static>>,
}

/// One partition of the history.
pub struct Feed {
    pub part: HistoryPartition,
    partition: PartitionId,
    /// In the order of arrival.
    held: VecDeque<HeldEvent>,
    /// The tickets of held events.
    waiting: HashSet<CompactString>,
    /// The greatest event time so far.
    pub greatest: Option<Timestamp>,
    /// The last instant.
    instant: Timestamp,
    /// Later events are left out.
    until: Timestamp,
    ended: bool,
    /// Number of events left out.
    pub later: u64,
    /// Number of events that arrived after an instant to which they belong. They count from the next
    /// one on.
    pub late: u64,
}

impl Feed {
    pub fn new(part: HistoryPartition, partition: PartitionId, until: Timestamp) -> Self {
        Self {
            part,
            partition,
            held: VecDeque::new(),
            waiting: HashSet::new(),
            greatest: None,
            instant: Timestamp::EARLIEST,
            until,
            ended: false,
            later: 0,
            late: 0,
        }
    }

    /// Returns the earliest event time; `None` without events.
    pub fn earliest(&mut self, lateness: Milliseconds) -> Result<Option<Timestamp>, HistoryError> {
        let mut earliest = None;
        loop {
            earliest = earliest.or(self.held.iter().map(|held| held.at).min());
            let wait = earliest.map_or(Timestamp::EARLIEST, |earliest| earliest.plus(lateness));
            if self.ended || self.greatest.is_some_and(|greatest| greatest >= wait) {
                break;
            }
            self.pull(None)?;
        }
        Ok(self.held.iter().map(|held| held.at).min())
    }

    /// Applies the events up to `instant`, then moves the partition's clock there.
    pub fn advance(
        &mut self,
        engine: &mut Engine,
        instant: Timestamp,
        lateness: Milliseconds,
    ) -> Result<(), HistoryError> {
        let held = std::mem::take(&mut self.held);
        self.waiting.clear();
        for held in held {
            if held.at > instant || self.waiting.contains(&held.ticket) {
                self.waiting.insert(held.ticket.clone());
                self.held.push_back(held);
            } else {
                engine.apply(self.partition, &held.event);
            }
        }
        while !self.ended && self.greatest < Some(instant.plus(lateness)) {
            self.pull(Some((&mut *engine, instant)))?;
        }
        engine.advance(self.partition, instant);
        self.instant = instant;
        Ok(())
    }

    /// Reads the next event. Applies it if there is an engine and the event is not later than the
    /// instant; otherwise holds it.
    fn pull(&mut self, mut to: Option<(&mut Engine, Timestamp)>) -> Result<(), HistoryError> {
        let mut take = |event: &Event<'_>| {
            if event.at > self.until {
                self.later += 1;
                return;
            }
            self.greatest = self.greatest.max(Some(event.at));
            self.late += u64::from(event.at <= self.instant);
            let ticket = event.ticket_id.as_ref();
            match &mut to {
                Some((engine, instant))
                    if event.at <= *instant && !self.waiting.contains(ticket) =>
                {
                    engine.apply(self.partition, event);
                }
                _ => {
                    self.waiting.insert(ticket.into());
                    self.held.push_back(HeldEvent {
                        at: event.at,
                        ticket: ticket.into(),
                        event: Box::new(event.clone().into_owned()),
                    });
                }
            }
        };
        self.ended = !self.part.next(&mut take)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;
    use crate::app::event_files::EventFiles;
    use crate::app::history::EventHistory;
    use crate::decode::Decoder;
    use crate::engine::Rules;

    const LATENESS: Milliseconds = 10;

    /// A feed of (ticket, time, type).
    fn feed(events: &[(u32, i64, &str)]) -> (Feed, Engine) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (ticket, at, kind) in events {
            writeln!(
                file,
                "{{\"ticket_id\":{ticket},\"type\":\"{kind}\",\"at\":{at}}}"
            )
            .unwrap();
        }
        let path = file.into_temp_path().keep().unwrap();
        let files = EventFiles::open(&[path], Decoder::default(), &mut |_| {}).unwrap();
        let part = EventHistory::Files(files).parts().unwrap().remove(0);
        let mut engine = Engine::new(
            Arc::new(Rules {
                lateness: LATENESS,
                ..Rules::default()
            }),
            Timestamp::LATEST,
        );
        let partition = engine.only_partition();
        (Feed::new(part, partition, Timestamp(1_000)), engine)
    }

    fn tickets_at(feed: &mut Feed, engine: &mut Engine, instant: i64) -> usize {
        feed.advance(engine, Timestamp(instant), LATENESS).unwrap();
        engine.tickets()
    }

    #[test]
    fn events_after_an_instant_wait_and_events_a_little_late_are_in_time() {
        let (mut feed, mut engine) = feed(&[
            (1, 100, "created"),
            (2, 205, "created"),
            (3, 198, "created"),
            (4, 200, "created"),
            (5, 211, "created"),
            (6, 150, "created"),
            (7, 2_000, "created"),
        ]);
        assert_eq!(feed.earliest(LATENESS).unwrap(), Some(Timestamp(100)));
        assert_eq!(tickets_at(&mut feed, &mut engine, 100), 1);
        assert_eq!(tickets_at(&mut feed, &mut engine, 200), 3);
        assert_eq!((feed.late, feed.later), (0, 0));
        assert_eq!(tickets_at(&mut feed, &mut engine, 300), 6);
        assert_eq!(
            (feed.late, feed.later),
            (1, 1),
            "the ticket 6; the ticket 7"
        );
        assert_eq!(feed.greatest, Some(Timestamp(211)));
    }

    #[test]
    fn the_events_of_a_ticket_keep_their_order() {
        let (mut feed, mut engine) = feed(&[
            (1, 100, "created"),
            (1, 205, "solved"),
            (1, 199, "reopened"),
            (2, 199, "created"),
        ]);
        assert_eq!(tickets_at(&mut feed, &mut engine, 200), 2);
        assert_eq!(engine.counts().applied, 2, "neither solved nor reopened");
        assert_eq!(tickets_at(&mut feed, &mut engine, 300), 2);
        let counts = engine.counts();
        assert_eq!((counts.applied, counts.out_of_order), (4, 1));
    }
}
