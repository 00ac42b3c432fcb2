//! The keeper of the state: takes what changed from the engine, and has it written by a thread of
//! its own while records go on being applied. What is not on disk yet is shown to nobody.
//!
//! The store only ever grows at its end. So that it does not grow forever, everything is written
//! again from time to time, a slice with each checkpoint; once such a round is through, what lies
//! before it is deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::ingest::Readings;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::store::{Store, StoreBatch};
use crate::engine::{Engine, Records, RewriteCursor};

/// Pause before a failed write is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Pace at which a stop is seen in that pause.
const STOP_PACE: Duration = Duration::from_millis(50);
/// A store of less is not worth a round.
const SMALLEST_ROUND: u64 = 16 << 20;
/// A round begins when what was written since the last one is this part (a quarter) of what that
/// one left: more would waste disk, less would write everything too often.
const GROWTH: u64 = 4;
/// Records of a slice, at least: some twenty milliseconds of the loop's time. What changes during a
/// round is on disk twice until its end, so it must not take long. A loop that changes more
/// writes larger slices, or the round would never overtake it.
const SMALLEST_SLICE: usize = 100_000;

/// A checkpoint that is on disk.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Size of the store.
    pub bytes: u64,
    /// What of it was written since the last round.
    since_round: u64,
}

impl Kept {
    fn of(store: &Store) -> Self {
        Self {
            bytes: store.bytes(),
            since_round: store.bytes_since_rewrite(),
        }
    }

    /// Whether a round is worth it.
    fn has_grown(self) -> bool {
        let left_by_round = self.bytes.saturating_sub(self.since_round);
        self.bytes > (left_by_round + left_by_round / GROWTH).max(SMALLEST_ROUND)
    }
}

/// The writing thread is gone: only a defect ends it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the checkpoint thread died; this is a defect")]
pub struct KeeperDied;

/// See the module. One checkpoint at a time.
#[derive(Debug)]
pub struct Keeper {
    jobs: Option<Sender<Job>>,
    done: Receiver<Kept>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    round: Option<RewriteCursor>,
    /// A round is to begin: the store has grown, or is of another version.
    rewrite: bool,
}

#[derive(Debug)]
struct Job {
    batch: StoreBatch,
    begins_round: bool,
    ends_round: bool,
}

impl Keeper {
    /// `rewrite`: everything is to be written anew first.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(
        store: Store,
        rewrite: bool,
        metrics: Arc<SelfMetrics>,
    ) -> Result<Self, std::io::Error> {
        let (jobs, waiting) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || write(store, &waiting, &tell, &metrics, &stopping))?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            stop,
            thread: Some(thread),
            round: None,
            rewrite,
        })
    }

    /// Takes what changed since the last time. To be called only while no checkpoint is on its way.
    ///
    /// # Errors
    /// [`KeeperDied`].
    pub fn keep(&mut self, engine: &mut Engine, readings: &mut Readings) -> Result<(), KeeperDied> {
        let mut batch = StoreBatch::default();
        let begins_round = self.rewrite && self.round.is_none();
        if begins_round {
            self.round = Some(RewriteCursor::default());
            self.rewrite = false;
        }
        readings.write(begins_round, &mut |key, value| batch.put(key, value));
        let mut records = Into {
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
        let job = Job {
            batch,
            begins_round,
            ends_round,
        };
        self.jobs
            .as_ref()
            .and_then(|jobs| jobs.send(job).ok())
            .ok_or(KeeperDied)
    }

    /// Another engine goes on with the same numbers. A round through the last one's tickets is of
    /// no use with this one's, which lie elsewhere: it begins anew.
    pub fn other_engine(&mut self) {
        self.rewrite |= self.round.take().is_some();
    }

    /// The checkpoint on its way, once it is on disk.
    ///
    /// # Errors
    /// [`KeeperDied`].
    pub fn kept(&mut self) -> Result<Option<Kept>, KeeperDied> {
        match self.done.try_recv() {
            Ok(kept) => Ok(Some(self.note(kept))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(KeeperDied),
        }
    }

    /// Waits for the checkpoint on its way; `None` where it took longer than `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<Kept> {
        let kept = self.done.recv_timeout(patience).ok()?;
        Some(self.note(kept))
    }

    fn note(&mut self, kept: Kept) -> Kept {
        self.rewrite |= self.round.is_none() && kept.has_grown();
        kept
    }
}

