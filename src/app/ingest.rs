//! The loop between Kafka and what is published: reads batches, applies them, and from time to
//! time moves the stream clocks and shows the result. One thread, which owns the engine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::overview::overview;
use crate::decode::{self, Rejection};
use crate::domain::event::Event;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::edge::http::{Latch, Published};
use crate::edge::kafka::{Batch, Consumer, DeadLetters, Record, Step, TopicPartition, Trouble};
use crate::edge::self_metrics::{LimitedLabel, RecordResult, SelfMetrics, TicketState};
use crate::edge::wall_clock::Clock;
use crate::engine::{Counts, Engine, Ignored, PartitionId};

/// Longest wait for records: the pace at which clocks move and stop signals are seen.
const POLL: Duration = Duration::from_millis(100);
/// How long the end of a stop waits for dead letters.
const DEAD_LETTER_PATIENCE: Duration = Duration::from_secs(10);
/// Events looked up in one go: enough to hide the memory's delay, few enough for the cache.
const CHUNK: usize = 64;
/// Batches of fewer records are not worth a thread.
const DECODE_AHEAD_FROM: usize = 1_000;
/// Decoded chunks that may wait for the engine.
const CHUNKS_AHEAD: usize = 16;
/// How long the end of a stop waits for the brokers' goodbye.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);
/// Time between two lines about a backlog.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// Publishing may take this part of the time at most: a large state is shown less often rather
/// than slowing the reading down.
const PUBLISHING_SHARE: u32 = 20;

/// How the loop treats time.
#[derive(Clone)]
pub struct Timing {
    /// A partition that is read to its end follows the wall clock less this.
    pub grace: Milliseconds,
    /// Events further ahead of the wall clock are rejected.
    pub max_future: Milliseconds,
    /// Time between two publications.
    pub interval: Duration,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why the loop ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IngestError(Trouble);

/// A partition as the loop knows it.
#[derive(Debug)]
struct Reading {
    partition: PartitionId,
    /// Offset after the last record applied; ours, whatever the group says.
    position: Option<i64>,
}

/// See the module.
pub struct Ingest {
    engine: Engine,
    timing: Timing,
    metrics: Arc<SelfMetrics>,
    published: Arc<Published>,
    dead_letters: Option<DeadLetters>,
    /// Every partition ever assigned.
    readings: Vec<Reading>,
    /// Where in `readings` a partition is.
    places: HashMap<TopicPartition, usize>,
    /// Partitions that another instance has taken.
    lost: Vec<TopicPartition>,
    /// Held until every partition was read to its end.
    catching_up: Option<Latch>,
    shown: Counts,
    progress: Progress,
    next_publication: Instant,
    /// All so far; said at 1, 2, 4, 8 …
    rejections: u64,
    /// The consumer's index of the last record's partition, and its place here.
    current: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Progress {
    at: Instant,
    records: u64,
    said: u64,
}

impl Ingest {
    pub fn new(
        engine: Engine,
        timing: Timing,
        published: Arc<Published>,
        dead_letters: Option<DeadLetters>,
    ) -> Self {
        let latch = published
            .readiness()
            .hold("waiting for partitions to be assigned");
        Self {
            engine,
            timing,
            metrics: Arc::clone(published.self_metrics()),
            published,
            dead_letters,
            readings: Vec::new(),
            places: HashMap::new(),
            lost: Vec::new(),
            catching_up: Some(latch),
            shown: Counts::default(),
            progress: Progress {
                at: Instant::now(),
                records: 0,
                said: 0,
            },
            next_publication: Instant::now(),
            rejections: 0,
            current: None,
        }
    }

    /// Reads until `stop` is set.
    ///
    /// # Errors
    /// What the consumer cannot get over.
    pub fn run(mut self, mut consumer: Consumer, stop: &AtomicBool) -> Result<(), IngestError> {
        let mut result = Ok(());
        while result.is_ok() && !stop.load(Ordering::Relaxed) {
            result = self.step(&mut consumer);
        }
        if result.is_ok() {
            // First, since offsets are committed only once no letter is on its way.
            self.settle_dead_letters();
            self.publish(&consumer);
        }
        leave(consumer);
        result
    }

