//! The ingest loop, the owner of the engine: it consumes records, applies them, takes checkpoints, and
//! publishes each checkpoint when it is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::checkpoints::{Checkpoints, TakenCheckpoint};
use super::completeness::{Completeness, Completion};
use super::error::{IngestError, IngestFailure};
use super::input_progress::InputProgress;
use super::partition_clocks::{ConsumerProgress, StreamClocks};
use super::processor::RecordProcessor;
use super::progress_log::ProgressLog;
use super::publication::Publication;
use super::timing::Timing;
use super::visibility::VisibilityEvent;
use crate::app::checkpoint::CheckpointWriter;
use crate::app::source_offsets::{RecordsLost, SourceOffsets};
use crate::decode::Decoder;
use crate::edge::http::{Latch, Published, TicketAnswer};
use crate::edge::kafka::{
    Consumer, ConsumerEvent, CredentialFiles, DeadLetterProducer, KafkaProblem, TopicPartition,
};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::Engine;

/// Longest wait for records. The loop moves the clocks and sees stop signals at this pace.
const POLL: Duration = Duration::from_millis(100);
/// The same while a checkpoint is being written: its series should be visible soon after.
const POLL_DURING_CHECKPOINT: Duration = Duration::from_millis(5);
/// How long a checkpoint waits until Kafka has confirmed the dead letters. They must be confirmed before
/// the checkpoint with their records.
const DEAD_LETTER_WAIT: Duration = Duration::from_secs(1);
/// The same for the last checkpoint before a stop.
const LAST_DEAD_LETTER_WAIT: Duration = Duration::from_secs(10);
/// How long a stop waits for the last checkpoint.
const LAST_CHECKPOINT_WAIT: Duration = Duration::from_secs(10);
/// How long the brokers may take to report the first and end offset of a partition.
const WATERMARKS_PATIENCE: Duration = Duration::from_secs(1);
/// How long a stop reads the control records after the last records. They follow within milliseconds. A
/// restart reads the rest, unless retention removes it.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);

/// Why the loop paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestPause {
    /// The caller has requested it.
    Requested,
    /// Files with passwords or certificates have changed: new clients must read them.
    NewCredentials,
}

/// The state that the loop continues.
#[derive(Debug)]
pub struct IngestState {
    pub engine: Engine,
    pub offsets: SourceOffsets,
    /// `None`: the state is in memory only, and is published without checkpoints.
    pub writer: Option<CheckpointWriter>,
}

impl IngestState {
    /// An empty state in memory.
    pub fn in_memory(engine: Engine) -> Self {
        Self {
            engine,
            offsets: SourceOffsets::default(),
            writer: None,
        }
    }
}

pub struct Ingest {
    pub(super) processor: RecordProcessor,
    pub(super) checkpoints: Checkpoints,
    pub(super) publication: Publication,
    pub(super) clocks: StreamClocks,
    pub(super) timing: Timing,
    /// `None`: the clients read no files.
    pub(super) credentials: Option<CredentialFiles>,
    completeness: Completeness,
    progress_log: ProgressLog,
    published: Arc<Published>,
    metrics: Arc<SelfMetrics>,
    /// Held while Kafka refuses this client.
    refused: Option<Latch>,
    next_progress_report: Instant,
}

impl Ingest {
    pub fn new(
        state: IngestState,
        decoder: Decoder,
        timing: Timing,
        published: Arc<Published>,
        dead_letters: Option<DeadLetterProducer>,
    ) -> Self {
        let metrics = Arc::clone(published.self_metrics());
        for offset in state.offsets.iter() {
            metrics.lost_records(&offset.source.topic, offset.source.partition);
        }
        Self {
            processor: RecordProcessor::new(
                state.engine,
                state.offsets,
                decoder,
                Arc::clone(&published),
                dead_letters,
            ),
            checkpoints: Checkpoints::new(state.writer, Arc::clone(&metrics)),
            publication: Publication::new(Arc::clone(&published)),
            clocks: StreamClocks::new(Arc::clone(&published)),
            timing,
            credentials: None,
            completeness: Completeness::new(Arc::clone(&metrics)),
            progress_log: ProgressLog::new(),
            published,
            metrics,
            refused: None,
            next_progress_report: Instant::now(),
        }
    }

    /// Gets the schemas of records from this registry.
    #[must_use]
    pub fn with_schema_registry(mut self, registry: Arc<SchemaRegistryClient>) -> Self {
        self.processor.set_schema_registry(Some(registry));
        self
    }

