//! `serve`: the service, until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::Settings;
use super::failure::Failure;
use super::{REVISION, RUSTC, VERSION};
use crate::app::recovery::RecoveryError;
use crate::app::serve::{Memory, ServeError, Service};
use crate::edge::self_metrics::BuildInfo;
use crate::edge::steady_clock::SteadyClock;

pub const BUILD: BuildInfo = BuildInfo {
    version: VERSION,
    revision: REVISION,
    rustc: RUSTC,
};

pub fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    runtime()?.block_on(async {
        // First, so that whoever sees it listen can stop it in order.
        let stop = stop_signal()?;
        let clock = Arc::new(SteadyClock::start());
        let service = Service::start(&config, BUILD, clock, Memory::Durable)
            .await
            .map_err(failure)?;
        service.run(stop).await.map_err(failure)?;
        Ok(ExitCode::SUCCESS)
    })
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
