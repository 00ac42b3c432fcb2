//! Recovers the state from the checkpoint directory. If the store cannot be continued, it is set aside,
//! and the exporter counts all records again. Nothing is ever deleted.

use std::io::ErrorKind;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::checkpoint::CheckpointWriter;
use super::ingest::IngestState;
use super::removed_topics::{self, RemovedTopics};
use super::source_offsets::{SourceOffsets, StoredOffsets};
use crate::config::{Config, FailOrRebuild, OnChangedRules};
use crate::domain::timestamp::Timestamp;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::store::{
    self, ApplyRecord, LoadedStore, Store, StoreDirectory, StoreError, StoreId, StoreRecord,
    random_bits,
};
use crate::engine::{AccountKey, Engine, Restorer, RulesChange, STATE_VERSION, StateError};

const RECOUNT_REQUESTED: &str = "ticket-exporter recount was run";

/// Why the state cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the store in {} cannot follow the changed configuration:\n  {}\nTake the change back, or count \
         all records again that are still in the topics: run ticket-exporter recount, or set \
         checkpoint.on_changed_rules: rebuild",
        directory.display(), changes.join("\n  ")
    )]
    Changed {
        directory: PathBuf,
        changes: Vec<String>,
    },
    #[error(
        "{0}\nRestore the checkpoint directory from a backup, or count all records again that are still \
         in the topics: run ticket-exporter recount, or set checkpoint.on_damage: rebuild"
    )]
    Damaged(StoreError),
    /// The store can be continued, but older and newer events would be counted differently.
    #[error(
        "the store in {} was counted under another configuration:\n  {}\nCount all records again that \
         are still in the topics: run ticket-exporter recount, or set checkpoint.on_changed_rules: \
         rebuild. Or keep the counts and let the change apply from now on: \
         checkpoint.on_changed_rules: continue. Or take the change back",
        directory.display(), changes.join("\n  ")
    )]
    CountedOtherwise {
        directory: PathBuf,
        changes: Vec<String>,
    },
    #[error(
        "there is no checkpoint in {} (checkpoint.directory): give the configuration file of the \
         exporter, or the directory with --set checkpoint.directory=…",
        path::absolute(.0).unwrap_or_else(|_| .0.clone()).display()
    )]
    NoCheckpoint(PathBuf),
    #[error("cannot start the checkpoint thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl RecoveryError {
    /// Whether another configuration would solve it.
    pub fn is_of_configuration(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::CountedOtherwise { .. })
    }
}

/// The state in a store.
#[derive(Debug)]
pub struct RestoredState {
    pub engine: Engine,
    pub offsets: SourceOffsets,
    pub store: LoadedStore,
}

/// The content of a store, under the present configuration.
enum StoreContent {
    /// There is no checkpoint.
    Nothing,
    Restored(Box<RestoredState>, ConfigDifferences),
    /// The state cannot follow the configuration.
    Incompatible(StoreId, ConfigDifferences),
}

/// The differences between the configuration of a store and the present one, as text.
#[derive(Debug, Default)]
struct ConfigDifferences {
    /// The state cannot follow these.
    breaks: Vec<String>,
    /// The state can follow these, but counts older and newer events differently.
    recounts: Vec<String>,
    /// Whether any event was counted. If not, a recount loses nothing.
    has_counted: bool,
}

/// The decision about a store.
#[derive(Debug, PartialEq, Eq)]
enum RecoveryDecision {
    Continue,
    /// Set the store aside, for this reason, and count all records again.
    Recount(String),
    /// The user has to decide.
    Refuse,
}

impl ConfigDifferences {
    fn all(&self) -> Vec<String> {
        [self.breaks.as_slice(), &self.recounts].concat()
    }

