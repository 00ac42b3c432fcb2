//! Reloads the configuration when its files have changed.
//!
//! The checksum is of contents: Kubernetes updates a ConfigMap by replacing a link, and an editor by renaming a
//! file.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::warn;
use xxhash_rust::xxh3::Xxh3;

use super::reload::Load;
use crate::config::{Config, ConfigErrors, LoadedConfig};
use crate::edge::http::ReloadRequests;

/// The origin of these reloads, for the log.
const ORIGIN: &str = "changed files";

/// Loads configurations, and compares the files with those that it loaded last.
#[derive(Clone)]
pub struct ConfigWatch {
    load: Load,
    /// The checksum of the files at the last load.
    loaded: Arc<AtomicU64>,
}

impl ConfigWatch {
    pub fn new(load: Load) -> Self {
        Self {
            load,
            loaded: Arc::default(),
        }
    }

    pub fn load(&self) -> Result<LoadedConfig, ConfigErrors> {
        let loaded = (self.load)()?;
        self.loaded.store(checksum(&loaded), Ordering::Relaxed);
        Ok(loaded)
    }

    /// For reloads for other reasons: what they load counts, too.
    pub fn loader(&self) -> Load {
        let watch = self.clone();
        Arc::new(move || watch.load())
    }

    /// Asks for a reload after each change, and again after each interval as long as it fails: a file may have been
    /// half written. Ends when the exporter stops.
    pub async fn reload_on_changes(self, interval: Duration, reloads: Arc<ReloadRequests>) {
        let mut failure = None;
        loop {
            tokio::time::sleep(interval).await;
            let watch = self.clone();
            // The check reads files.
            let changed = tokio::task::spawn_blocking(move || watch.has_changed());
            if failure.is_none() && !changed.await.unwrap_or(true) {
                continue;
            }
            match reloads.ask_again(ORIGIN, failure.clone()).await {
                Ok(outcome) => failure = outcome.err(),
                Err(error) => warn!(%error, "configuration not reloaded"),
            }
        }
    }

    /// Whether the files differ from those of the last load. Files with errors do.
    fn has_changed(&self) -> bool {
        let last = self.loaded.load(Ordering::Relaxed);
        (self.load)().map_or(true, |now| checksum(&now) != last)
    }
}

/// The checksum of all files that a reload reads. The program reads other secrets and certificates again by itself.
fn checksum(loaded: &LoadedConfig) -> u64 {
    let mut checksum = Xxh3::new();
    checksum.update(&loaded.checksum.to_le_bytes());
    for path in further_files(&loaded.config) {
        // The reload reports a file that cannot be read.
        let content = fs::read(path).unwrap_or_default();
        checksum.update(&content.len().to_le_bytes());
        checksum.update(&content);
    }
    checksum.digest()
}

/// The files that a reload reads besides those of the configuration itself.
fn further_files(config: &Config) -> impl Iterator<Item = &Path> {
    let gateway = config.gateway.as_ref();
    let registry = config.schema_registry.as_ref();
    let files = [
        config.web.config_file.as_deref(),
        gateway.and_then(|gateway| gateway.web_config_file.as_deref()),
        registry.and_then(|registry| registry.ca_file.as_deref()),
    ];
    files.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn contents_count_and_not_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let web = folder.path().join("web.yml");
        let text = "web: { config_file: web.yml }\nstream: { grace: 10s }\n";
        fs::write(&file, text).unwrap();
        fs::write(&web, "{}").unwrap();
        let path = file.clone();
        let load: Load = Arc::new(move || {
            let mut read = |path: &Path| fs::read_to_string(path);
            config::load(Some(&path), [], &[], &mut read)
        });
        let watch = ConfigWatch::new(load);
        watch.load().unwrap();
        assert!(!watch.has_changed());

        fs::remove_file(&file).unwrap();
        assert!(watch.has_changed(), "it is missing");
        fs::write(&file, text).unwrap();
        assert!(!watch.has_changed(), "another file with the same content");
        fs::write(&file, "web: [").unwrap();
        assert!(watch.has_changed(), "it has errors");
        fs::write(&file, text.replace("10s", "11s")).unwrap();
        assert!(watch.has_changed());
        // A reload for another reason.
        watch.loader()().unwrap();
        assert!(!watch.has_changed());

        fs::write(&web, "basic_auth_users: {}").unwrap();
        assert!(watch.has_changed());
    }
}
