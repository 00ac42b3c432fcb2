//! The loop between Kafka and what is published: reads batches, applies them, and from time to
//! time moves the stream clocks, has the state kept, and shows it once it is. One thread, which
//! owns the engine.

mod change;
mod keys;
mod letters;
mod missing_topics;
mod readings;
mod retirement;
mod schemas;
mod standing;
mod tables;
mod tail;
mod tally;
mod transactions;
mod useless;

pub use change::{Change, NotKept};
pub use readings::{KeptReadings, Loss, Lost, Reading, Readings};
pub use retirement::retire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::checkpoint::{Keeper, KeeperDied};
use crate::decode::{Decoded, Decoder};
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};
use crate::edge::http::{Answer, Latch, Published, View};
use crate::edge::kafka::{
    Consumer, ConsumerEvent, CredentialFiles, DeadLetterProducer, KafkaProblem, KafkaRecord,
    RecordBatch, TopicPartition, missing_topics,
};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::wall_clock::Clock;
use crate::engine::{Engine, Snapshot, limits};
use keys::Keys;
use letters::Letters;
use missing_topics::MissingTopics;
use readings::Pass;
use schemas::Lookup;
use standing::{PartitionStanding, Standing};
use tables::Tables;
use tally::Tally;
use transactions::OpenTransactions;
use useless::Useless;

/// Longest wait for records: the pace at which clocks move and stop signals are seen.
const POLL: Duration = Duration::from_millis(100);
/// The same while a checkpoint is on its way: what is on disk is to be seen soon.
const POLL_BUSY: Duration = Duration::from_millis(5);
/// How long one look waits for dead letters to be confirmed: they have to be before what they
/// stand for is kept, and no more are sent meanwhile.
const DEAD_LETTER_WAIT: Duration = Duration::from_secs(1);
/// How long the end of a stop waits for dead letters.
const DEAD_LETTER_PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of a stop waits for a checkpoint.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(10);
/// How long another member may have partitions before the log says so.
const REBALANCE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a look at the topics' partitions waits for the brokers.
const PARTITIONS_PATIENCE: Duration = Duration::from_secs(1);
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
/// Taking a state out of the engine may need this part of the time at most: a large one is kept
/// and shown less often rather than slowing the reading down.
const CHECKPOINT_SHARE: u32 = 20;

/// How the loop treats time.
#[derive(Clone)]
pub struct Timing {
    /// A partition's clock follows the time as of which it was read, less this.
    pub grace: Milliseconds,
    /// Events further ahead of the wall clock are rejected.
    pub max_future: Milliseconds,
    /// Time between two checkpoints.
    pub interval: Duration,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why the loop is left for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// There is something to do besides reading.
    Told,
    /// Files with passwords or certificates have changed: only other clients use them.
    NewCredentials,
}

/// Why the loop ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("{0}")]
    Kafka(String),
    /// A new consumer can go on from the kept state.
    #[error("{0}")]
    Fenced(String),
    /// The same: there are new credentials, and the last state could not be kept.
    #[error("new credentials for kafka")]
    Renewed,
    /// The numbers cannot go on from what was read so far.
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error(transparent)]
    Keeper(#[from] KeeperDied),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
}

/// The end of a loop that ended by itself.
#[derive(Debug)]
pub struct Failed {
    pub error: IngestError,
    /// Keeps the exporter from being ready.
    pub latch: Latch,
}

/// What the loop works on.
#[derive(Debug)]
pub struct State {
    pub engine: Engine,
    pub readings: Readings,
    /// `None`: the state lives in memory only, and is shown at once.
    pub keeper: Option<Keeper>,
}

impl State {
    /// An empty state that lives in memory only.
    pub fn volatile(engine: Engine) -> Self {
        Self {
            engine,
            readings: Readings::default(),
            keeper: None,
        }
    }
}

/// A state that is on its way to the disk, and then to the scrapes.
struct Pending {
    started: Instant,
    standing: Arc<Standing>,
    /// `None` while catching up.
    snapshot: Option<Snapshot>,
    /// To questions about tickets, as of the same instant.
    answers: Vec<Answer>,
    /// Deadlines whose breach is in it.
    breaches: Vec<Timestamp>,
    /// Of [`Ingest::withheld`] and [`Ingest::bridges`], when it was taken.
    withheld: u64,
    bridges: u64,
}