    fn decide(&self, on_changed_rules: OnChangedRules) -> RecoveryDecision {
        let all = self.all();
        if all.is_empty() {
            return RecoveryDecision::Continue;
        }
        if !self.has_counted {
            return RecoveryDecision::Recount(format!(
                "the configuration has changed, and no event was counted before the change: {}",
                all.join("; ")
            ));
        }
        match on_changed_rules {
            OnChangedRules::Rebuild => RecoveryDecision::Recount(all.join("\n")),
            OnChangedRules::Continue if self.breaks.is_empty() => RecoveryDecision::Continue,
            OnChangedRules::Fail | OnChangedRules::Continue => RecoveryDecision::Refuse,
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

/// Reads a store. Another process may write to it.
pub fn read(config: &Config) -> Result<RestoredState, RecoveryError> {
    let directory = &config.checkpoint.directory;
    let load = |apply: &mut ApplyRecord<'_>| store::read(directory, STATE_VERSION, apply);
    // A command that only reads a store retires no topics.
    let content = match restore(
        config,
        AccountKey::FIXED,
        load,
        &RemovedTopics::all_blocking,
    ) {
        Err(StoreError::Io { source, .. })
            if source.kind() == ErrorKind::NotFound && !directory.exists() =>
        {
            StoreContent::Nothing
        }
        content => content?,
    };
    match content {
        StoreContent::Nothing => Err(RecoveryError::NoCheckpoint(directory.clone())),
        StoreContent::Restored(restored, differences) => {
            for change in differences.recounts {
                warn!(change, "the store was counted under another configuration");
            }
            Ok(*restored)
        }
        StoreContent::Incompatible(_, differences) => Err(differences.refused(directory)),
    }
}

/// Predicts what the next start does with a store: continue it (`None`), or set it aside for this reason
/// and count all records again.
///
/// # Errors
/// There is no store, or the next start will refuse it.
pub fn predict(config: &Config) -> Result<Option<String>, RecoveryError> {
    let directory = &config.checkpoint.directory;
    if StoreDirectory::is_recount_requested_in(directory) {
        return Ok(Some(RECOUNT_REQUESTED.to_owned()));
    }
    let load = |apply: &mut ApplyRecord<'_>| store::read(directory, STATE_VERSION, apply);
    let classify = |topics: &[String]| removed_topics::classify(&config.kafka, topics);
    let differences = match restore(config, AccountKey::FIXED, load, &classify) {
        Ok(StoreContent::Nothing) => return Err(RecoveryError::NoCheckpoint(directory.clone())),
        Ok(StoreContent::Restored(_, differences) | StoreContent::Incompatible(_, differences)) => {
            differences
        }
        Err(error @ StoreError::Corrupt { .. }) => {
            return decide_damage(config, error).map(Some);
        }
        Err(error) => return Err(error.into()),
    };
    match differences.decide(config.checkpoint.on_changed_rules) {
        RecoveryDecision::Continue => Ok(None),
        RecoveryDecision::Recount(reason) => Ok(Some(reason)),
        RecoveryDecision::Refuse => Err(differences.refused(directory)),
    }
}

/// The reason to set a damaged store aside.
///
/// # Errors
/// The damage, if the user has to decide.
fn decide_damage(config: &Config, damage: StoreError) -> Result<String, RecoveryError> {
    match config.checkpoint.on_damage {
        FailOrRebuild::Rebuild => Ok(damage.to_string()),
        FailOrRebuild::Fail => Err(RecoveryError::Damaged(damage)),
    }
}

/// Locks the checkpoint directory and recovers the state in it. `set_aside_reason`: set the store aside
/// in any case. Returns the state and the ID of the store, which stays the same.
///
/// # Errors
/// The directory is unusable, or the user has to decide.
pub fn recover(
    config: &Config,
    now: Timestamp,
    metrics: &Arc<SelfMetrics>,
    set_aside_reason: Option<&str>,
) -> Result<(IngestState, StoreId), RecoveryError> {
    let path = &config.checkpoint.directory;
    let directory = StoreDirectory::lock(path, STATE_VERSION)?;
    let started = Instant::now();
    let is_requested = directory.is_recount_requested();
    let set_aside_reason = set_aside_reason.or(is_requested.then_some(RECOUNT_REQUESTED));
    let classify = |topics: &[String]| removed_topics::classify(&config.kafka, topics);
    let accounts = AccountKey(random_bits(now));
    let content = restore(config, accounts, |apply| directory.load(apply), &classify);
    let (restored, differences, id) = match content {
        Ok(StoreContent::Nothing) => {
            info!(directory = %path.display(), "no checkpoint yet; starting from the earliest records");
            (None, Ok(ConfigDifferences::default()), None)
        }
        Ok(StoreContent::Restored(restored, differences)) => {
            let id = restored.store.id;
            (Some(restored), Ok(differences), Some(id))
        }
        Ok(StoreContent::Incompatible(id, differences)) => (None, Ok(differences), Some(id)),
        Err(error @ StoreError::Corrupt { .. }) if set_aside_reason.is_some() => {
            (None, Err(error.to_string()), None)
        }
        Err(error @ StoreError::Corrupt { .. }) => (None, Err(decide_damage(config, error)?), None),
        // A recount needs nothing from the store.
        Err(error @ StoreError::Newer { .. }) if is_requested => {
            (None, Err(error.to_string()), None)
        }
        Err(error) => return Err(error.into()),
    };
    let decision = match (set_aside_reason, &differences) {
        (Some(reason), Ok(_)) if id.is_some() => RecoveryDecision::Recount(reason.to_owned()),
        (_, Err(damage)) => RecoveryDecision::Recount(damage.clone()),
        (_, Ok(differences)) => differences.decide(config.checkpoint.on_changed_rules),
    };
    match (decision, restored, differences) {
        (RecoveryDecision::Continue, Some(restored), Ok(differences)) => {
            let RestoredState {
                engine,
                offsets,
                store: loaded,
            } = *restored;
            for change in differences.recounts {
                warn!(
                    change,
                    "the configuration changed; this applies from now on"
                );
            }
            log_restored(&engine, &loaded, started);
            let needs_round = loaded.state_version < STATE_VERSION;
            let store = Store::resume(directory, &loaded)?;
            return start_writer(store, needs_round, engine, offsets, metrics);
        }
        (RecoveryDecision::Refuse, _, Ok(differences)) => return Err(differences.refused(path)),
        (RecoveryDecision::Recount(reason), ..) => {
            let aside = directory.set_aside(now, &reason)?;
            warn!(
                reason,
                set_aside = %aside.display(),
                "the checkpoint was set aside: counting again from the earliest records"
            );
        }
        _ => {}
    }
    // Last, so that a start that is killed before does everything again.
    directory.clear_recount_request()?;
    let store = Store::create(directory, now, id)?;
    let rules = Arc::new(config.rules.clone());
    let mut engine = Engine::new(rules, now).keyed(accounts);
    engine.track_changes();
    start_writer(store, false, engine, SourceOffsets::default(), metrics)
}

fn start_writer(
    store: Store,
    needs_round: bool,
    engine: Engine,
    offsets: SourceOffsets,
    metrics: &Arc<SelfMetrics>,
) -> Result<(IngestState, StoreId), RecoveryError> {
    let id = store.id();
    metrics.set_checkpoint_bytes(store.bytes());
    let writer = CheckpointWriter::start(store, needs_round, Arc::clone(metrics))?;
    let state = IngestState {
        engine,
        offsets,
        writer: Some(writer),
    };
    Ok((state, id))
}

/// `accounts`: the key for a store of a version that has none.
fn restore(
    config: &Config,
    accounts: AccountKey,
    load: impl FnOnce(&mut ApplyRecord<'_>) -> Result<Option<LoadedStore>, StoreError>,
    classify: &dyn Fn(&[String]) -> RemovedTopics,
) -> Result<StoreContent, StoreError> {
    let mut restoring = None;
    let mut offsets = StoredOffsets::default();
    let loaded = load(&mut |record: StoreRecord<'_>| {
        if StoredOffsets::is_key(record.key) {
            return Ok(offsets.add(record.key, record.value)?);
        }
        let restoring = match &mut restoring {
            Some(restoring) => restoring,
            empty => {
                let rules = Arc::new(config.rules.clone());
                empty.insert(Restorer::new(rules, record.state_version)?.keyed(accounts))
            }
        };
        restoring.set_version(record.state_version);
        Ok(restoring.apply(record.key, record.value)?)
    })?;
    let (Some(store), Some(restoring)) = (loaded, restoring) else {
        return Ok(StoreContent::Nothing);
    };
    let directory = &config.checkpoint.directory;
    let removed = classify(&offsets.topics_not_in(&config.kafka.topics));
    let texts = |changes: &[RulesChange]| -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    };
    let mut differences = ConfigDifferences {
        breaks: removed.blocking,
        recounts: Vec::new(),
        has_counted: restoring.has_counted(),
    };
    match restoring.finish() {
        Ok(mut restored) => {
            differences.recounts = texts(&restored.recounts);
            if !differences.breaks.is_empty() {
                return Ok(StoreContent::Incompatible(store.id, differences));
            }
            for change in &restored.changes {
                warn!(%change, "the configuration changed; this applies from now on");
            }
            let offsets = offsets.restore(&restored.engine);
            let mut offsets = offsets.map_err(|error| StoreError::corrupt(directory, 0, error))?;
            for topic in &removed.deleted {
                offsets.retire(topic, &mut restored.engine);
            }
            let restored = RestoredState {
                engine: restored.engine,
                offsets,
                store,
            };
            Ok(StoreContent::Restored(Box::new(restored), differences))
        }
        Err(StateError::NeedsRebuild(more)) => {
            differences.breaks.extend(texts(&more));
            Ok(StoreContent::Incompatible(store.id, differences))
        }
        Err(error) => Err(StoreError::corrupt(directory, 0, error)),
    }
}

fn log_restored(engine: &Engine, store: &LoadedStore, started: Instant) {
    if let Some(torn) = &store.torn {
        info!(
            file = %torn.file.display(),
            bytes = torn.bytes,
            "the last checkpoint is incomplete; continuing from the checkpoint before it"
        );
    }
    info!(
        checkpoint = store.sequence,
        tickets = engine.tickets(),
        bytes = store.bytes,
        milliseconds = started.elapsed().as_millis(),
        "state restored"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_configuration_is_refused_if_counts_would_be_lost() {
        use OnChangedRules::{Continue, Fail, Rebuild};
        let changes = |breaks: &[&str], recounts: &[&str], has_counted| {
            let owned = |texts: &[&str]| texts.iter().map(|one| (*one).to_owned()).collect();
            ConfigDifferences {
                breaks: owned(breaks),
                recounts: owned(recounts),
                has_counted,
            }
        };
        let none = changes(&[], &[], true);
        let mapping = changes(&[], &["mapping"], true);
        let both = changes(&["buckets"], &["mapping"], true);
        for setting in [Fail, Rebuild, Continue] {
            assert_eq!(none.decide(setting), RecoveryDecision::Continue);
            let empty = changes(&["buckets"], &["mapping"], false);
            assert!(matches!(
                empty.decide(setting),
                RecoveryDecision::Recount(_)
            ));
        }
        assert_eq!(mapping.decide(Fail), RecoveryDecision::Refuse);
        assert_eq!(mapping.decide(Continue), RecoveryDecision::Continue);
        assert_eq!(
            mapping.decide(Rebuild),
            RecoveryDecision::Recount("mapping".to_owned())
        );
        assert_eq!(both.decide(Fail), RecoveryDecision::Refuse);
        assert_eq!(both.decide(Continue), RecoveryDecision::Refuse);
        let reason = "buckets\nmapping".to_owned();
        assert_eq!(both.decide(Rebuild), RecoveryDecision::Recount(reason));
    }
}
