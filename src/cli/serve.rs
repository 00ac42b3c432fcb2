//! `serve`: the service, until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::arguments::Settings;
use super::failure::Failure;
use super::{REVISION, RUSTC, VERSION};
use crate::app::recovery::RecoveryError;
use crate::app::reload::Load;
use crate::app::serve::{Memory, ServeError, Service};
use crate::edge::http::Published;
use crate::edge::self_metrics::BuildInfo;
use crate::edge::steady_clock::SteadyClock;

pub const BUILD: BuildInfo = BuildInfo {
    version: VERSION,
    revision: REVISION,
    rustc: RUSTC,
};

pub fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    let file = settings.config_file.as_ref();
    info!(
        version = VERSION,
        revision = REVISION,
        configuration = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string()),
        "ticket-exporter starts"
    );
    runtime()?.block_on(async {
        // First, so that a signal finds somebody: unheard, this one would end the process.
        let hangups = signal(SignalKind::hangup())?;
        let config = settings.load()?;
        // So that whoever sees it listen can stop it in order.
        let stop = stop_signal()?;
        let clock = Arc::new(SteadyClock::start());
        let service = Service::start(
            &config,
            BUILD,
            clock,
            Memory::Durable,
            Some(load(settings.clone())),
        )
        .await
        .map_err(failure)?;
        tokio::spawn(reload_on(hangups, Arc::clone(service.published())));
        service.run(stop).await.map_err(failure)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The configuration as it is whenever it is asked for, by the same file, environment and flags.
fn load(settings: Settings) -> Load {
    Arc::new(move || {
        let loaded = settings.load_with_warnings();
        loaded.map_err(|failure| failure.to_string())
    })
}

/// Has the configuration loaded again with each signal. Several while one is under way are one.
async fn reload_on(mut hangups: Signal, published: Arc<Published>) {
    while hangups.recv().await.is_some() {
        // What comes of it is logged by whoever does it.
        if let Err(error) = published.reloads().ask("signal").await {
            warn!(%error, "configuration not reloaded");
        }
    }
}

pub fn failure(error: ServeError) -> Failure {
    match error {
        ServeError::Kafka(error) => Failure::configuration(error),
        ServeError::Web(errors) => Failure::configuration(errors),
        ServeError::Recovery(error @ RecoveryError::Changed { .. }) => {
            Failure::configuration(error)
        }
        error => Failure::other(error),
    }
}

/// Scrapes are the only thing that runs here; reading has a thread of its own.
pub fn runtime() -> Result<runtime::Runtime, Failure> {
    Ok(runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

/// Resolves on SIGTERM or SIGINT.
pub fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
