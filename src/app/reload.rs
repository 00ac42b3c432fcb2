//! Reloads the configuration while the exporter runs. A reload checks the whole configuration first, and
//! then applies all of it or nothing. Reloads never overlap.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinError;
use tracing::{debug, error, info, warn};

use super::control::{ConfigUpdate, ConfigUpdateError, Control};
use super::recovery::RecoveryError;
use super::removed_topics;
use crate::config::{
    self, Config, ConfigChanges, Kafka, LoadedConfig, OnChangedRules, SchemaRegistry,
};
use crate::domain::policy::Target;
use crate::domain::timestamp::Timestamp;
use crate::edge::http::{self, Published, ReloadRequest};
use crate::edge::kafka::{ConsumerSettings, StartError};
use crate::edge::schema_registry::{SchemaRegistryClient, SchemaRegistryClientError};
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock::TimeSource;

/// How long a reload waits for the ingest thread, which may be restoring its state.
const UPDATE_PATIENCE: Duration = Duration::from_secs(60);

/// Loads the present configuration.
pub type Load = Arc<dyn Fn() -> Result<LoadedConfig, config::ConfigErrors> + Send + Sync>;

/// Why a configuration was not applied.
#[derive(Debug, thiserror::Error)]
enum ReloadFailure {
    #[error(transparent)]
    Config(#[from] config::ConfigErrors),
    #[error("{}", lines(.0))]
    Problems(Vec<ReloadProblem>),
    #[error(transparent)]
    Update(#[from] ConfigUpdateError),
    #[error(
        "the ingest thread was busy for {} seconds; see the log for the reason, and reload again",
        UPDATE_PATIENCE.as_secs()
    )]
    Busy,
    #[error("the exporter is stopping")]
    Stopping,
    #[error("the configuration could not be checked: {0}")]
    Check(#[from] JoinError),
}

/// One reason why a configuration cannot be applied.
#[derive(Debug, thiserror::Error)]
enum ReloadProblem {
    #[error("{0} cannot change while the exporter runs: take the change back, or restart it")]
    NeedsRestart(&'static str),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    WebFile(#[from] config::ConfigErrors),
    #[error(transparent)]
    SchemaRegistry(#[from] SchemaRegistryClientError),
    #[error("{0}. A recount needs a restart")]
    Recount(RecoveryError),
}

pub fn lines(problems: &[impl ToString]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

pub struct Reloader {
    pub load: Load,
    /// The configuration in force.
    pub current: Config,
    pub published: Arc<Published>,
    pub control: Control,
    pub clock: Arc<dyn TimeSource>,
    pub manager: ServiceManager,
}

/// A configuration without problems.
struct CheckedConfig {
    loaded: LoadedConfig,
    changes: ConfigChanges,
    /// `None`: the registry stays the same.
    schema_registry: Option<Option<Arc<SchemaRegistryClient>>>,
}

impl Reloader {
    /// Handles requests until their channel is closed.
    pub async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        while let Some(request) = requests.recv().await {
            self.manager.reloading();
            let result = self.reload().await;
            let result = result.map_err(|failure| failure.to_string());
            let metrics = self.published.self_metrics();
            finish(request, result, metrics, self.clock.now(), &self.manager);
        }
    }

    async fn reload(&mut self) -> Result<String, ReloadFailure> {
        let (load, current) = (Arc::clone(&self.load), self.current.clone());
        // In a thread of its own: the check reads files and may ask the brokers.
        let check = move || check(&current, load()?);
        let CheckedConfig {
            loaded: LoadedConfig {
                config, warnings, ..
            },
            changes,
            schema_registry,
        } = tokio::task::spawn_blocking(check).await??;
        for warning in warnings {
            warn!("{warning}");
        }
        if changes.concern_ingest() || schema_registry.is_some() {
            let update = ConfigUpdate {
                config: config.clone(),
                changes: changes.clone(),
                schema_registry,
            };
            self.update_ingest(update).await?;
        }
        self.published.switches().set(&config.web);
        let metrics = self.published.self_metrics();
        export_objectives(Some(&self.current), &config, metrics);
        self.current = config;
        Ok(outcome(&changes.names()))
    }

    /// Sends an update to the ingest thread. Cancels it if the thread does not take it in time. The steps
    /// of an update have deadlines of their own.
    async fn update_ingest(&self, update: ConfigUpdate) -> Result<(), ReloadFailure> {
        let mut result = self.control.update(update);
        let result = match tokio::time::timeout(UPDATE_PATIENCE, &mut result).await {
            Ok(result) => result,
            Err(_) if self.control.cancel() => return Err(ReloadFailure::Busy),
            Err(_) => result.await,
        };
        Ok(result.map_err(|_| ReloadFailure::Stopping)??)
    }
}

/// Reports the result of a reload at `now`: the changed parts, or everything that is wrong.
pub fn finish(
    request: ReloadRequest,
    result: Result<String, String>,
    metrics: &SelfMetrics,
    now: Timestamp,
    manager: &ServiceManager,
) {
    let reason = result.as_ref().err().cloned();
    let answer = result.map_err(|reason| {
        format!("not reloaded, the last configuration stays in force:\n{reason}")
    });
    let origin = request.origin;
    match &answer {
        Ok(outcome) => info!(origin, outcome, "configuration reloaded"),
        Err(_) if request.is_known(&answer) => {
            debug!(origin, reason, "configuration still not reloaded");
        }
        Err(_) => error!(
            origin,
            reason, "configuration not reloaded; the last one stays in force"
        ),
    }
    metrics.set_config_reload(now, answer.is_ok());
    // Before the answer: the command that waits for the answer ends systemd's reload job.
    manager.reloaded(reason.as_deref());
    request.answer(answer);
}

/// The answer to a successful reload, with the names of the changed parts.
pub fn outcome(changed: &[&str]) -> String {
    if changed.is_empty() {
        "reloaded, nothing has changed".to_owned()
    } else {
        format!("reloaded, changed: {}", changed.join(", "))
    }
}

/// Checks whether a configuration can replace the current one, and collects all problems.
fn check(current: &Config, loaded: LoadedConfig) -> Result<CheckedConfig, ReloadFailure> {
    let config = &loaded.config;
    let changes = ConfigChanges::between(current, config);
    let fixed = changes.fixed.iter();
    let mut problems: Vec<ReloadProblem> =
        fixed.map(|key| ReloadProblem::NeedsRestart(key)).collect();
    if changes.consumer || changes.dead_letters {
        problems.extend(check_clients(&config.kafka).err().map(Into::into));
    }
    if let Some(file) = &config.web.config_file {
        // The server reads this file by itself. Its problems belong into the answer, too.
        problems.extend(http::check(file).err().map(Into::into));
    }
    let schema_registry = registry(config, &changes).unwrap_or_else(|error| {
        problems.push(error.into());
        None
    });
    let removed = removed_topics::classify(&config.kafka, &changes.topics_gone);
    let mut breaks = removed.blocking;
    if changes.rules {
        breaks.extend(current.rules.breaks(&config.rules));
    }
    let recounts = match config.checkpoint.on_changed_rules {
        OnChangedRules::Continue => Vec::new(),
        OnChangedRules::Fail | OnChangedRules::Rebuild => current.rules.recounts(&config.rules),
    };
    let directory = config.checkpoint.directory.clone();
    if !breaks.is_empty() {
        let changes = [breaks, recounts].concat();
        let error = RecoveryError::Changed { directory, changes };
        problems.push(ReloadProblem::Recount(error));
    } else if !recounts.is_empty() {
        let changes = recounts;
        let error = RecoveryError::CountedOtherwise { directory, changes };
        problems.push(ReloadProblem::Recount(error));
    }
    if !problems.is_empty() {
        return Err(ReloadFailure::Problems(problems));
    }
    Ok(CheckedConfig {
        loaded,
        changes,
        schema_registry,
    })
}

/// A new client, if the settings have changed or may name changed certificates: a client reads those
/// only once.
fn registry(
    config: &Config,
    changes: &ConfigChanges,
) -> Result<Option<Option<Arc<SchemaRegistryClient>>>, SchemaRegistryClientError> {
    let settings = config.schema_registry.as_ref();
    let has_files = settings.is_some_and(|settings: &SchemaRegistry| settings.ca_file.is_some());
    if !changes.schema_registry && !has_files {
        return Ok(None);
    }
    let client = settings.map(SchemaRegistryClient::new).transpose()?;
    Ok(Some(client.map(Arc::new)))
}

/// Checks the properties of the Kafka clients.
pub fn check_clients(kafka: &Kafka) -> Result<(), StartError> {
    let settings = ConsumerSettings::from(kafka);
    settings.check()?;
    if kafka.dead_letter_topic.is_some() {
        settings.connection.check_producer()?;
    }
    Ok(())
}

/// Exports the objectives. Removes those of the configuration before, as a restart does.
pub fn export_objectives(before: Option<&Config>, now: &Config, metrics: &SelfMetrics) {
    for (policy, target, objective) in objectives(now) {
        metrics.set_objective(policy, target.name(), objective);
    }
    let names = |config| -> BTreeSet<(String, Target)> {
        objectives(config)
            .map(|(policy, target, _)| (policy.to_owned(), target))
            .collect()
    };
    let now = names(now);
    for (policy, target) in before.map(names).unwrap_or_default().difference(&now) {
        metrics.remove_objective(policy, target.name());
    }
}

/// Policy, target and share.
fn objectives(config: &Config) -> impl Iterator<Item = (&str, Target, f64)> {
    let policies = config.rules.policies.iter().zip(&config.objectives);
    policies.flat_map(|(policy, objective)| {
        let targets = Target::ALL.into_iter();
        let configured = targets.filter(move |target| policy.target(*target).is_some());
        configured.map(move |target| (policy.name.as_str(), target, *objective))
    })
}