/// See the module.
pub struct Ingest {
    engine: Engine,
    tables: Tables,
    readings: Readings,
    keeper: Option<Keeper>,
    timing: Timing,
    metrics: Arc<SelfMetrics>,
    published: Arc<Published>,
    letters: Letters,
    missing: MissingTopics,
    keys: Keys,
    /// Since when another member has had partitions, and whether the log has said so.
    foreign: Option<(Instant, bool)>,
    /// `None`: records have no schemas.
    schemas: Option<Lookup>,
    /// Held until every partition is ours and was read to its end.
    catching_up: Option<Latch>,
    /// Held while Kafka does not let us in.
    refused: Option<Latch>,
    transactions: OpenTransactions,
    /// `None`: nothing that could change.
    credentials: Option<CredentialFiles>,
    /// What was shown before another consumer took over stays until that one has caught up.
    bridging: bool,
    /// How often that began: what was taken before does not end it.
    bridges: u64,
    /// How often series were withheld: what was taken before is not shown after.
    withheld: u64,
    pending: Option<Pending>,
    tally: Tally,
    useless: Useless,
    progress: Progress,
    /// The windows do not wait for some partition.
    left_behind: bool,
    next_checkpoint: Instant,
    next_look: Instant,
}

#[derive(Debug)]
struct Progress {
    at: Instant,
    records: u64,
    said: u64,
}

/// How far the partitions are.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    assigned: usize,
    /// Partitions not read to their end.
    unread: usize,
    /// Records in them.
    behind: i64,
}

impl Ingest {
    pub fn new(
        state: State,
        decoder: Decoder,
        timing: Timing,
        published: Arc<Published>,
        dead_letters: Option<DeadLetterProducer>,
    ) -> Self {
        let latch = published
            .readiness()
            .hold("waiting for partitions to be assigned");
        let metrics = Arc::clone(published.self_metrics());
        for reading in state.readings.iter() {
            metrics.lost_records(&reading.source.topic, reading.source.partition);
        }
        Self {
            tally: Tally::new(Arc::clone(&metrics), state.engine.counts()),
            useless: Useless::new(Arc::clone(&published)),
            engine: state.engine,
            tables: Tables::new(decoder),
            readings: state.readings,
            keeper: state.keeper,
            timing,
            letters: Letters::new(
                dead_letters,
                published.readiness().clone(),
                Arc::clone(&metrics),
            ),
            missing: MissingTopics::new(Arc::clone(&metrics)),
            keys: Keys::default(),
            foreign: None,
            metrics,
            published,
            schemas: None,
            catching_up: Some(latch),
            refused: None,
            transactions: OpenTransactions::default(),
            credentials: None,
            bridging: false,
            bridges: 0,
            withheld: 0,
            pending: None,
            progress: Progress {
                at: Instant::now(),
                records: 0,
                said: 0,
            },
            left_behind: false,
            next_checkpoint: Instant::now(),
            next_look: Instant::now(),
        }
    }

    /// The decoder reads records with schemas, which the registry knows.
    #[must_use]
    pub fn with_schema_registry(mut self, registry: Arc<SchemaRegistryClient>) -> Self {
        self.schemas = self.lookup(registry);
        self
    }

