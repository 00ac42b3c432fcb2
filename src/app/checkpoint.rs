//! The checkpoint writer: takes the changes from the engine and writes them to the store in a thread of
//! its own, while the ingest thread applies more records. Nothing is exported before it is on disk.
//!
//! The store is append-only. So that it does not grow forever, the writer sometimes starts a *rewrite
//! round*: it writes everything again, one slice with each checkpoint. After the last slice, the store
//! deletes the segments from before the round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::source_offsets::SourceOffsets;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::store::{Store, StoreBatch};
use crate::engine::{Engine, Records, RewriteCursor};

/// Pause before a failed write is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often the pause checks for a stop.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// A smaller store is not worth a round.
const SMALLEST_ROUND: u64 = 16 << 20;
/// A round starts when the store has grown by this part (a quarter) since the last round. A larger part
/// would waste disk space; a smaller part would write everything too often.
const GROWTH: u64 = 4;
/// Minimum records of a slice: some 20 ms of the ingest thread's time. Changes during a round are on
/// disk twice until its end, so the round must be short. If a checkpoint has more changes than this, its
/// slice is as large as the changes; otherwise the round would never catch up.
const SMALLEST_SLICE: usize = 100_000;

/// A checkpoint that is on disk.
#[derive(Clone, Copy, Debug)]
pub struct WrittenCheckpoint {
    /// Size of the store.
    pub store_bytes: u64,
    bytes_since_round: u64,
}

impl WrittenCheckpoint {
    fn of(store: &Store) -> Self {
        Self {
            store_bytes: store.bytes(),
            bytes_since_round: store.bytes_since_rewrite(),
        }
    }

    fn needs_round(self) -> bool {
        let after_last_round = self.store_bytes.saturating_sub(self.bytes_since_round);
        self.store_bytes > (after_last_round + after_last_round / GROWTH).max(SMALLEST_ROUND)
    }
}

/// The writer's thread has ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the checkpoint thread died; this is a defect of ticket-exporter")]
pub struct CheckpointWriterDied;

/// Writes one checkpoint at a time.
#[derive(Debug)]
pub struct CheckpointWriter {
    jobs: Option<Sender<WriteJob>>,
    written: Receiver<WrittenCheckpoint>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    round: Option<RewriteCursor>,
    needs_round: bool,
}

#[derive(Debug)]
struct WriteJob {
    batch: StoreBatch,
    begins_round: bool,
    ends_round: bool,
}

impl CheckpointWriter {
    /// Starts the thread. `needs_round`: the store has an older format and must be rewritten.
    pub fn start(
        store: Store,
        needs_round: bool,
        metrics: Arc<SelfMetrics>,
    ) -> Result<Self, std::io::Error> {
        let (jobs, waiting) = mpsc::channel();
        let (sender, written) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || write_all(store, &waiting, &sender, &metrics, &stopping))?;
        Ok(Self {
            jobs: Some(jobs),
            written,
            stop,
            thread: Some(thread),
            round: None,
            needs_round,
        })
    }

    /// Starts to write the changes since the last call. The last checkpoint must be on disk already.
    pub fn write(
        &mut self,
        engine: &mut Engine,
        offsets: &mut SourceOffsets,
    ) -> Result<(), CheckpointWriterDied> {
        let mut batch = StoreBatch::default();
        let begins_round = self.needs_round && self.round.is_none();
        if begins_round {
            self.round = Some(RewriteCursor::default());
            self.needs_round = false;
        }
        offsets.write(begins_round, &mut |key, value| batch.put(key, value));
        let mut records = CountedRecords {
            batch: &mut batch,
            count: 0,
        };
        engine.write_changes(&mut records);
        let mut ends_round = false;
        if let Some(cursor) = &mut self.round {
            let budget = records.count.max(SMALLEST_SLICE);
            ends_round = engine.write_slice(cursor, budget, &mut records);
        }
        if ends_round {
            self.round = None;
        }
        let job = WriteJob {
            batch,
            begins_round,
            ends_round,
        };
        self.jobs
            .as_ref()
            .and_then(|jobs| jobs.send(job).ok())
            .ok_or(CheckpointWriterDied)
    }

    /// Another engine continues with the same state. Its tickets have other slots, so a round through
    /// the previous engine's tickets starts again.
    pub fn engine_replaced(&mut self) {
        self.needs_round |= self.round.take().is_some();
    }

    /// The checkpoint, once it is on disk.
    pub fn poll(&mut self) -> Result<Option<WrittenCheckpoint>, CheckpointWriterDied> {
        match self.written.try_recv() {
            Ok(written) => Ok(Some(self.note(written))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(CheckpointWriterDied),
        }
    }

    /// Waits until the checkpoint is on disk; `None` after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<WrittenCheckpoint> {
        let written = self.written.recv_timeout(patience).ok()?;
        Some(self.note(written))
    }

    fn note(&mut self, written: WrittenCheckpoint) -> WrittenCheckpoint {
        self.needs_round |= self.round.is_none() && written.needs_round();
        written
    }
}

