//! `serve`: the service, until it is told to stop.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::arguments::Settings;
use super::failure::Failure;
use super::{REVISION, RUSTC, VERSION};
use crate::app::ingest_thread::{IngestThreadError, StateStorage};
use crate::app::reload::Load;
use crate::app::serve::{ServeError, Service};
use crate::edge::http::Published;
use crate::edge::reload_socket::{self, ReloadSocket};
use crate::edge::self_metrics::BuildInfo;
use crate::edge::service_manager::{self, ServiceManager};
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
            StateStorage::Durable,
            Some(load(settings.clone())),
            service_manager(),
        )
        .await
        .map_err(failure)?;
        tokio::spawn(reload_on(hangups, Arc::clone(service.published())));
        if let Some(socket) = reload_socket() {
            tokio::spawn(socket.serve(Arc::clone(service.published())));
        }
        service.run(stop).await.map_err(failure)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The service manager that started this process, if one did.
fn service_manager() -> ServiceManager {
    let address = env::var_os(service_manager::ADDRESS_VARIABLE);
    ServiceManager::connect(address.as_deref()).unwrap_or_else(|error| {
        warn!(%error, "the service manager cannot be told");
        ServiceManager::default()
    })
}

/// The socket for the command `reload`, where systemd gives the service a directory for it. The exporter runs
/// without it too: signals and HTTP reload as well.
fn reload_socket() -> Option<ReloadSocket> {
    let path = reload_socket_path()?;
    ReloadSocket::bind(&path)
        .inspect_err(|error| warn!(path = %path.display(), %error, "there is no reload socket"))
        .ok()
}

/// Where the reload socket is, by what systemd says; several directories have colons between them.
pub fn reload_socket_path() -> Option<PathBuf> {
    let directories = env::var(reload_socket::DIRECTORY_VARIABLE).ok()?;
    let first = directories.split(':').next()?;
    (!first.is_empty()).then(|| reload_socket::path_in(Path::new(first)))
}

/// The configuration as it is whenever it is asked for, by the same file, environment and flags.
fn load(settings: Settings) -> Load {
    Arc::new(move || settings.load_with_warnings())
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
        ServeError::Kafka(error) | ServeError::Ingest(IngestThreadError::Kafka(error)) => {
            Failure::configuration(error)
        }
        ServeError::Web(errors) => Failure::configuration(errors),
        ServeError::Ingest(IngestThreadError::Recovery(error)) if error.is_of_configuration() => {
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