    /// Pauses once one of these has changed.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<CredentialFiles>) -> Self {
        self.credentials = credentials;
        self
    }

    fn lookup(&self, registry: Arc<SchemaRegistryClient>) -> Option<Lookup> {
        let schemas = self.tables.decoder().schemas().cloned();
        let readiness = self.published.readiness().clone();
        let metrics = Arc::clone(&self.metrics);
        schemas.map(|schemas| Lookup::new(registry, schemas, metrics, readiness))
    }

    /// Reads until there is something else to do, which is up to the caller.
    ///
    /// # Errors
    /// What the loop cannot get over: from then on the series are withheld.
    pub fn run(&mut self, consumer: &mut Consumer, halt: &AtomicBool) -> Result<Pause, Failed> {
        while !halt.load(Ordering::Relaxed) {
            if self.has_new_credentials() {
                return Ok(Pause::NewCredentials);
            }
            if let Err(error) = self.step(consumer) {
                return Err(self.fail(error));
            }
        }
        Ok(Pause::Told)
    }

    /// Keeps and shows the last state; whether it is on disk.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn finish(&mut self, consumer: &Consumer) -> Result<bool, Failed> {
        self.keep_last(consumer).map_err(|error| self.fail(error))
    }

    /// Withholds the series: reading ends here.
    pub fn fail(&mut self, error: IngestError) -> Failed {
        let latch = self.withhold(&error.to_string());
        Failed { error, latch }
    }

    fn has_new_credentials(&mut self) -> bool {
        let credentials = self.credentials.as_mut();
        credentials.is_some_and(CredentialFiles::have_changed)
    }

    /// Takes what comes next, or waits for it a moment; keeps and shows the result when it is time.
    ///
    /// # Errors
    /// What the loop cannot get over.
    pub fn step(&mut self, consumer: &mut Consumer) -> Result<(), IngestError> {
        let mut patience = if self.pending.is_some() {
            POLL_BUSY
        } else {
            POLL
        };
        if self.is_held(patience, consumer) {
            patience = Duration::ZERO;
        }
        match consumer.next(patience) {
            ConsumerEvent::Records(batch) => {
                let (taken, all) = (self.apply(&batch)?, batch.len());
                if taken < all {
                    consumer.hold(taken);
                }
            }
            ConsumerEvent::Assigned(partitions) => self.assigned(consumer, &partitions)?,
            ConsumerEvent::Revoked(partitions) => self.revoked(&partitions),
            ConsumerEvent::Problem(trouble) => self.trouble(consumer, trouble)?,
            ConsumerEvent::Identified(topics) => {
                self.readings.identify(&topics)?;
                self.look_at_topics(consumer);
            }
            ConsumerEvent::Reconnected(partitions) => {
                for partition in &partitions {
                    self.readings.reconnected(partition);
                }
            }
            ConsumerEvent::Idle => {}
        }
        self.compare_anchors(consumer);
        if self.pending.is_some() {
            let kept = match &mut self.keeper {
                Some(keeper) => keeper.kept()?,
                None => None,
            };
            if let Some(kept) = kept {
                self.metrics.set_checkpoint_bytes(kept.bytes);
                self.show_pending(consumer);
            } else if Instant::now() >= self.next_look {
                // The disk is slow or full: what is told about the reading goes on.
                self.look(consumer)?;
            }
        } else if Instant::now() >= self.next_checkpoint {
            self.next_checkpoint = Instant::now() + self.timing.interval;
            self.checkpoint(consumer, DEAD_LETTER_WAIT)?;
        }
        Ok(())
    }

    /// Whether records of the last batch wait, for a schema or for room among the dead letters.
    /// Waits up to `patience` for that, and has the consumer go on once nothing is waited for.
    fn is_held(&mut self, patience: Duration, consumer: &mut Consumer) -> bool {
        let (mut waited, mut waits) = (false, false);
        if let Some(schemas) = &mut self.schemas
            && schemas.is_waiting()
        {
            waited = true;
            waits |= !schemas.is_over(patience);
        }
        if self.letters.is_held() {
            waited = true;
            waits |= !self
                .letters
                .is_over(if waits { Duration::ZERO } else { patience });
        }
        if waited && !waits {
            consumer.resume();
        }
        waited
    }

    /// Records taken so far.
    pub fn records(&self) -> u64 {
        self.progress.records
    }

    fn keep_last(&mut self, consumer: &Consumer) -> Result<bool, IngestError> {
        self.await_pending(consumer);
        if self.pending.is_none() {
            if !self.checkpoint(consumer, DEAD_LETTER_PATIENCE)? {
                return Ok(false);
            }
            self.await_pending(consumer);
        }
        Ok(self.pending.is_none())
    }

    fn await_pending(&mut self, consumer: &Consumer) {
        if self.pending.is_some()
            && let Some(keeper) = &mut self.keeper
            && keeper.wait(CHECKPOINT_PATIENCE).is_some()
        {
            self.show_pending(consumer);
        }
    }

    /// Decodes and applies a batch, up to the first record whose schema has to be waited for, or that
    /// is a dead letter for which there is no room: how many records that are. In a large batch,
    /// which a backlog gives, a second thread decodes ahead: the order of the records stays what it
    /// is.
    fn apply(&mut self, batch: &RecordBatch<'_>) -> Result<usize, Lost> {
        let latest = self.timing.clock.latest().plus(self.timing.max_future);
        if let Some(reading) = self.tables.look() {
            self.engine.read_as(reading);
        }
        let decoder = self.tables.decoder().clone();
        let headers = if decoder.needs_headers() {
            batch.headers()
        } else {
            Vec::new()
        };
        let mut records: Vec<KafkaRecord<'_>> = batch.iter(&headers).collect();
        if let Some(schemas) = &mut self.schemas {
            records.truncate(schemas.ready(&records));
        }
        self.keys.look(&records, &self.readings);
        let mut taken = 0;
        if records.len() < DECODE_AHEAD_FROM {
            for chunk in records.chunks(CHUNK) {
                let decoded = decode_chunk(&decoder, chunk, latest);
                let applied = self.apply_chunk(&decoded, batch, taken);
                taken += applied;
                if applied < chunk.len() {
                    break;
                }
            }
        } else {
            thread::scope(|scope| {
                let (sender, receiver) = mpsc::sync_channel(CHUNKS_AHEAD);
                let (records, decoder) = (&records, &decoder);
                scope.spawn(move || {
                    for chunk in records.chunks(CHUNK) {
                        if sender.send(decode_chunk(decoder, chunk, latest)).is_err() {
                            return; // the other side takes no more
                        }
                    }
                });
                for chunk in receiver {
                    let applied = self.apply_chunk(&chunk, batch, taken);
                    taken += applied;
                    if applied < chunk.len() {
                        break; // what was decoded ahead is decoded again
                    }
                }
            });
        }
        records.truncate(taken);
        self.progress.records += records.len() as u64;
        self.readings.anchor(&records);
        match self.readings.lost() {
            Some(lost) => Err(lost.clone()),
            None => Ok(records.len()),
        }
    }

    /// Applies records, which begin at this `place` of the batch: how many. A dead letter for which
    /// there is no room ends it.
    fn apply_chunk(
        &mut self,
        chunk: &[(KafkaRecord<'_>, Decoded<'_>)],
        batch: &RecordBatch<'_>,
        place: usize,
    ) -> usize {
        self.engine
            .warm(chunk.iter().flat_map(|(_, decoded)| decoded.events()));
        if self.catching_up.is_none()
            && let Some(at) = latest_event(chunk)
        {
            self.timing.clock.witness(at);
        }
        for (number, (record, decoded)) in chunk.iter().enumerate() {
            let letter = decoded.rejection().filter(|_| self.letters.is_wanted());
            if letter.is_some() && !self.letters.has_room() {
                return number;
            }
            let Pass::Apply(partition) = self.readings.pass(record) else {
                continue;
            };
            for event in decoded.events() {
                self.engine.apply(partition, event);
            }
            self.tally.note(record, decoded);
            let engine = &self.engine;
            self.useless
                .note(record, decoded, self.tables.decoder(), || {
                    engine.greatest_event(partition).is_some()
                });
            if let Some(rejection) = letter {
                let headers = batch.all_headers(place + number);
                self.letters.send(record, &headers, rejection.reason());
            }
        }
        chunk.len()
    }

    fn assigned(
        &mut self,
        consumer: &mut Consumer,
        partitions: &[TopicPartition],
    ) -> Result<(), IngestError> {
        for partition in partitions {
            if self.readings.get(partition).is_none() {
                let number = self.engine.add_partition();
                let number = number.ok_or(IngestError::TooManyPartitions)?;
                self.readings.add(partition, number);
            }
            self.metrics
                .lost_records(&partition.topic, partition.partition);
        }
        consumer.start_reading(|partition| self.readings.start(partition));
        info!(partitions = partitions.len(), "partitions assigned");
        self.withhold_until_complete("reading the topic");
        Ok(())
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.metrics
                .remove_partition(&partition.topic, partition.partition);
            self.transactions.remove(partition);
        }
        self.bridging = false;
        warn!(
            partitions = partitions.len(),
            "partitions taken away by the group; kpi series are withheld until they are back"
        );
        self.withhold_until_complete("partitions are not owned");
    }

    fn trouble(
        &mut self,
        consumer: &mut Consumer,
        trouble: KafkaProblem,
    ) -> Result<(), IngestError> {
        match trouble {
            KafkaProblem::Retrying(text) => {
                warn!(%text, "kafka");
                Ok(())
            }
            KafkaProblem::Refused(text) => {
                warn!(%text, "kafka");
                match &self.refused {
                    Some(latch) => latch.set_reason(text),
                    None => self.refused = Some(self.published.readiness().hold(text)),
                }
                Ok(())
            }
            KafkaProblem::OutOfRange {
                partition,
                available,
                ..
            } => {
                // What was known before may be what is no longer so.
                let extent = consumer
                    .fetch_watermarks(&partition, PARTITIONS_PATIENCE)
                    .or(available);
                self.readings.out_of_range(&partition, extent)?;
                let begin = extent.map(|(begin, _)| begin);
                let start = self.readings.start_at(&partition, begin);
                consumer.restart_at(&partition, start);
                Ok(())
            }
            KafkaProblem::Fenced(text) => Err(IngestError::Fenced(text)),
            KafkaProblem::Fatal(text) => {
                error!(%text, "kafka");
                Err(IngestError::Kafka(text))
            }
        }
    }

    /// While a configured topic does not exist, nothing is complete.
    fn look_at_topics(&mut self, consumer: &Consumer) {
        let missing: Vec<&str> = consumer.missing_topics().collect();
        self.missing.show(consumer.topics(), &missing);
        if !missing.is_empty() && (self.catching_up.is_none() || self.bridging) {
            self.bridging = false;
            self.withhold_until_complete(&missing_topics(&missing));
        }
    }

    /// What Prometheus has seen stays true: rather stale series than wrong ones.
    fn withhold_until_complete(&mut self, reason: &str) {
        if self.bridging
            && let Some(latch) = &self.catching_up
        {
            latch.set_reason(reason);
            return;
        }
        let latch = self.withhold(reason);
        self.catching_up = Some(latch);
    }

    fn withhold(&mut self, reason: &str) -> Latch {
        self.bridging = false;
        self.published.withhold();
        self.metrics.set_caught_up(false);
        self.withheld += 1;
        match self.catching_up.take() {
            Some(latch) => {
                latch.set_reason(reason);
                latch
            }
            None => self.published.readiness().hold(reason),
        }
    }

    /// Moves the clocks, and has the state kept; it is shown once it is. Whether a checkpoint was begun: not while dead letters are on their way.
    fn checkpoint(&mut self, consumer: &Consumer, patience: Duration) -> Result<bool, IngestError> {
        let started = Instant::now();
        let position = self.look(consumer)?;
        if !self.letters.flush(patience) {
            return Ok(false); // no dead letter may be lost by a crash
        }
        let caught_up = self.catching_up.is_none();
        let shown = caught_up || self.is_complete(consumer, position)?;
        let taken = Instant::now();
        let snapshot = shown.then(|| self.engine.snapshot());
        let answers = if shown { self.answer() } else { Vec::new() };
        let mut breaches = self.engine.take_breaches();
        if !caught_up {
            breaches.clear(); // how late a history is seen says nothing
        }
        let standing = self.standing();
        if caught_up {
            self.say_left_behind(&standing);
        }
        self.pending = Some(Pending {
            started,
            standing: Arc::new(standing),
            breaches,
            snapshot,
            answers,
            withheld: self.withheld,
            bridges: self.bridges,
        });
        match &mut self.keeper {
            Some(keeper) => keeper.keep(&mut self.engine, &mut self.readings)?,
            None => self.show_pending(consumer),
        }
        let pause = taken.elapsed() * CHECKPOINT_SHARE;
        self.next_checkpoint = self.next_checkpoint.max(taken + pause);
        Ok(true)
    }

    /// Answers the questions about tickets that wait. The answers are of the state that is about to
    /// be kept, and are sent when it is: nobody sees what a crash could take back.
    fn answer(&self) -> Vec<Answer> {
        let questions = self.published.questions().take();
        let queries: Vec<_> = questions.iter().map(|one| one.query().clone()).collect();
        let lists = self.engine.goal_lists(&queries);
        let answered = questions.into_iter().zip(lists);
        answered
            .map(|(question, list)| question.answer(list))
            .collect()
    }

    /// Moves the clocks, and tells how the reading goes.
    fn look(&mut self, consumer: &Consumer) -> Result<Position, Lost> {
        self.next_look = Instant::now() + self.timing.interval;
        let position = self.advance(consumer)?;
        if consumer.can_read()
            && let Some(latch) = self.refused.take()
        {
            info!("kafka lets us in again");
            latch.release();
        }
        self.tally.show(self.engine.counts());
        self.metrics.set_timers(self.engine.timers());
        self.say_progress(position.behind);
        Ok(position)
    }

    /// Moves the clock of each partition up to the time as of which everything was read, less the
    /// grace.
    fn advance(&mut self, consumer: &Consumer) -> Result<Position, Lost> {
        let Timing { grace, clock, .. } = &self.timing;
        let mut position = Position::default();
        // Partitions that are complete as of one moment have one clock, to the millisecond.
        let mut clocks: HashMap<Instant, Timestamp> = HashMap::new();
        for partition in consumer.assigned() {
            let status = consumer.end_status(partition);
            let read_up_to = consumer.position(partition);
            if status.read_to_end
                && let Some(extent) = consumer.cached_watermarks(partition)
            {
                self.readings.at_end(partition, read_up_to, extent)?;
            }
            if let Some(next) = read_up_to {
                self.readings.pass_to(partition, next);
            }
            let Some(reading) = self.readings.get(partition) else {
                continue;
            };
            position.assigned += 1;
            let hidden = status.open_transaction;
            let waits = self
                .transactions
                .note(partition, hidden, *grace, &self.metrics);
            if reading.is_checked()
                && let Some(complete) = status.complete_as_of
            {
                let time = *clocks
                    .entry(complete)
                    .or_insert_with(|| clock.at(complete).minus(*grace));
                self.engine.advance(reading.partition, time);
            }
            if !status.read_to_end || waits || !reading.is_checked() {
                position.unread += 1;
            }
            if let Some(lag) = consumer.lag(partition) {
                let hidden = hidden.filter(|_| waits).map_or(0, |hidden| hidden.records);
                position.behind += lag + hidden;
                self.metrics
                    .set_lag(&partition.topic, partition.partition, lag + hidden);
            }
        }
        self.transactions.show(self.published.readiness());
        self.metrics.set_partitions_assigned(position.assigned);
        let greatest = self
            .readings
            .iter()
            .filter_map(|reading| self.engine.greatest_event(reading.partition))
            .max();
        if let Some(at) = greatest {
            self.metrics.set_last_event(at);
        }
        Ok(position)
    }

    /// Whether every partition of the topics is ours and was read to its end. If not, the latch
    /// says why.
    fn is_complete(&mut self, consumer: &Consumer, position: Position) -> Result<bool, Lost> {
        let missing: Vec<&str> = consumer.missing_topics().collect();
        let reason = if !missing.is_empty() {
            missing_topics(&missing)
        } else if let Some(trouble) = consumer.problem() {
            trouble.to_owned()
        } else if position.assigned == 0 {
            return Ok(false); // said already
        } else if position.unread > 0 {
            format!("reading the topic: {} records behind", position.behind)
        } else if let Some(all) = consumer.partitions(PARTITIONS_PATIENCE) {
            self.readings.all_among(&all)?;
            let missing = consumer.topics_without(&all);
            let foreign = all
                .iter()
                .filter(|one| !consumer.assigned().any(|ours| ours == *one))
                .count();
            self.missing.show(consumer.topics(), &missing);
            if !missing.is_empty() {
                missing_topics(&missing)
            } else if foreign == 0 {
                self.foreign = None;
                return Ok(true);
            } else {
                let text = format!(
                    "{foreign} of {} partitions are not owned: another member of the consumer \
                     group reads them; an exporter needs a group of its own",
                    all.len()
                );
                self.say_foreign(&text);
                text
            }
        } else {
            "waiting for the brokers to name the partitions".to_owned()
        };
        if let Some(latch) = &self.catching_up {
            latch.set_reason(reason);
        }
        Ok(false)
    }

    /// Says once when the windows no longer wait for a partition, and when they wait again.
    fn say_left_behind(&mut self, standing: &Standing) {
        let behind = standing.left_behind().next();
        match behind {
            Some(one) if !self.left_behind => warn!(
                topic = %one.topic,
                partition = one.partition,
                "windows go on without a partition that is far behind the others"
            ),
            None if self.left_behind => info!("windows hold every partition again"),
            _ => {}
        }
        self.left_behind = behind.is_some();
    }

    fn standing(&self) -> Standing {
        let partitions = self.readings.iter().map(|reading| PartitionStanding {
            source: reading.source.clone(),
            next: reading.next,
            clock: self.engine.clock_of(reading.partition),
        });
        Standing {
            partitions: partitions.collect(),
            windows: self.engine.windows_clock(),
        }
    }

    /// The pending state is kept: now it may be seen.
    fn show_pending(&mut self, consumer: &Consumer) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let now = self.timing.clock.now();
        let progress = Arc::clone(&pending.standing);
        let current = pending.withheld == self.withheld;
        let snapshot = pending.snapshot.filter(|_| current);
        let shown = snapshot.is_some();
        match snapshot {
            // What is shown stays whole, with the records that it is of.
            None if self.bridging => {}
            None => self.published.set_progress(progress),
            Some(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.tally.show_tickets(snapshot.states());
                self.published.publish(View {
                    progress: Some(progress),
                    kpis: Some(snapshot),
                });
                for answer in pending.answers {
                    answer.send();
                }
                for deadline in pending.breaches {
                    let delay = seconds(now.since(deadline));
                    self.metrics.observe_breach_detection(delay);
                }
            }
        }
        self.metrics
            .observe_checkpoint(now, pending.started.elapsed().as_secs_f64());
        let is_of_now = pending.bridges == self.bridges;
        if shown
            && is_of_now
            && let Some(latch) = self.catching_up.take()
        {
            // Not before the series are there: who is told that it is ready finds them.
            info!(records = self.progress.records, "caught up");
            self.metrics.set_caught_up(true);
            self.bridging = false;
            latch.release();
        }
        let standing = pending.standing.partitions.iter();
        consumer.commit(standing.filter_map(|one| Some((&one.source, one.next?))));
    }

    /// Has the log say, once, that another member keeps partitions. Every rebalance takes a moment.
    fn say_foreign(&mut self, text: &str) {
        let (since, said) = self.foreign.get_or_insert((Instant::now(), false));
        if !*said && since.elapsed() >= REBALANCE_PATIENCE {
            *said = true;
            warn!(%text, "kafka");
        }
    }

    fn say_progress(&mut self, behind: i64) {
        let elapsed = self.progress.at.elapsed();
        let new = self.progress.records - self.progress.said;
        if self.catching_up.is_none() || elapsed < PROGRESS_INTERVAL || new == 0 {
            return;
        }
        let rate = u128::from(new) * 1_000 / elapsed.as_millis().max(1);
        info!(
            records = self.progress.records,
            rate, behind, "reading the topic"
        );
        self.progress.at = Instant::now();
        self.progress.said = self.progress.records;
    }
}

