//! `gateway`: receives webhooks until a signal stops it.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::arguments::CommandLineSettings;
use super::failure::{CommandFailure, CommandResult};
use super::serve::{runtime, serve_reloads, service_manager, stop_signal, watch_files};
use super::version::BUILD;
use crate::app::gateway::{GatewayError, GatewayService};

pub fn run(settings: &CommandLineSettings) -> CommandResult {
    let file = settings.config_file.as_ref();
    info!(
        version = BUILD.version,
        revision = BUILD.revision,
        configuration = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string()),
        "gateway starting"
    );
    runtime()?.block_on(async {
        // Before anything else: without a handler, SIGHUP would end the process.
        let hangups = signal(SignalKind::hangup())?;
        let (config, watch) = settings.load_watched()?;
        let stop = stop_signal()?;
        let service = GatewayService::start(&config, BUILD, watch.loader(), service_manager())
            .await
            .map_err(failure)?;
        serve_reloads(hangups, service.reloads());
        watch_files(settings, watch, service.reloads());
        service.run(stop).await;
        Ok(ExitCode::SUCCESS)
    })
}

fn failure(error: GatewayError) -> CommandFailure {
    match error {
        GatewayError::NoHooks
        | GatewayError::Web(_)
        | GatewayError::Kafka(_)
        | GatewayError::Secret(_) => CommandFailure::configuration(error),
        GatewayError::Bind(_) | GatewayError::Metrics(_) | GatewayError::Thread(_) => {
            CommandFailure::other(error)
        }
    }
}