    /// Takes what comes next, or waits for it a moment; shows the result when it is time.
    ///
    /// # Errors
    /// What the consumer cannot get over.
    pub fn step(&mut self, consumer: &mut Consumer) -> Result<(), IngestError> {
        match consumer.next(POLL) {
            Step::Records(batch) => self.apply(&batch),
            Step::Assigned(partitions) => self.assigned(consumer, &partitions),
            Step::Revoked(partitions) => self.revoked(&partitions),
            Step::Trouble(trouble) => self.trouble(trouble)?,
            Step::Idle => {}
        }
        if Instant::now() >= self.next_publication {
            let took = self.publish(consumer);
            let pause = self.timing.interval.max(took * PUBLISHING_SHARE);
            self.next_publication = Instant::now() + pause;
        }
        Ok(())
    }

    /// Records taken so far.
    pub fn records(&self) -> u64 {
        self.progress.records
    }

    /// Decodes and applies a batch. In a large one, which a backlog gives, a second thread decodes
    /// ahead: the order of the records stays what it is.
    fn apply(&mut self, batch: &Batch<'_>) {
        let latest = self.timing.clock.latest().plus(self.timing.max_future);
        let records: Vec<Record<'_>> = batch.iter().collect();
        if records.len() < DECODE_AHEAD_FROM {
            for chunk in records.chunks(CHUNK) {
                self.apply_chunk(&decode_chunk(chunk, latest));
            }
        } else {
            thread::scope(|scope| {
                let (sender, receiver) = mpsc::sync_channel(CHUNKS_AHEAD);
                let records = &records;
                scope.spawn(move || {
                    for chunk in records.chunks(CHUNK) {
                        if sender.send(decode_chunk(chunk, latest)).is_err() {
                            return; // the other side panicked
                        }
                    }
                });
                for chunk in receiver {
                    self.apply_chunk(&chunk);
                }
            });
        }
        self.progress.records += records.len() as u64;
    }

    fn apply_chunk(&mut self, chunk: &[Decoded<'_>]) {
        self.engine
            .warm(chunk.iter().filter_map(|(_, event)| event.as_ref().ok()));
        if self.catching_up.is_none()
            && let Some(at) = latest_event(chunk)
        {
            self.timing.clock.witness(at);
        }
        for (record, event) in chunk {
            let Some(partition) = self.pass(record) else {
                continue;
            };
            match event {
                Ok(event) => {
                    self.engine.apply(partition, event);
                }
                Err(rejection) => self.reject(record, *rejection),
            }
        }
    }

    /// Moves the position past a record; `None` where it was there before, or is not ours.
    fn pass(&mut self, record: &Record<'_>) -> Option<PartitionId> {
        let place = match self.current {
            Some((index, place)) if index == record.index => place,
            _ => {
                let place = *self.places.get(record.partition)?;
                self.current = Some((record.index, place));
                place
            }
        };
        let reading = &mut self.readings[place];
        if reading
            .position
            .is_some_and(|position| record.offset < position)
        {
            return None; // delivered twice
        }
        reading.position = Some(record.offset + 1);
        Some(reading.partition)
    }

    /// Counts a record that is no event, sends it to the dead letters, and says so now and then.
    fn reject(&mut self, record: &Record<'_>, rejection: Rejection) {
        let reason = rejection.reason();
        self.metrics.rejected(reason).inc();
        self.metrics.events(RecordResult::Rejected).inc();
        if let Some(dead_letters) = &mut self.dead_letters {
            dead_letters.send(record, reason);
        }
        self.rejections += 1;
        if self.rejections.is_power_of_two() {
            warn!(
                topic = &*record.partition.topic,
                partition = record.partition.partition,
                offset = record.offset,
                reason,
                rejected = self.rejections,
                "record rejected: {rejection}"
            );
        }
    }

    fn assigned(&mut self, consumer: &mut Consumer, partitions: &[TopicPartition]) {
        for partition in partitions {
            if !self.places.contains_key(partition) {
                self.places.insert(partition.clone(), self.readings.len());
                self.readings.push(Reading {
                    partition: self.engine.partition(),
                    position: None,
                });
            }
        }
        self.lost.retain(|lost| !partitions.contains(lost));
        consumer.begin(|partition| self.readings[*self.places.get(partition)?].position);
        info!(partitions = partitions.len(), "partitions assigned");
        self.withhold("reading the topic");
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.metrics
                .remove_partition(&partition.topic, partition.partition);
        }
        self.lost.extend_from_slice(partitions);
        warn!(
            partitions = partitions.len(),
            "partitions taken away by the group; kpi series are withheld until they are back"
        );
        self.withhold("partitions are not owned");
    }

