//! The checkpoint on its way to the disk. There is one at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::input_progress::InputProgress;
use super::visibility::VisibilityEpoch;
use crate::app::checkpoint::{CheckpointWriter, CheckpointWriterDied};
use crate::app::source_offsets::SourceOffsets;
use crate::domain::timestamp::Timestamp;
use crate::edge::http::TicketAnswer;
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::{Engine, Snapshot};

/// Largest share of the ingest thread's time for taking checkpoints: one part of this many. With a large
/// state, checkpoints are rarer.
const TIME_SHARE: u32 = 20;

/// The state at one instant.
pub(super) struct TakenCheckpoint {
    pub(super) started: Instant,
    pub(super) progress: Arc<InputProgress>,
    /// `None` while records are missing from the state.
    pub(super) snapshot: Option<(Snapshot, VisibilityEpoch)>,
    /// Answers about tickets.
    pub(super) answers: Vec<TicketAnswer>,
    /// Deadlines of the breaches since the last checkpoint.
    pub(super) breaches: Vec<Timestamp>,
}

pub(super) struct Checkpoints {
    /// `None`: the state is in memory only.
    writer: Option<CheckpointWriter>,
    pending: Option<TakenCheckpoint>,
    next: Instant,
    metrics: Arc<SelfMetrics>,
}

impl Checkpoints {
    pub(super) fn new(writer: Option<CheckpointWriter>, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            writer,
            pending: None,
            next: Instant::now(),
            metrics,
        }
    }

    pub(super) fn is_durable(&self) -> bool {
        self.writer.is_some()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether it is time for the next checkpoint. Sets the time of the one after it.
    pub(super) fn is_due(&mut self, interval: Duration) -> bool {
        let now = Instant::now();
        let is_due = self.next <= now;
        if is_due {
            self.next = now + interval;
        }
        is_due
    }

    /// The next checkpoint is due at once.
    pub(super) fn hurry(&mut self) {
        self.next = Instant::now();
    }

    /// Another engine continues with the same state.
    pub(super) fn engine_replaced(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.engine_replaced();
        }
    }

    /// Delays the next checkpoint if the one that began at `taken_at` has used too much time.
    pub(super) fn limit_time_share(&mut self, taken_at: Instant) {
        self.next = self.next.max(taken_at + taken_at.elapsed() * TIME_SHARE);
    }

    /// Starts to write a checkpoint. Gives it back at once if the state is in memory only.
    pub(super) fn start(
        &mut self,
        checkpoint: TakenCheckpoint,
        engine: &mut Engine,
        offsets: &mut SourceOffsets,
    ) -> Result<Option<TakenCheckpoint>, CheckpointWriterDied> {
        let Some(writer) = &mut self.writer else {
            return Ok(Some(checkpoint));
        };
        writer.write(engine, offsets)?;
        self.pending = Some(checkpoint);
        Ok(None)
    }

    /// The checkpoint that has just reached the disk.
    pub(super) fn poll(&mut self) -> Result<Option<TakenCheckpoint>, CheckpointWriterDied> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.pending.is_some()) else {
            return Ok(None);
        };
        let written = writer.poll()?;
        Ok(written.and_then(|written| {
            self.metrics.set_checkpoint_bytes(written.store_bytes);
            self.pending.take()
        }))
    }

    /// The same; waits up to `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<TakenCheckpoint> {
        let writer = self.writer.as_mut().filter(|_| self.pending.is_some())?;
        writer.wait(patience)?;
        self.pending.take()
    }
}
