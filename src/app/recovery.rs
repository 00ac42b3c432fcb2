//! From a checkpoint directory to a state that goes on: restored where that is possible and wished
//! for, set aside where it is not, and then counted again. Nothing is ever deleted.

use std::io::ErrorKind;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::checkpoint::Keeper;
use super::ingest::{KeptReadings, Readings, State, retire};
use super::topics_gone::{self, TopicsGone};
use crate::config::{Config, OnChangedRules, Otherwise};
use crate::domain::timestamp::Timestamp;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::store::{
    self, ApplyRecord, LoadedStore, Store, StoreDirectory, StoreError, StoreId, StoreRecord,
};
use crate::engine::{Change, Engine, Restoring, STATE_VERSION, StateError};

/// Why a store is set aside that a person has marked.
const RECOUNT_ASKED: &str = "ticket-exporter recount was run";

/// Why there is no state to go on with.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored numbers cannot follow the configuration.
    #[error(
        "the configuration has changed in a way that the numbers in {} cannot follow:\n  {}\nTake \
         the change back, or have all records counted again that the topics still hold: run \
         ticket-exporter recount, or set checkpoint.on_changed_rules: rebuild",
        directory.display(), changes.join("\n  ")
    )]
    Changed {
        directory: PathBuf,
        changes: Vec<String>,
    },
    /// The stored state cannot be read.
    #[error(
        "{0}\nBring the checkpoint directory back from a copy, or have all records counted again \
         that the topics still hold: run ticket-exporter recount, or set \
         checkpoint.on_damage: rebuild"
    )]
    Damaged(StoreError),
    /// The stored numbers could go on, but would be of two kinds.
    #[error(
        "the numbers in {} were counted under another configuration:\n  {}\nHave all records \
         counted again that the topics still hold: run ticket-exporter recount, or set \
         checkpoint.on_changed_rules: rebuild. Or keep the numbers and let the change apply from \
         now on: checkpoint.on_changed_rules: continue. Or take the change back",
        directory.display(), changes.join("\n  ")
    )]
    CountedOtherwise {
        directory: PathBuf,
        changes: Vec<String>,
    },
    #[error(
        "there is no checkpoint in {}, which is checkpoint.directory: give the configuration file of \
         the exporter, or the directory with --set checkpoint.directory=…",
        path::absolute(.0).unwrap_or_else(|_| .0.clone()).display()
    )]
    Nothing(PathBuf),
    #[error("cannot start the checkpoint thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl RecoveryError {
    /// Whether another configuration would help.
    pub fn is_of_configuration(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::CountedOtherwise { .. })
    }
}

/// What a store held.
#[derive(Debug)]
pub struct Restored {
    pub engine: Engine,
    pub readings: Readings,
    pub found: LoadedStore,
}

/// What came of reading a store.
enum Outcome {
    /// Nothing was ever kept.
    Nothing,
    Restored(Box<Restored>, Changes),
    /// The numbers cannot follow the configuration.
    Changed(StoreId, Changes),
}

/// What the configuration changes about the numbers of a store, in words.
#[derive(Debug, Default)]
struct Changes {
    /// The numbers cannot follow these.
    breaks: Vec<String>,
    /// These make numbers of two kinds.
    recounts: Vec<String>,
    /// Whether there are any numbers: without an event counted there are none to be lost.
    has_counted: bool,
}

/// What becomes of a store under a configuration.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    GoOn,
    /// The store is set aside, for this reason, and everything is counted again.
    Recount(String),
    /// A person has to decide.
    Refuse,
}

impl Changes {
    fn all(&self) -> Vec<String> {
        [self.breaks.as_slice(), &self.recounts].concat()
    }

    fn judge(&self, wish: OnChangedRules) -> Verdict {
        let all = self.all();
        if all.is_empty() {
            return Verdict::GoOn;
        }
        if !self.has_counted {
            return Verdict::Recount(format!(
                "the configuration has changed, and no event was counted under the one before: {}",
                all.join("; ")
            ));
        }
        match wish {
            OnChangedRules::Rebuild => Verdict::Recount(all.join("\n")),
            OnChangedRules::Continue if self.breaks.is_empty() => Verdict::GoOn,
            OnChangedRules::Fail | OnChangedRules::Continue => Verdict::Refuse,
        }
    }

    fn refused(self, directory: &Path) -> RecoveryError {
        let directory = directory.to_owned();
        let changes = self.all();
        if self.breaks.is_empty() {
            RecoveryError::CountedOtherwise { directory, changes }
        } else {
            RecoveryError::Changed { directory, changes }
        }
    }
}

