//! From a checkpoint directory to a state that goes on: restored where that is possible, set aside
//! and begun anew where it is not. Nothing is ever deleted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::checkpoint::Keeper;
use super::ingest::{KeptReadings, Readings, State, retire};
use super::topics_gone::{self, TopicsGone};
use crate::config::{Config, Otherwise};
use crate::domain::timestamp::Timestamp;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::store::{self, Apply, Directory, Found, Record, Store, StoreError, StoreId};
use crate::engine::{Engine, Restoring, STATE_VERSION, StateError};

/// Why there is no state to go on with.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored numbers cannot follow the configuration.
    #[error(
        "the configuration has changed in a way that the numbers in {} cannot follow:\n  {}\nTake \
         the change back, or have them counted anew from the records that the topics still hold, \
         with checkpoint.on_changed_rules: rebuild", directory.display(), changes.join("\n  ")
    )]
    Changed {
        directory: PathBuf,
        changes: Vec<String>,
    },
    /// The stored state cannot be read.
    #[error(
        "{0}\nBring the checkpoint directory back from a copy, or have the numbers counted again \
         from the records that the topics still hold, with checkpoint.on_damage: rebuild"
    )]
    Damaged(StoreError),
    #[error("there is no checkpoint in {}", .0.display())]
    Nothing(PathBuf),
    #[error("cannot start the checkpoint thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a store held.
#[derive(Debug)]
pub struct Restored {
    pub engine: Engine,
    pub readings: Readings,
    pub found: Found,
}

/// What came of reading a store.
enum Outcome {
    /// Nothing was ever kept.
    Nothing,
    Restored(Box<Restored>),
    Changed(Vec<String>),
}

/// Reads the state of a store, also while another process writes to it, or has stopped.
///
/// # Errors
/// A store that is not there, is damaged, or is of another configuration.
pub fn read(config: &Config) -> Result<Restored, RecoveryError> {
    let directory = &config.checkpoint.directory;
    let load = |apply: &mut Apply<'_>| store::read(directory, STATE_VERSION, apply);
    // A command that only reads the store changes nothing in it.
    match restore(config, load, &TopicsGone::all_counted)? {
        Outcome::Nothing => Err(RecoveryError::Nothing(directory.clone())),
        Outcome::Restored(restored) => Ok(*restored),
        Outcome::Changed(changes) => Err(RecoveryError::Changed {
            directory: directory.clone(),
            changes,
        }),
    }
}

/// Takes the checkpoint directory and the state in it. `forsaken`: why the state must not be used,
/// whatever it is. The id is the store's, which outlives the process.
///
/// # Errors
/// A directory that cannot be used, and a changed configuration where that has to be said.
pub fn recover(
    config: &Config,
    now: Timestamp,
    metrics: &Arc<SelfMetrics>,
    forsaken: Option<&str>,
) -> Result<(State, StoreId), RecoveryError> {
    let path = &config.checkpoint.directory;
    let directory = Directory::lock(path, STATE_VERSION)?;
    let started = Instant::now();
    let judge = |topics: &[String]| topics_gone::judge(&config.kafka, topics);
    let outcome = restore(config, |apply| directory.load(apply), &judge);
    let (reason, id) = match (outcome, forsaken) {
        (Ok(Outcome::Restored(restored)), None) => {
            let Restored {
                engine,
                readings,
                found,
            } = *restored;
            say_restored(&engine, &found, started);
            let rewrite = found.state_version < STATE_VERSION;
            let store = directory.resume(&found)?;
            return begin(store, rewrite, engine, readings, metrics);
        }
        (Ok(Outcome::Nothing), _) => {
            info!(directory = %path.display(), "no checkpoint yet: reading from the earliest records");
            (None, None)
        }
        (Ok(Outcome::Restored(restored)), Some(reason)) => {
            (Some(reason.to_owned()), Some(restored.found.id))
        }
        (Ok(Outcome::Changed(_)), Some(reason)) => (Some(reason.to_owned()), None),
        (Ok(Outcome::Changed(changes)), None) => {
            if config.checkpoint.on_changed_rules == Otherwise::Fail {
                return Err(RecoveryError::Changed {
                    directory: path.clone(),
                    changes,
                });
            }
            (Some(changes.join("\n")), None)
        }
        (Err(error @ StoreError::Corrupt { .. }), None)
            if config.checkpoint.on_damage == Otherwise::Fail =>
        {
            return Err(RecoveryError::Damaged(error));
        }
        (Err(error @ StoreError::Corrupt { .. }), _) => (Some(error.to_string()), None),
        (Err(error), _) => return Err(error.into()),
    };
    if let Some(reason) = reason {
        let aside = directory.set_aside(now, &reason)?;
        warn!(
            reason,
            set_aside = %aside.display(),
            "the checkpoint cannot be used and was set aside: counting anew from the earliest records"
        );
    }
    let store = directory.create(now, id)?;
    let mut engine = Engine::new(Arc::new(config.rules.clone()), now);
    engine.track_changes();
    begin(store, false, engine, Readings::default(), metrics)
}

