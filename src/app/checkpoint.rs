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
use crate::edge::store::{Batch, Store};
use crate::engine::{Engine, Records, RewriteCursor};

/// Pause before a failed write is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Pace at which a stop is seen in that pause.
const STOP_PACE: Duration = Duration::from_millis(50);
/// A store of less is not worth a round.
const SMALLEST_ROUND: u64 = 16 << 20;
/// A round begins when what was written since the last one is this part (a half) of what that
/// one left: more would waste disk, less would write everything too often.
const GROWTH: u64 = 2;
/// Records of a slice, at least: a millisecond or two of the loop's time. A loop that changes more
/// writes larger slices, or the round would never overtake it.
const SMALLEST_SLICE: usize = 10_000;

/// A checkpoint that is on disk.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Size of the store.
    pub bytes: u64,
}

/// The writing thread is gone: only a defect ends it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the checkpoint thread died; this is a defect")]
pub struct KeeperDied;

/// See the module. One checkpoint at a time.
#[derive(Debug)]
pub struct Keeper {
    jobs: Option<Sender<Job>>,
    done: Receiver<Written>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    round: Option<RewriteCursor>,
    /// Bytes of the store when the last round was through.
    settled: u64,
    /// A store of another version is rewritten at once.
    rewrite: bool,
    busy: bool,
}

#[derive(Debug)]
struct Job {
    batch: Batch,
    begins_round: bool,
    ends_round: bool,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    bytes: u64,
    ended_round: bool,
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
        let settled = store.bytes();
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || write(store, &waiting, &tell, &metrics, &stopping))?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            stop,
            thread: Some(thread),
            round: None,
            settled,
            rewrite,
            busy: false,
        })
    }

    /// Whether a checkpoint is on its way.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Takes what changed since the last time. To be called only while no checkpoint is on its way.
    ///
    /// # Errors
    /// [`KeeperDied`].
    pub fn keep(&mut self, engine: &mut Engine, readings: &mut Readings) -> Result<(), KeeperDied> {
        let mut batch = Batch::default();
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
        self.busy = true;
        self.jobs
            .as_ref()
            .and_then(|jobs| jobs.send(job).ok())
            .ok_or(KeeperDied)
    }

    /// The checkpoint on its way, once it is on disk.
    ///
    /// # Errors
    /// [`KeeperDied`].
    pub fn kept(&mut self) -> Result<Option<Kept>, KeeperDied> {
        match self.done.try_recv() {
            Ok(written) => Ok(Some(self.note(written))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(KeeperDied),
        }
    }

    /// Waits for the checkpoint on its way; `None` where it took longer than `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<Kept> {
        let written = self.done.recv_timeout(patience).ok()?;
        Some(self.note(written))
    }

    fn note(&mut self, written: Written) -> Kept {
        self.busy = false;
        if written.ended_round {
            self.settled = written.bytes;
        }
        let limit = (self.settled + self.settled / GROWTH).max(SMALLEST_ROUND);
        self.rewrite |= self.round.is_none() && written.bytes > limit;
        Kept {
            bytes: written.bytes,
        }
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
    batch: &'a mut Batch,
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
    done: &Sender<Written>,
    metrics: &SelfMetrics,
    stop: &AtomicBool,
) {
    while let Ok(job) = jobs.recv() {
        if job.begins_round {
            store.begin_round();
        }
        if job.ends_round {
            store.end_round();
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
        let written = Written {
            bytes: store.bytes(),
            ended_round: job.ends_round,
        };
        if done.send(written).is_err() {
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