/// Reads the state of a store, also while another process writes to it, or has stopped.
///
/// # Errors
/// A store that is not there, is damaged, or is of another configuration.
pub fn read(config: &Config) -> Result<Restored, RecoveryError> {
    let directory = &config.checkpoint.directory;
    let load = |apply: &mut ApplyRecord<'_>| store::read(directory, STATE_VERSION, apply);
    // A command that only reads the store changes nothing in it.
    let outcome = match restore(config, load, &TopicsGone::all_counted) {
        Err(StoreError::Io { source, .. })
            if source.kind() == ErrorKind::NotFound && !directory.exists() =>
        {
            Outcome::Nothing
        }
        outcome => outcome?,
    };
    match outcome {
        Outcome::Nothing => Err(RecoveryError::Nothing(directory.clone())),
        Outcome::Restored(restored, changes) => {
            for change in changes.recounts {
                warn!(change, "the store was counted under another configuration");
            }
            Ok(*restored)
        }
        Outcome::Changed(_, changes) => Err(changes.refused(directory)),
    }
}

/// What the next start will do with the numbers of a store: go on with them (`None`), or set them
/// aside for this reason and count everything again.
///
/// # Errors
/// No store, and a changed configuration where a person has to decide.
pub fn judge(config: &Config) -> Result<Option<String>, RecoveryError> {
    let directory = &config.checkpoint.directory;
    if StoreDirectory::is_recount_requested_in(directory) {
        return Ok(Some(RECOUNT_ASKED.to_owned()));
    }
    let load = |apply: &mut ApplyRecord<'_>| store::read(directory, STATE_VERSION, apply);
    let gone = |topics: &[String]| topics_gone::judge(&config.kafka, topics);
    let changes = match restore(config, load, &gone) {
        Ok(Outcome::Nothing) => return Err(RecoveryError::Nothing(directory.clone())),
        Ok(Outcome::Restored(_, changes) | Outcome::Changed(_, changes)) => changes,
        Err(error @ StoreError::Corrupt { .. }) => {
            return judge_damage(config, error).map(Some);
        }
        Err(error) => return Err(error.into()),
    };
    match changes.judge(config.checkpoint.on_changed_rules) {
        Verdict::GoOn => Ok(None),
        Verdict::Recount(reason) => Ok(Some(reason)),
        Verdict::Refuse => Err(changes.refused(directory)),
    }
}

/// Why a damaged store is set aside.
///
/// # Errors
/// The damage itself, where a person has to decide.
fn judge_damage(config: &Config, damage: StoreError) -> Result<String, RecoveryError> {
    match config.checkpoint.on_damage {
        Otherwise::Rebuild => Ok(damage.to_string()),
        Otherwise::Fail => Err(RecoveryError::Damaged(damage)),
    }
}

