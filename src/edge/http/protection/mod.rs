//! Applies the web configuration file: TLS, logins, rate limit and headers.
//!
//! A connection or a request checks whether the file or its certificates have changed, at most once a
//! second. If the new ones have errors, the earlier ones stay in force, and a log message and a
//! metric say so. A reload never removes protection.

mod alternative_names;
mod bucket;
mod client_certificates;
mod login;
mod settings;
#[cfg(test)]
mod tests;
mod tls;

pub(super) use login::LoginVerdict;
pub(super) use settings::ProtectionSettings;
pub use settings::check;
pub use tls::leaf_certificate;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use tracing::{error, info, warn};

use crate::config::{ConfigErrors, ConfigProblem, Web};
use crate::edge::files::FileWatch;
use crate::edge::self_metrics::{SelfMetrics, WebRefusal};
use crate::edge::wall_clock;
use bucket::TokenBucket;
use login::LoginCheck;

/// The shortest time between two checks of the files.
const CHECK_PACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Protection {
    file: Option<WatchedWebFile>,
    current: RwLock<Arc<ProtectionSettings>>,
    login_check: LoginCheck,
    bucket: Mutex<TokenBucket>,
    metrics: Arc<SelfMetrics>,
}

#[derive(Debug)]
struct WatchedWebFile {
    path: PathBuf,
    watched: Mutex<Vec<FileWatch>>,
    started: Instant,
    /// The last check, in milliseconds since the start.
    checked: AtomicU64,
    pace: Duration,
}

impl Protection {
    /// Reads the web configuration file, if `web` names one, and the certificates it names.
    ///
    /// # ConfigErrors
    /// All errors of the files.
    pub fn load(web: &Web, metrics: Arc<SelfMetrics>) -> Result<Self, ConfigErrors> {
        Self::load_with(web, metrics, CHECK_PACE)
    }

    fn load_with(
        web: &Web,
        metrics: Arc<SelfMetrics>,
        pace: Duration,
    ) -> Result<Self, ConfigErrors> {
        let mut settings = ProtectionSettings::default();
        let mut file = None;
        if let Some(path) = &web.config_file {
            let read = settings::read(path);
            let loaded = read.result?;
            for problem in loaded.warnings {
                warn!(%problem, "web configuration");
            }
            settings = loaded.settings;
            file = Some(WatchedWebFile {
                path: path.clone(),
                watched: Mutex::new(read.watched),
                started: Instant::now(),
                checked: AtomicU64::new(0),
                pace,
            });
            metrics.set_web_config_reload(wall_clock::now(), true);
        }
        Ok(Self {
            file,
            current: RwLock::new(Arc::new(settings)),
            login_check: LoginCheck::new(),
            bucket: Mutex::default(),
            metrics,
        })
    }

    /// The settings in force, after a check of the files if it is due.
    pub(super) async fn current(self: &Arc<Self>) -> Arc<ProtectionSettings> {
        if self.is_due() {
            let this = Arc::clone(self);
            // After a panic, the settings stay as they are.
            let _ = tokio::task::spawn_blocking(move || this.refresh()).await;
        }
        self.settings()
    }

    fn settings(&self) -> Arc<ProtectionSettings> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Whether the rate limit allows one more request.
    pub(super) fn has_token(&self, settings: &ProtectionSettings) -> bool {
        let Some(limit) = settings.rate_limit else {
            return true;
        };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(limit, Instant::now())
    }

    /// Whether a request with this header may read.
    pub(super) async fn judge(
        &self,
        settings: &ProtectionSettings,
        authorization: Option<&HeaderValue>,
    ) -> LoginVerdict {
        match &settings.logins {
            None => LoginVerdict::Allowed,
            Some(logins) => self.login_check.judge(logins, authorization).await,
        }
    }

    pub(super) fn count(&self, refusal: WebRefusal) {
        self.metrics.web_refused(refusal).inc();
    }

    /// Whether the caller has to check the files. Returns true to one caller only.
    fn is_due(&self) -> bool {
        let Some(file) = &self.file else {
            return false;
        };
        let now = u64::try_from(file.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = file.checked.load(Ordering::Relaxed);
        let pace = u64::try_from(file.pace.as_millis()).unwrap_or(u64::MAX);
        now >= last.saturating_add(pace)
            && file
                .checked
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Reads the files again if they have changed. Blocks.
    fn refresh(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let mut watched = file.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.iter_mut().any(FileWatch::has_changed) {
            return;
        }
        let read = settings::read(&file.path);
        *watched = read.watched;
        let result = read.result.and_then(|loaded| {
            let problem = self.settings().refusal_of(&loaded.settings, &file.path);
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
                let settings = Arc::new(loaded.settings);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = settings;
                self.metrics.set_web_config_reload(wall_clock::now(), true);
                info!("web configuration loaded again");
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
    error!(%problem, "web configuration refused, the earlier one stays in force");
}