/// Leaves the group; `for_good` where this member does not come back.
pub(super) fn leave(mut consumer: Consumer, for_good: bool) {
    let left = ends_in_time(move || {
        if for_good {
            consumer.leave_group();
        }
        drop(consumer);
    });
    if !left {
        warn!("the consumer group was not left properly; its session will time out");
    }
}

/// Drops a client; whether that is done.
pub(super) fn part_with(client: impl Send + 'static) -> bool {
    ends_in_time(move || drop(client))
}

/// Runs what waits for answers of brokers; whether it came to its end. Brokers that are gone do not
/// answer, and the process need not wait for them.
fn ends_in_time(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        work();
        // The receiver is gone where this took too long; that is fine.
        let _ = done.send(());
    });
    ended.recv_timeout(LEAVE_PATIENCE).is_ok()
}

/// The greatest event time of a chunk.
fn latest_event(chunk: &[(KafkaRecord<'_>, Decoded<'_>)]) -> Option<Timestamp> {
    let events = chunk.iter().flat_map(|(_, decoded)| decoded.events());
    events.map(|event| event.at).max()
}

/// Records and what they say.
fn decode_chunk<'a>(
    decoder: &Decoder,
    records: &[KafkaRecord<'a>],
    latest: Timestamp,
) -> Vec<(KafkaRecord<'a>, Decoded<'a>)> {
    records
        .iter()
        .map(|record| (*record, decoder.decode(&record.to_decode(), Some(latest))))
        .collect()
}