    fn trouble(&mut self, trouble: Trouble) -> Result<(), IngestError> {
        match trouble {
            Trouble::Retrying(text) => {
                warn!(%text, "kafka");
                Ok(())
            }
            trouble => {
                error!(%trouble, "kafka");
                Err(IngestError(trouble))
            }
        }
    }

    /// What Prometheus has seen stays true: rather stale series than wrong ones.
    fn withhold(&mut self, reason: &str) {
        self.published.withhold();
        self.metrics.set_caught_up(false);
        match &self.catching_up {
            Some(latch) => latch.set_reason(reason),
            None => self.catching_up = Some(self.published.readiness().hold(reason)),
        }
    }

    /// Moves the clocks of partitions that are read to their end, and shows what is known. How
    /// long it took.
    fn publish(&mut self, consumer: &Consumer) -> Duration {
        let started = Instant::now();
        let now = self.timing.clock.now();
        let mut behind = 0;
        let mut unread = 0;
        for partition in consumer.assigned() {
            let Some(reading) = self
                .places
                .get(partition)
                .map(|place| &self.readings[*place])
            else {
                continue;
            };
            if consumer.read_to_end(partition) {
                self.engine
                    .advance(reading.partition, now.minus(self.timing.grace));
            } else {
                unread += 1;
            }
            let (topic, number) = (&*partition.topic, partition.partition);
            if let Some(lag) = consumer.lag(partition) {
                behind += lag;
                self.metrics.set_lag(topic, number, lag);
            }
            if let Some(clock) = self.engine.clock_of(reading.partition) {
                self.metrics.set_watermark(topic, number, clock);
            }
        }
        let assigned = consumer.assigned().count();
        self.metrics.set_partitions_assigned(assigned);
        self.show_counts();
        let complete = assigned > 0 && unread == 0 && self.lost.is_empty();
        let caught_up = self.catching_up.take_if(|_| complete);
        self.say_progress(behind);
        if let Some(latch) = &self.catching_up {
            if assigned > 0 && self.lost.is_empty() {
                latch.set_reason(format!("reading the topic: {behind} records behind"));
            }
        } else {
            self.show(now);
            self.metrics
                .observe_checkpoint(now, started.elapsed().as_secs_f64());
        }
        if let Some(latch) = caught_up {
            // Not before the series are there: who is told that it is ready finds them.
            info!(records = self.progress.records, "caught up");
            self.metrics.set_caught_up(true);
            latch.release();
        }
        if self.flush_dead_letters(Duration::ZERO) {
            consumer.commit(self.places.iter().filter_map(|(partition, place)| {
                Some((partition, self.readings[*place].position?))
            }));
        }
        started.elapsed()
    }

    fn show(&mut self, now: Timestamp) {
        let snapshot = Arc::new(self.engine.snapshot());
        let states = snapshot.states();
        self.metrics.set_tickets(TicketState::Open, states.open);
        self.metrics.set_tickets(TicketState::Solved, states.solved);
        self.metrics
            .set_tickets(TicketState::Finalized, states.finalized);
        self.metrics
            .set_tickets(TicketState::Withdrawn, states.withdrawn);
        self.published.set_overview(overview(&snapshot, false));
        self.published.publish(snapshot);
        for deadline in self.engine.take_breaches() {
            let seconds = crate::domain::timestamp::seconds(now.since(deadline));
            self.metrics.observe_breach_detection(seconds);
        }
    }