impl Drop for CheckpointWriter {
    /// Abandons a checkpoint that cannot be written, and closes the store.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic has been printed already
        }
    }
}

/// Puts the engine's records into a batch and counts them.
struct CountedRecords<'a> {
    batch: &'a mut StoreBatch,
    count: usize,
}

impl Records for CountedRecords<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.batch.put(key, value);
        self.count += 1;
    }

    fn delete(&mut self, key: &[u8]) {
        self.batch.delete(key);
        self.count += 1;
    }
}

/// The thread: writes one batch after the other, and retries each until it is on disk.
fn write_all(
    mut store: Store,
    jobs: &Receiver<WriteJob>,
    written: &Sender<WrittenCheckpoint>,
    metrics: &SelfMetrics,
    stop: &AtomicBool,
) {
    while let Ok(job) = jobs.recv() {
        if job.begins_round {
            store.begin_rewrite();
        }
        if job.ends_round {
            store.end_rewrite();
        }
        let mut failures = 0_u64;
        while let Err(error) = store.commit(&job.batch) {
            metrics.checkpoint_failures().inc();
            failures += 1;
            if failures.is_power_of_two() {
                error!(%error, failures, "checkpoint not written; trying again");
            }
            if !pause(stop) {
                return;
            }
        }
        if failures > 0 {
            info!(failures, "checkpoint written after failures");
        }
        if written.send(WrittenCheckpoint::of(&store)).is_err() {
            return; // the ingest thread has ended
        }
    }
}

/// Waits before a retry; false after a stop.
fn pause(stop: &AtomicBool) -> bool {
    let end = Instant::now() + RETRY_PAUSE;
    while Instant::now() < end {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        thread::sleep(STOP_CHECK_INTERVAL);
    }
    !stop.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::decode::decode;
    use crate::domain::timestamp::Timestamp;
    use crate::edge::self_metrics::tests::self_metrics;
    use crate::edge::store::StoreDirectory;
    use crate::engine::{Restorer, STATE_VERSION};

    const PATIENCE: Duration = Duration::from_secs(60);

    fn segments(directory: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("segment-")).collect()
    }

    #[test]
    fn a_round_starts_after_a_growth_of_a_quarter() {
        let written = |left: u64, since_round: u64| WrittenCheckpoint {
            store_bytes: left + since_round,
            bytes_since_round: since_round,
        };
        assert!(!written(0, SMALLEST_ROUND).needs_round());
        assert!(written(0, SMALLEST_ROUND + 1).needs_round());
        let left = 4 * SMALLEST_ROUND;
        assert!(!written(left, left / GROWTH).needs_round());
        assert!(written(left, left / GROWTH + 1).needs_round());
    }

    #[test]
    fn a_round_writes_everything_and_deletes_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Arc::new(self_metrics());
        let lock = || StoreDirectory::lock(directory.path(), STATE_VERSION).unwrap();
        let store = Store::create(lock(), Timestamp(0), None).unwrap();
        let mut writer = CheckpointWriter::start(store, false, metrics).unwrap();
        let mut engine = Engine::new(Arc::default(), Timestamp(0));
        engine.track_changes();
        let partition = engine.only_partition();
        let tickets = SMALLEST_SLICE * 5 / 2;
        for ticket in 0..tickets {
            let text = format!("{{\"ticket_id\":{ticket},\"type\":\"created\",\"at\":{ticket}}}");
            engine.apply(partition, &decode(text.as_bytes(), None).unwrap());
        }
        let mut offsets = SourceOffsets::default();
        let mut write = |engine: &mut Engine, round: bool| {
            writer.needs_round |= round;
            writer.write(engine, &mut offsets).unwrap();
            writer.wait(PATIENCE).unwrap();
            writer.round.is_some()
        };
        assert!(!write(&mut engine, false));
        let before = segments(directory.path());
        assert!(write(&mut engine, true), "the first of three slices");
        assert!(segments(directory.path()).is_superset(&before));
        assert!(write(&mut engine, false));
        assert!(!write(&mut engine, false), "the last slice");
        assert!(segments(directory.path()).is_disjoint(&before));
        drop(writer);

        let mut restoring = Restorer::new(Arc::default(), STATE_VERSION).unwrap();
        let found = lock().load(&mut |record| Ok(restoring.apply(record.key, record.value)?));
        assert_eq!(found.unwrap().unwrap().sequence, 4);
        assert_eq!(restoring.finish().unwrap().engine.tickets(), tickets);
    }
}
