//! `serve`: runs the service until a signal stops it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::arguments::CommandLineSettings;
use super::failure::{CommandFailure, CommandResult};
use super::version::BUILD;
use crate::app::config_watch::ConfigWatch;
use crate::app::ingest_thread::{IngestThreadError, StateStorage};
use crate::app::serve::{ServeError, Service};
use crate::edge::http::ReloadRequests;
use crate::edge::reload_socket::{self, ReloadSocket};
use crate::edge::service_manager::{self, ServiceManager};
use crate::edge::steady_clock::SteadyClock;

pub fn run(settings: &CommandLineSettings) -> CommandResult {
    let file = settings.config_file.as_ref();
    info!(
        version = BUILD.version,
        revision = BUILD.revision,
        configuration = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string()),
        "exporter starting"
    );
    runtime()?.block_on(async {
        // Before anything else: without a handler, SIGHUP would end the process.
        let hangups = signal(SignalKind::hangup())?;
        let (config, watch) = settings.load_watched()?;
        // Before the server listens, so that a signal always stops the service in order.
        let stop = stop_signal()?;
        let clock = Arc::new(SteadyClock::start());
        let service = Service::start(
            &config,
            BUILD,
            clock,
            StateStorage::Durable,
            Some(watch.loader()),
            service_manager(),
        )
        .await
        .map_err(failure)?;
        serve_reloads(hangups, service.published().reloads());
        watch_files(settings, watch, service.published().reloads());
        service.run(stop).await.map_err(failure)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The service manager that started this process, if one did.
pub fn service_manager() -> ServiceManager {
    let address = env::var_os(service_manager::ADDRESS_VARIABLE);
    ServiceManager::connect(address.as_deref()).unwrap_or_else(|error| {
        warn!(%error, "service manager unreachable");
        ServiceManager::default()
    })
}

/// Reloads the configuration after each signal and for each command `reload`.
pub fn serve_reloads(hangups: Signal, reloads: &Arc<ReloadRequests>) {
    tokio::spawn(reload_on(hangups, Arc::clone(reloads)));
    if let Some(socket) = reload_socket() {
        tokio::spawn(socket.serve(Arc::clone(reloads)));
    }
}

/// Opens the socket for the command `reload`, if systemd provides a directory for it. The exporter also
/// runs without the socket, because SIGHUP and HTTP can reload the configuration too.
fn reload_socket() -> Option<ReloadSocket> {
    let path = reload_socket_path()?;
    ReloadSocket::bind(&path)
        .inspect_err(|error| warn!(path = %path.display(), %error, "reload socket not opened"))
        .ok()
}

/// The path of the reload socket. systemd separates several directories with colons.
pub fn reload_socket_path() -> Option<PathBuf> {
    let directories = env::var(reload_socket::DIRECTORY_VARIABLE).ok()?;
    let first = directories.split(':').next()?;
    (!first.is_empty()).then(|| reload_socket::path_in(Path::new(first)))
}

/// Reloads the configuration after each change of its files, if the user wants it.
pub fn watch_files(
    settings: &CommandLineSettings,
    watch: ConfigWatch,
    reloads: &Arc<ReloadRequests>,
) {
    if let Some(interval) = settings.auto_reload_interval {
        let interval = Duration::from_millis(interval.unsigned_abs());
        tokio::spawn(watch.reload_on_changes(interval, Arc::clone(reloads)));
    }
}

/// Signals that arrive during a reload cause one more.
async fn reload_on(mut hangups: Signal, reloads: Arc<ReloadRequests>) {
    while hangups.recv().await.is_some() {
        // The reload itself logs its result.
        if let Err(error) = reloads.ask("signal").await {
            warn!(%error, "configuration not reloaded");
        }
    }
}

pub fn failure(error: ServeError) -> CommandFailure {
    match error {
        ServeError::Kafka(error) | ServeError::Ingest(IngestThreadError::Kafka(error)) => {
            CommandFailure::configuration(error)
        }
        ServeError::Web(errors) => CommandFailure::configuration(errors),
        ServeError::Ingest(IngestThreadError::Recovery(error)) if error.is_of_configuration() => {
            CommandFailure::configuration(error)
        }
        error => CommandFailure::other(error),
    }
}

/// The runtime serves HTTP only; ingestion has its own thread.
pub fn runtime() -> CommandResult<runtime::Runtime> {
    Ok(runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

/// Completes on SIGTERM or SIGINT.
pub fn stop_signal() -> CommandResult<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A flag that SIGTERM or SIGINT sets, so that the command can finish what it has written.
pub fn stop_flag() -> CommandResult<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = runtime()?;
    let signal = runtime.block_on(async { stop_signal() })?;
    let set = Arc::clone(&flag);
    thread::spawn(move || {
        runtime.block_on(signal);
        set.store(true, Ordering::Relaxed);
    });
    Ok(flag)
}