impl Drop for Keeper {
    /// Gives up what cannot be written; the store is closed afterwards.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ended badly only where it panicked, which was printed.
            let _ = thread.join();
        }
    }
}

/// The engine's records on their way into a batch.
struct Into<'a> {
    batch: &'a mut StoreBatch,
    count: usize,
}

impl Records for Into<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.batch.put(key, value);
        self.count += 1;
    }

    fn delete(&mut self, key: &[u8]) {
        self.batch.delete(key);
        self.count += 1;
    }
}

/// The writing thread: one batch after the other, each until it is there.
fn write(
    mut store: Store,
    jobs: &Receiver<Job>,
    done: &Sender<Kept>,
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
        while let Err(failure) = store.commit(&job.batch) {
            metrics.checkpoint_failures().inc();
            failures += 1;
            if failures.is_power_of_two() {
                error!(%failure, failures, "checkpoint not written, trying again");
            }
            if !pause(stop) {
                return;
            }
        }
        if failures > 0 {
            info!(failures, "checkpoint written at last");
        }
        if done.send(Kept::of(&store)).is_err() {
            return; // the loop is gone
        }
    }
}

/// Waits a moment; whether to go on.
fn pause(stop: &AtomicBool) -> bool {
    let end = Instant::now() + RETRY_PAUSE;
    while Instant::now() < end {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        thread::sleep(STOP_PACE);
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
    use crate::edge::self_metrics::BuildInfo;
    use crate::edge::store::StoreDirectory;
    use crate::engine::{Restoring, STATE_VERSION};

    const PATIENCE: Duration = Duration::from_secs(60);

    fn segments(directory: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("segment-")).collect()
    }

    #[test]
    fn a_round_is_worth_it_once_a_quarter_has_been_added() {
        let kept = |left: u64, since_round: u64| Kept {
            bytes: left + since_round,
            since_round,
        };
        assert!(!kept(0, SMALLEST_ROUND).has_grown());
        assert!(kept(0, SMALLEST_ROUND + 1).has_grown());
        let left = 4 * SMALLEST_ROUND;
        assert!(!kept(left, left / GROWTH).has_grown());
        assert!(kept(left, left / GROWTH + 1).has_grown());
    }

    #[test]
    fn a_round_leaves_only_what_it_has_written_and_that_is_everything() {
        let directory = tempfile::tempdir().unwrap();
        let build = BuildInfo {
            version: "",
            revision: "",
            rustc: "",
        };
        let metrics = Arc::new(SelfMetrics::new(build, Timestamp(0), &[], &[]).unwrap());
        let lock = || StoreDirectory::lock(directory.path(), STATE_VERSION).unwrap();
        let store = Store::create(lock(), Timestamp(0), None).unwrap();
        let mut keeper = Keeper::start(store, false, metrics).unwrap();
        let mut engine = Engine::new(Arc::default(), Timestamp(0));
        engine.track_changes();
        let partition = engine.only_partition();
        let tickets = SMALLEST_SLICE * 5 / 2;
        for ticket in 0..tickets {
            let text = format!("{{\"ticket_id\":{ticket},\"type\":\"created\",\"at\":{ticket}}}");
            engine.apply(partition, &decode(text.as_bytes(), None).unwrap());
        }
        let mut readings = Readings::default();
        let mut keep = |engine: &mut Engine, rewrite: bool| {
            keeper.rewrite |= rewrite;
            keeper.keep(engine, &mut readings).unwrap();
            keeper.wait(PATIENCE).unwrap();
            keeper.round.is_some()
        };
        assert!(!keep(&mut engine, false));
        let before = segments(directory.path());
        assert!(keep(&mut engine, true), "a slice is not everything");
        assert!(segments(directory.path()).is_superset(&before));
        assert!(keep(&mut engine, false));
        assert!(!keep(&mut engine, false), "three slices are");
        assert!(segments(directory.path()).is_disjoint(&before));
        drop(keeper);

        let mut restoring = Restoring::new(Arc::default(), STATE_VERSION).unwrap();
        let found = lock().load(&mut |record| {
            let applied = restoring.apply(record.key, record.value);
            applied.map_err(|error| error.to_string())
        });
        assert_eq!(found.unwrap().unwrap().sequence, 4);
        assert_eq!(restoring.finish().unwrap().engine.tickets(), tickets);
    }
}
