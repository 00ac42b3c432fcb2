//! Reloads the hooks while the gateway runs. A reload checks everything first, and then applies all of it or
//! nothing. Requests in progress end with the hooks that they began with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinError;
use tracing::warn;

use super::error::GatewayError;
use super::producer::start_producer;
use crate::app::reload::{Load, finish, lines, outcome};
use crate::config::{Config, ConfigErrors, GatewayChanges, LoadedConfig};
use crate::decode::Decoder;
use crate::edge::gateway::{ActiveHooks, GatewayState, HookTable, WebhookReceiver};
use crate::edge::http::{self, ReloadRequest};
use crate::edge::kafka::WebhookProducer;
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock;

/// Why a configuration was not applied.
#[derive(Debug, thiserror::Error)]
enum GatewayReloadError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("{}", lines(.0))]
    Problems(Vec<GatewayReloadProblem>),
    #[error("the configuration could not be checked: {0}")]
    Check(#[from] JoinError),
}

/// One reason why a configuration cannot be applied.
#[derive(Debug, thiserror::Error)]
enum GatewayReloadProblem {
    #[error("{0} cannot change while the gateway runs: take the change back, or restart it")]
    NeedsRestart(&'static str),
    #[error(transparent)]
    Start(#[from] GatewayError),
    #[error(transparent)]
    WebFile(#[from] ConfigErrors),
}

pub struct GatewayReloader {
    pub load: Load,
    /// The configuration in force.
    pub current: Config,
    pub receiver: Arc<WebhookReceiver>,
    pub state: GatewayState,
    pub manager: ServiceManager,
    /// The longest time of a request.
    pub longest_request: Duration,
}

/// A configuration without problems.
struct CheckedHooks {
    loaded: LoadedConfig,
    changes: GatewayChanges,
    active: ActiveHooks,
}

impl GatewayReloader {
    /// Handles requests until their channel is closed.
    pub async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        while let Some(request) = requests.recv().await {
            self.manager.reloading();
            let result = self.reload().await;
            let result = result.map_err(|failure| failure.to_string());
            let metrics = &self.state.self_metrics;
            finish(request, result, metrics, wall_clock::now(), &self.manager);
        }
    }

    async fn reload(&mut self) -> Result<String, GatewayReloadError> {
        let (load, current) = (Arc::clone(&self.load), self.current.clone());
        let producer = Arc::clone(&self.receiver.active().producer);
        // In a thread of its own: the check reads files and starts a client.
        let check = move || check(&current, load()?, producer);
        let CheckedHooks {
            loaded: LoadedConfig {
                config, warnings, ..
            },
            changes,
            active,
        } = tokio::task::spawn_blocking(check).await??;
        for warning in warnings {
            warn!("{warning}");
        }
        let earlier = self.receiver.replace(active);
        let longest_request = self.longest_request;
        tokio::spawn(async move {
            // The requests that use it have ended then. The end of a client blocks.
            tokio::time::sleep(longest_request).await;
            tokio::task::spawn_blocking(move || drop(earlier));
        });
        self.state.switches.set(&config.web);
        self.current = config;
        Ok(outcome(&changes.names()))
    }
}

/// Checks whether a configuration can replace the current one, and collects all problems.
fn check(
    current: &Config,
    loaded: LoadedConfig,
    producer: Arc<WebhookProducer>,
) -> Result<CheckedHooks, GatewayReloadError> {
    let config = &loaded.config;
    let (Some(changes), Some(gateway)) =
        (GatewayChanges::between(current, config), &config.gateway)
    else {
        let problem = GatewayError::NoHooks.into();
        return Err(GatewayReloadError::Problems(vec![problem]));
    };
    let fixed = changes.fixed.iter();
    let mut problems: Vec<GatewayReloadProblem> = fixed
        .map(|key| GatewayReloadProblem::NeedsRestart(key))
        .collect();
    // The servers read these files by themselves. Their problems belong into the answer, too.
    for file in [&config.web.config_file, &gateway.web_config_file] {
        let file = file.as_ref();
        problems.extend(
            file.and_then(|file| http::check(file).err())
                .map(Into::into),
        );
    }
    let hooks = HookTable::new(gateway, &Decoder::new(&config.mapping));
    let hooks = hooks.map_err(|error| problems.push(GatewayError::from(error).into()));
    let producer = if changes.producer && problems.is_empty() {
        start_producer(config, gateway).map_err(|error| problems.push(error.into()))
    } else {
        Ok(producer)
    };
    match (hooks, producer) {
        (Ok(hooks), Ok(producer)) if problems.is_empty() => Ok(CheckedHooks {
            active: ActiveHooks { hooks, producer },
            loaded,
            changes,
        }),
        _ => Err(GatewayReloadError::Problems(problems)),
    }
}