    fn show_counts(&mut self) {
        let counts = self.engine.counts();
        let shown = std::mem::replace(&mut self.shown, counts);
        let metrics = &self.metrics;
        metrics
            .events(RecordResult::Applied)
            .inc_by(counts.applied - shown.applied);
        metrics
            .events(RecordResult::Duplicate)
            .inc_by(counts.duplicate - shown.duplicate);
        for (reason, count) in [
            (Ignored::Withdrawn, counts.withdrawn - shown.withdrawn),
            (Ignored::MergedAway, counts.merged_away - shown.merged_away),
        ] {
            metrics.ignored(reason.reason()).inc_by(count);
            metrics.events(RecordResult::Ignored).inc_by(count);
        }
        metrics
            .out_of_order()
            .inc_by(counts.out_of_order - shown.out_of_order);
        metrics
            .misrouted()
            .inc_by(counts.misrouted - shown.misrouted);
        if shown.misrouted == 0 && counts.misrouted > 0 {
            warn!("a ticket was seen in two partitions; producers must key records by ticket id");
        }
        for (label, count) in [
            (
                LimitedLabel::Team,
                counts.overflowed_teams - shown.overflowed_teams,
            ),
            (
                LimitedLabel::Priority,
                counts.overflowed_priorities - shown.overflowed_priorities,
            ),
            (
                LimitedLabel::Channel,
                counts.overflowed_channels - shown.overflowed_channels,
            ),
        ] {
            metrics.overflow(label).inc_by(count);
        }
        metrics.set_timers(self.engine.timers());
        let greatest = self
            .readings
            .iter()
            .filter_map(|reading| self.engine.greatest_event(reading.partition))
            .max();
        if let Some(at) = greatest {
            metrics.set_last_event(at);
        }
    }

    fn settle_dead_letters(&mut self) {
        if !self.flush_dead_letters(DEAD_LETTER_PATIENCE) {
            warn!("dead letters were not confirmed before the stop");
        }
    }

    /// Counts the letters delivered so far; whether none is on its way.
    fn flush_dead_letters(&mut self, patience: Duration) -> bool {
        let Some(dead_letters) = &mut self.dead_letters else {
            return true;
        };
        let report = dead_letters.flush(patience);
        self.metrics
            .events(RecordResult::DeadLettered)
            .inc_by(report.delivered);
        if report.failed > 0 {
            let reason = report.reason.unwrap_or_default();
            error!(letters = report.failed, reason, "dead letters lost");
        }
        dead_letters.confirmed()
    }

    fn say_progress(&mut self, behind: i64) {
        let elapsed = self.progress.at.elapsed();
        if self.catching_up.is_none() || elapsed < PROGRESS_INTERVAL {
            return;
        }
        let new = self.progress.records - self.progress.said;
        let rate = u128::from(new) * 1_000 / elapsed.as_millis().max(1);
        info!(
            records = self.progress.records,
            rate, behind, "reading the topic"
        );
        self.progress.at = Instant::now();
        self.progress.said = self.progress.records;
    }
}

/// Leaves the group. Brokers that are gone do not answer; the process need not wait for them.
fn leave(consumer: Consumer) {
    let (done, left) = mpsc::channel();
    thread::spawn(move || {
        drop(consumer);
        // Nobody waits any more only where this took too long.
        let _ = done.send(());
    });
    if left.recv_timeout(LEAVE_PATIENCE).is_err() {
        warn!("the consumer group was not left properly; its session will time out");
    }
}

/// A record and what it says.
type Decoded<'a> = (Record<'a>, Result<Event<'a>, Rejection>);

/// The greatest event time of a chunk.
fn latest_event(chunk: &[Decoded<'_>]) -> Option<Timestamp> {
    let events = chunk.iter().filter_map(|(_, event)| event.as_ref().ok());
    events.map(|event| event.at).max()
}

fn decode_chunk<'a>(records: &[Record<'a>], latest: Timestamp) -> Vec<Decoded<'a>> {
    records
        .iter()
        .map(|record| {
            (
                *record,
                decode::decode(record.value.unwrap_or_default(), Some(latest)),
            )
        })
        .collect()
}