/// Takes the checkpoint directory and the state in it. `set_aside_for`: why the state must not be used,
/// whatever it is. The id is the store's, which outlives the process.
///
/// # Errors
/// A directory that cannot be used, and a changed configuration where that has to be said.
pub fn recover(
    config: &Config,
    now: Timestamp,
    metrics: &Arc<SelfMetrics>,
    set_aside_for: Option<&str>,
) -> Result<(State, StoreId), RecoveryError> {
    let path = &config.checkpoint.directory;
    let directory = StoreDirectory::lock(path, STATE_VERSION)?;
    let started = Instant::now();
    let asked = directory.is_recount_requested();
    let set_aside_for = set_aside_for.or(asked.then_some(RECOUNT_ASKED));
    let gone = |topics: &[String]| topics_gone::judge(&config.kafka, topics);
    let outcome = restore(config, |apply| directory.load(apply), &gone);
    let (restored, changes, id) = match outcome {
        Ok(Outcome::Nothing) => {
            info!(directory = %path.display(), "no checkpoint yet: reading from the earliest records");
            (None, Ok(Changes::default()), None)
        }
        Ok(Outcome::Restored(restored, changes)) => {
            let id = restored.found.id;
            (Some(restored), Ok(changes), Some(id))
        }
        Ok(Outcome::Changed(id, changes)) => (None, Ok(changes), Some(id)),
        Err(error @ StoreError::Corrupt { .. }) if set_aside_for.is_some() => {
            (None, Err(error.to_string()), None)
        }
        Err(error @ StoreError::Corrupt { .. }) => (None, Err(judge_damage(config, error)?), None),
        // A recount needs nothing of what is stored.
        Err(error @ StoreError::Newer { .. }) if asked => (None, Err(error.to_string()), None),
        Err(error) => return Err(error.into()),
    };
    let verdict = match (set_aside_for, &changes) {
        (Some(reason), Ok(_)) if id.is_some() => Verdict::Recount(reason.to_owned()),
        (_, Err(damage)) => Verdict::Recount(damage.clone()),
        (_, Ok(changes)) => changes.judge(config.checkpoint.on_changed_rules),
    };
    match (verdict, restored, changes) {
        (Verdict::GoOn, Some(restored), Ok(changes)) => {
            let Restored {
                engine,
                readings,
                found,
            } = *restored;
            for change in changes.recounts {
                warn!(
                    change,
                    "the configuration changed; this applies from now on"
                );
            }
            say_restored(&engine, &found, started);
            let rewrite = found.state_version < STATE_VERSION;
            let store = Store::resume(directory, &found)?;
            return begin(store, rewrite, engine, readings, metrics);
        }
        (Verdict::Refuse, _, Ok(changes)) => return Err(changes.refused(path)),
        (Verdict::Recount(reason), ..) => {
            let aside = directory.set_aside(now, &reason)?;
            warn!(
                reason,
                set_aside = %aside.display(),
                "the checkpoint was set aside: counting again from the earliest records"
            );
        }
        _ => {}
    }
    // Not before: a start that is killed until then does it all once more.
    directory.clear_recount_request()?;
    let store = Store::create(directory, now, id)?;
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
    load: impl FnOnce(&mut ApplyRecord<'_>) -> Result<Option<LoadedStore>, StoreError>,
    judge: &dyn Fn(&[String]) -> TopicsGone,
) -> Result<Outcome, StoreError> {
    let mut restoring = None;
    let mut readings = KeptReadings::default();
    let found = load(&mut |record: StoreRecord<'_>| {
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
    let words =
        |changes: &[Change]| -> Vec<String> { changes.iter().map(ToString::to_string).collect() };
    let mut changes = Changes {
        breaks: gone.counted,
        recounts: Vec::new(),
        has_counted: restoring.has_counted(),
    };
    match restoring.finish() {
        Ok(mut restored) => {
            changes.recounts = words(&restored.recounts);
            if !changes.breaks.is_empty() {
                return Ok(Outcome::Changed(found.id, changes));
            }
            for change in &restored.changes {
                warn!(%change, "the configuration changed; this applies from now on");
            }
            let mut readings = readings.resume(&restored.engine).map_err(corrupt)?;
            for topic in &gone.deleted {
                retire(topic, &mut readings, &mut restored.engine);
            }
            let restored = Restored {
                engine: restored.engine,
                readings,
                found,
            };
            Ok(Outcome::Restored(Box::new(restored), changes))
        }
        Err(StateError::NeedsRebuild(more)) => {
            changes.breaks.extend(words(&more));
            Ok(Outcome::Changed(found.id, changes))
        }
        Err(error) => Err(corrupt(error.to_string())),
    }
}

fn say_restored(engine: &Engine, found: &LoadedStore, started: Instant) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_configuration_is_judged_by_what_would_be_lost() {
        use OnChangedRules::{Continue, Fail, Rebuild};
        let changes = |breaks: &[&str], recounts: &[&str], has_counted| {
            let owned = |words: &[&str]| words.iter().map(|one| (*one).to_owned()).collect();
            Changes {
                breaks: owned(breaks),
                recounts: owned(recounts),
                has_counted,
            }
        };
        let none = changes(&[], &[], true);
        let mapping = changes(&[], &["mapping"], true);
        let both = changes(&["buckets"], &["mapping"], true);
        for wish in [Fail, Rebuild, Continue] {
            assert_eq!(none.judge(wish), Verdict::GoOn);
            let empty = changes(&["buckets"], &["mapping"], false);
            assert!(matches!(empty.judge(wish), Verdict::Recount(_)));
        }
        assert_eq!(mapping.judge(Fail), Verdict::Refuse);
        assert_eq!(mapping.judge(Continue), Verdict::GoOn);
        assert_eq!(
            mapping.judge(Rebuild),
            Verdict::Recount("mapping".to_owned())
        );
        assert_eq!(both.judge(Fail), Verdict::Refuse);
        assert_eq!(both.judge(Continue), Verdict::Refuse);
        let reason = "buckets\nmapping".to_owned();
        assert_eq!(both.judge(Rebuild), Verdict::Recount(reason));
    }
}
