//! `gateway`: receives webhooks until a signal stops it.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::arguments::CommandLineSettings;
use super::failure::{CommandFailure, CommandResult};
use super::serve::{runtime, service_manager, stop_signal};
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
        let mut hangups = signal(SignalKind::hangup())?;
        let config = settings.load()?;
        let stop = stop_signal()?;
        let service = GatewayService::start(&config, BUILD, service_manager())
            .await
            .map_err(failure)?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                warn!("the gateway reads its configuration only at the start; restart it");
            }
        });
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