    /// Pauses when one of these files changes.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<CredentialFiles>) -> Self {
        self.credentials = credentials;
        self
    }

    pub fn decoder(&self) -> &Decoder {
        self.processor.decoder()
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.processor.records()
    }

    /// Runs until `halt` is set or credentials change.
    ///
    /// # Errors
    /// An error that ends the loop. The KPI series are withheld.
    pub fn run(
        &mut self,
        consumer: &mut Consumer,
        halt: &AtomicBool,
    ) -> Result<IngestPause, IngestFailure> {
        while !halt.load(Ordering::Relaxed) {
            let credentials = self.credentials.as_mut();
            if credentials.is_some_and(CredentialFiles::have_changed) {
                return Ok(IngestPause::NewCredentials);
            }
            self.step(consumer).map_err(|error| self.fail(error))?;
        }
        Ok(IngestPause::Requested)
    }

    /// Reads the control records behind the last records, for a short time. Without the end of a
    /// transaction, a partition looks as if records were missing. Does nothing while catching up.
    pub fn read_tail(&mut self, consumer: &mut Consumer) -> Result<(), IngestFailure> {
        let started = Instant::now();
        let has_backlog = |consumer: &Consumer| {
            let mut assigned = consumer.assigned();
            assigned.any(|partition| consumer.end_status(partition).has_backlog)
        };
        while self.publication.is_shown()
            && started.elapsed() < TAIL_PATIENCE
            && has_backlog(consumer)
        {
            self.step(consumer).map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    /// Writes and publishes a last checkpoint. Returns whether it is on disk.
    pub fn finish(&mut self, consumer: &Consumer) -> Result<bool, IngestFailure> {
        self.await_checkpoint(consumer);
        if !self.checkpoints.is_pending() {
            let started = self.checkpoint(consumer, LAST_DEAD_LETTER_WAIT);
            if !started.map_err(|error| self.fail(error))? {
                return Ok(false);
            }
            self.await_checkpoint(consumer);
        }
        Ok(!self.checkpoints.is_pending())
    }

    /// Ends the loop and withholds the KPI series.
    pub fn fail(&mut self, error: IngestError) -> IngestFailure {
        let latch = self.publication.fail(error.to_string());
        IngestFailure { error, latch }
    }

    /// Handles the next event of the consumer. Takes, writes and publishes a checkpoint when it is time.
    pub fn step(&mut self, consumer: &mut Consumer) -> Result<(), IngestError> {
        let mut patience = if self.checkpoints.is_pending() {
            POLL_DURING_CHECKPOINT
        } else {
            POLL
        };
        if self.processor.wait_for_held_records(patience, consumer) {
            patience = Duration::ZERO;
        }
        match consumer.next(patience) {
            ConsumerEvent::Records(batch) => {
                let is_shown = self.publication.is_shown();
                let taken = self.processor.apply(&batch, &self.timing, is_shown)?;
                if taken < batch.len() {
                    consumer.hold(taken);
                }
            }
            ConsumerEvent::Assigned(partitions) => self.assigned(consumer, &partitions)?,
            ConsumerEvent::Revoked(partitions) => self.revoked(&partitions),
            ConsumerEvent::Problem(problem) => self.handle_problem(consumer, problem)?,
            ConsumerEvent::Identified(topics) => {
                self.processor.offsets.set_topic_ids(&topics)?;
                if let Some(reason) = self.completeness.check_topics(consumer) {
                    self.publication.on(VisibilityEvent::TopicsMissing(reason));
                }
            }
            ConsumerEvent::Reconnected(partitions) => {
                for partition in &partitions {
                    self.processor.offsets.reconnected(partition);
                }
            }
            ConsumerEvent::Idle => {}
        }
        let offsets = &mut self.processor.offsets;
        for (partition, from) in offsets.anchors_to_verify(Instant::now()) {
            consumer.reread_from(&partition, from);
        }
        if self.checkpoints.is_pending() {
            if let Some(checkpoint) = self.checkpoints.poll()? {
                self.publish(checkpoint, consumer);
            } else if Instant::now() >= self.next_progress_report {
                // The disk is slow or full. The metrics about the consumer stay up to date.
                self.report_progress(consumer)?;
            }
        } else if self.checkpoints.is_due(self.timing.interval) {
            self.checkpoint(consumer, DEAD_LETTER_WAIT)?;
        }
        Ok(())
    }

    fn assigned(
        &mut self,
        consumer: &mut Consumer,
        partitions: &[TopicPartition],
    ) -> Result<(), IngestError> {
        let RecordProcessor {
            engine, offsets, ..
        } = &mut self.processor;
        for partition in partitions {
            if offsets.get(partition).is_none() {
                let number = engine.add_partition();
                offsets.add(partition, number.ok_or(IngestError::TooManyPartitions)?);
            }
            self.metrics
                .lost_records(&partition.topic, partition.partition);
        }
        consumer.start_reading(|partition| offsets.start(partition));
        info!(count = partitions.len(), "partitions assigned");
        self.publication.on(VisibilityEvent::Assigned);
        Ok(())
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.clocks.remove(partition);
        }
        warn!(
            count = partitions.len(),
            "partitions revoked; kpi series are withheld until they are assigned again"
        );
        self.publication.on(VisibilityEvent::Revoked);
    }

    fn handle_problem(
        &mut self,
        consumer: &mut Consumer,
        problem: KafkaProblem,
    ) -> Result<(), IngestError> {
        match problem {
            KafkaProblem::Retrying(reason) => {
                warn!(reason, "kafka problem; the client is retrying");
            }
            KafkaProblem::Refused(reason) => {
                warn!(reason, "kafka refuses this client");
                match &self.refused {
                    Some(latch) => latch.set_reason(reason),
                    None => self.refused = Some(self.published.readiness().hold(reason)),
                }
            }
            KafkaProblem::OutOfRange {
                partition,
                available,
                ..
            } => {
                // The cached watermarks may be outdated.
                let extent = consumer
                    .fetch_watermarks(&partition, WATERMARKS_PATIENCE)
                    .or(available);
                let offsets = &mut self.processor.offsets;
                offsets.check_out_of_range(&partition, extent)?;
                let start = offsets.start_at(&partition, extent.map(|(begin, _)| begin));
                consumer.restart_at(&partition, start);
            }
            KafkaProblem::Fenced(_) => return Err(IngestError::Kafka(problem)),
            KafkaProblem::Fatal(ref reason) => {
                error!(reason, "the kafka client has failed");
                return Err(IngestError::Kafka(problem));
            }
        }
        Ok(())
    }

    /// Moves the clocks and starts a checkpoint. Returns false if dead letters are still unconfirmed.
    fn checkpoint(&mut self, consumer: &Consumer, patience: Duration) -> Result<bool, IngestError> {
        let started = Instant::now();
        let progress = self.report_progress(consumer)?;
        if !self.processor.dead_letters.flush(patience) {
            return Ok(false); // a crash must not lose dead letters
        }
        let is_shown = self.publication.is_shown();
        let is_complete = is_shown || self.check_completeness(consumer, progress)?;
        let taken_at = Instant::now();
        let RecordProcessor {
            engine, offsets, ..
        } = &mut self.processor;
        let mut checkpoint = TakenCheckpoint {
            started,
            progress: Arc::new(InputProgress::of(offsets, engine)),
            snapshot: is_complete.then(|| (engine.snapshot(), self.publication.epoch())),
            answers: Vec::new(),
            breaches: engine.take_breaches(),
        };
        if is_complete {
            checkpoint.answers = answer_questions(engine, &self.published);
        }
        if is_shown {
            self.progress_log.windows(&checkpoint.progress);
        } else {
            checkpoint.breaches.clear(); // the delay of a backlog says nothing about the exporter
        }
        if let Some(checkpoint) = self.checkpoints.start(checkpoint, engine, offsets)? {
            self.publish(checkpoint, consumer);
        }
        self.checkpoints.limit_time_share(taken_at);
        Ok(true)
    }

    /// Whether the state is complete. If not, the readiness names the reason.
    fn check_completeness(
        &mut self,
        consumer: &Consumer,
        progress: ConsumerProgress,
    ) -> Result<bool, RecordsLost> {
        let offsets = &self.processor.offsets;
        match self.completeness.check(consumer, progress, offsets)? {
            Completion::Complete => return Ok(true),
            Completion::Incomplete(Some(reason)) => {
                self.publication.on(VisibilityEvent::Incomplete(reason));
            }
            Completion::Incomplete(None) => {}
        }
        Ok(false)
    }

    /// Moves the clocks, and updates the metrics and the log.
    fn report_progress(&mut self, consumer: &Consumer) -> Result<ConsumerProgress, RecordsLost> {
        self.next_progress_report = Instant::now() + self.timing.interval;
        let RecordProcessor {
            engine, offsets, ..
        } = &mut self.processor;
        let progress = self
            .clocks
            .advance(consumer, &self.timing, engine, offsets)?;
        if consumer.can_read()
            && let Some(latch) = self.refused.take()
        {
            info!("kafka accepts this client again");
            latch.release();
        }
        self.metrics.set_timers(engine.timers());
        let counts = engine.counts();
        self.processor.metrics.add_engine_counts(counts);
        if !self.publication.is_shown() {
            self.progress_log.backlog(self.records(), progress.lag);
        }
        Ok(progress)
    }

    fn await_checkpoint(&mut self, consumer: &Consumer) {
        if let Some(checkpoint) = self.checkpoints.wait(LAST_CHECKPOINT_WAIT) {
            self.publish(checkpoint, consumer);
        }
    }

    /// Publishes a checkpoint that is on disk, and commits its offsets for lag tools.
    fn publish(&mut self, checkpoint: TakenCheckpoint, consumer: &Consumer) {
        let now = self.timing.clock.now();
        let (started, progress) = (checkpoint.started, Arc::clone(&checkpoint.progress));
        self.publication.publish(checkpoint, now, self.records());
        self.metrics
            .observe_checkpoint(now, started.elapsed().as_secs_f64());
        consumer.commit(progress.offsets());
    }
}

/// Answers the waiting questions about tickets. The answers belong to the checkpoint, and are sent when
/// it is on disk.
fn answer_questions(engine: &Engine, published: &Published) -> Vec<TicketAnswer> {
    let questions = published.questions().take();
    let queries: Vec<_> = questions.iter().map(|one| one.query().clone()).collect();
    let lists = engine.goal_lists(&queries);
    let answered = questions.into_iter().zip(lists);
    answered
        .map(|(question, list)| question.answer(list))
        .collect()
}