fn begin(
    store: Store,
    rewrite: bool,
    engine: Engine,
    readings: Readings,
    metrics: &Arc<SelfMetrics>,
) -> Result<(State, StoreId), RecoveryError> {
    let id = store.id();
    metrics.set_checkpoint_bytes(store.bytes());
    let keeper = Keeper::start(store, rewrite, Arc::clone(metrics))?;
    let state = State {
        engine,
        readings,
        keeper: Some(keeper),
    };
    Ok((state, id))
}

fn restore(
    config: &Config,
    load: impl FnOnce(&mut Apply<'_>) -> Result<Option<Found>, StoreError>,
    judge: &dyn Fn(&[String]) -> TopicsGone,
) -> Result<Outcome, StoreError> {
    let mut restoring = None;
    let mut readings = KeptReadings::default();
    let found = load(&mut |record: Record<'_>| {
        if KeptReadings::is_key(record.key) {
            return readings.take(record.key, record.value);
        }
        let restoring = match &mut restoring {
            Some(restoring) => restoring,
            // The oldest records come first: their version is the one to understand.
            empty => {
                let rules = Arc::new(config.rules.clone());
                let new = Restoring::new(rules, record.state_version);
                empty.insert(new.map_err(|error| error.to_string())?)
            }
        };
        restoring
            .apply(record.key, record.value)
            .map_err(|error| error.to_string())
    })?;
    let (Some(found), Some(restoring)) = (found, restoring) else {
        return Ok(Outcome::Nothing);
    };
    let corrupt = |what: String| StoreError::Corrupt {
        file: config.checkpoint.directory.clone(),
        offset: 0,
        what,
    };
    let gone = judge(&readings.topics_not_among(&config.kafka.topics));
    let mut changes = gone.counted;
    match restoring.finish() {
        Ok(mut restored) if changes.is_empty() => {
            for change in &restored.changes {
                warn!(%change, "the configuration changed; this applies from now on");
            }
            let mut readings = readings.resume(&restored.engine).map_err(corrupt)?;
            for topic in &gone.deleted {
                retire(topic, &mut readings, &mut restored.engine);
            }
            Ok(Outcome::Restored(Box::new(Restored {
                engine: restored.engine,
                readings,
                found,
            })))
        }
        Ok(_) => Ok(Outcome::Changed(changes)),
        Err(StateError::NeedsRebuild(more)) => {
            changes.extend(more.iter().map(ToString::to_string));
            Ok(Outcome::Changed(changes))
        }
        Err(error) => Err(corrupt(error.to_string())),
    }
}

fn say_restored(engine: &Engine, found: &Found, started: Instant) {
    if let Some(torn) = &found.torn {
        info!(
            file = %torn.file.display(),
            bytes = torn.bytes,
            "the last checkpoint was not complete; going on from the one before"
        );
    }
    info!(
        checkpoint = found.sequence,
        tickets = engine.tickets(),
        bytes = found.bytes,
        milliseconds = started.elapsed().as_millis(),
        "state restored"
    );
}
