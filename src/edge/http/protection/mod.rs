//! Who may connect and what they are told: the web configuration file, at work.
//!
//! The file and its certificates are looked at again when somebody connects or asks, at most once a
//! second, and read where they differ. What is wrong with new ones leaves the earlier ones in force,
//! and is logged and counted; protection never goes away while the process runs.

mod alternative_names;
mod bucket;
mod client_certificates;
mod login;
mod snapshot;
#[cfg(test)]
mod tests;
mod tls;
mod watched;

pub(super) use login::Verdict;
pub(super) use snapshot::Snapshot;
pub use snapshot::check;
pub use tls::leaf_certificate;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use tracing::{error, info, warn};

use crate::config::{ConfigErrors, ConfigProblem, Web};
use crate::edge::self_metrics::{Refusal, SelfMetrics};
use crate::edge::wall_clock;
use bucket::Bucket;
use login::Gate;
use watched::Watched;

/// The files are looked at no more often.
const CHECK_PACE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Protection {
    /// The file, if there is one.
    source: Option<Source>,
    current: RwLock<Arc<Snapshot>>,
    gate: Gate,
    bucket: Mutex<Bucket>,
    metrics: Arc<SelfMetrics>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    watched: Mutex<Watched>,
    started: Instant,
    /// When the files were last looked at, in milliseconds since the start.
    checked: AtomicU64,
    pace: Duration,
}

impl Protection {
    /// Reads the web configuration file, if `web` names one, and the certificates it names.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(web: &Web, metrics: Arc<SelfMetrics>) -> Result<Self, ConfigErrors> {
        Self::load_with(web, metrics, CHECK_PACE)
    }

    /// The same where files are looked at more often.
    fn load_with(
        web: &Web,
        metrics: Arc<SelfMetrics>,
        pace: Duration,
    ) -> Result<Self, ConfigErrors> {
        let mut snapshot = Snapshot::default();
        let mut source = None;
        if let Some(path) = &web.config_file {
            let reading = snapshot::read(path);
            let loaded = reading.result?;
            for problem in loaded.warnings {
                warn!(%problem, "web configuration");
            }
            snapshot = loaded.snapshot;
            source = Some(Source {
                path: path.clone(),
                watched: Mutex::new(reading.watched),
                started: Instant::now(),
                checked: AtomicU64::new(0),
                pace,
            });
            metrics.set_web_config_reload(wall_clock::now(), true);
        }
        Ok(Self {
            source,
            current: RwLock::new(Arc::new(snapshot)),
            gate: Gate::new(),
            bucket: Mutex::default(),
            metrics,
        })
    }

    /// What is in force, after a look at the files where that is due.
    pub(super) async fn current(self: &Arc<Self>) -> Arc<Snapshot> {
        if self.is_due() {
            let this = Arc::clone(self);
            // A panic in it leaves what is in force.
            let _ = tokio::task::spawn_blocking(move || this.refresh()).await;
        }
        self.snapshot()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Whether the rate limit allows one more request.
    pub(super) fn has_token(&self, snapshot: &Snapshot) -> bool {
        let Some(limit) = snapshot.rate_limit else {
            return true;
        };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(limit, Instant::now())
    }

    /// Whether somebody with this `authorization` may read.
    pub(super) async fn judge(
        &self,
        snapshot: &Snapshot,
        authorization: Option<&HeaderValue>,
    ) -> Verdict {
        match &snapshot.logins {
            None => Verdict::Allowed,
            Some(logins) => self.gate.judge(logins, authorization).await,
        }
    }

    pub(super) fn count(&self, refusal: Refusal) {
        self.metrics.web_refused(refusal).inc();
    }

    /// Whether the files are to be looked at, by the caller alone.
    fn is_due(&self) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let now = u64::try_from(source.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = source.checked.load(Ordering::Relaxed);
        let pace = u64::try_from(source.pace.as_millis()).unwrap_or(u64::MAX);
        now >= last.saturating_add(pace)
            && source
                .checked
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Reads the files anew where they differ from those seen last. Blocks.
    fn refresh(&self) {
        let Some(source) = &self.source else {
            return;
        };
        let mut watched = source
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !watched.has_changed() {
            return;
        }
        let reading = snapshot::read(&source.path);
        *watched = reading.watched;
        let result = reading.result.and_then(|loaded| {
            let problem = self.snapshot().refusal_of(&loaded.snapshot, &source.path);
            match problem {
                Some(problem) => Err(ConfigErrors {
                    errors: vec![problem],
                    warnings: Vec::new(),
                }),
                None => Ok(loaded),
            }
        });
        match result {
            Ok(loaded) => {
                for problem in &loaded.warnings {
                    warn!(%problem, "web configuration");
                }
                let snapshot = Arc::new(loaded.snapshot);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
                self.metrics.set_web_config_reload(wall_clock::now(), true);
                info!("web configuration read again");
            }
            Err(ConfigErrors { errors, .. }) => {
                self.metrics.set_web_config_reload(wall_clock::now(), false);
                for problem in &errors {
                    refuse(problem);
                }
            }
        }
    }
}

fn refuse(problem: &ConfigProblem) {
    error!(%problem, "web configuration refused: the earlier one stays in force");
}
