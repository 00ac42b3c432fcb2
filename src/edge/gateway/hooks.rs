//! The hooks of the configuration, with their secrets. Secrets in files are read again when they change.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tracing::{info, warn};

use crate::config::{Gateway, Hook, Secret};
use crate::decode::Decoder;
use crate::decode::webhook::RecordKeys;
use crate::edge::files::{FileWatch, read_secret};

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("gateway.hooks.{hook}: {}: {source}", path.display())]
    File {
        hook: String,
        path: PathBuf,
        source: io::Error,
    },
    #[error("gateway.hooks.{hook}: {}: the file is empty", path.display())]
    Empty { hook: String, path: PathBuf },
}

/// All hooks by their names.
#[derive(Debug)]
pub struct HookTable(BTreeMap<String, Arc<LiveHook>>);

pub(super) struct LiveHook {
    pub(super) name: String,
    pub(super) settings: Hook,
    pub(super) keys: RecordKeys,
    secrets: RwLock<Arc<Vec<Vec<u8>>>>,
    watched: Mutex<Vec<FileWatch>>,
}

impl fmt::Debug for LiveHook {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LiveHook")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl HookTable {
    /// # Errors
    /// A file with a secret cannot be read, or is empty.
    pub fn new(gateway: &Gateway, decoder: &Decoder) -> Result<Self, SecretError> {
        let hooks = gateway.hooks.iter().map(|(name, hook)| {
            let live = LiveHook::new(name, hook, decoder)?;
            Ok((name.clone(), Arc::new(live)))
        });
        Ok(Self(hooks.collect::<Result<_, SecretError>>()?))
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<LiveHook>> {
        self.0.get(name).cloned()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads changed secrets again. While a file cannot be used, the earlier secret stays in force. Blocks.
    pub fn refresh(&self) {
        self.0.values().for_each(|hook| hook.refresh());
    }
}

impl LiveHook {
    fn new(name: &str, hook: &Hook, decoder: &Decoder) -> Result<Self, SecretError> {
        let files = hook.secrets.iter().filter_map(|secret| match secret {
            Secret::File(path) => Some(FileWatch::from_now(path)),
            Secret::Text(_) => None,
        });
        let watched = files.collect();
        Ok(Self {
            name: name.to_owned(),
            keys: RecordKeys::new(&hook.topic, hook.key.as_ref(), decoder),
            secrets: RwLock::new(Arc::new(read(name, &hook.secrets)?)),
            watched: Mutex::new(watched),
            settings: hook.clone(),
        })
    }

    pub(super) fn secrets(&self) -> Arc<Vec<Vec<u8>>> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&secrets)
    }

    fn refresh(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Each one, so that all are up to date.
        let changed = watched
            .iter_mut()
            .filter_map(|file| file.has_changed().then_some(()));
        if changed.count() == 0 {
            return;
        }
        match read(&self.name, &self.settings.secrets) {
            Ok(secrets) => {
                *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
                info!(hook = self.name, "secrets loaded again");
            }
            Err(error) => warn!(%error, "secrets not loaded, the earlier ones stay in force"),
        }
    }
}

fn read(hook: &str, secrets: &[Secret]) -> Result<Vec<Vec<u8>>, SecretError> {
    let one = |secret: &Secret| match secret {
        Secret::Text(text) => Ok(text.clone().into_bytes()),
        Secret::File(path) => match read_secret(path) {
            Ok(text) if text.is_empty() => Err(SecretError::Empty {
                hook: hook.to_owned(),
                path: path.clone(),
            }),
            Ok(text) => Ok(text.into_bytes()),
            Err(source) => Err(SecretError::File {
                hook: hook.to_owned(),
                path: path.clone(),
                source,
            }),
        },
    };
    secrets.iter().map(one).collect()
}
