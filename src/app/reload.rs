//! The configuration, loaded again while the exporter runs: judged as a whole first, and then
//! taken over, or not at all. One reload after the other, whoever wants it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::orders::{Order, Orders};
use super::recovery::RecoveryError;
use super::topics_gone;
use crate::config::{Changes, Config, Kafka, Loaded, OnChangedRules, SchemaRegistry};
use crate::domain::policy::Target;
use crate::edge::http::{self, Published, Reloaded, Wish};
use crate::edge::kafka::{ConsumerSettings, StartError};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::edge::self_metrics::SelfMetrics;
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock::Clock;

/// How long a reload waits for the reading thread to get to it. A start restores its state first.
const ORDER_PATIENCE: Duration = Duration::from_secs(60);

/// Loads the configuration as it is now, or says everything that is wrong with it.
pub type Load = Arc<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// See the module.
pub struct Reloader {
    pub load: Load,
    /// In force.
    pub current: Config,
    pub published: Arc<Published>,
    pub orders: Orders,
    pub clock: Arc<dyn Clock>,
    pub manager: ServiceManager,
}

/// A configuration that can be taken over.
struct Judged {
    loaded: Loaded,
    changes: Changes,
    /// `None`: it stays as it was.
    schema_registry: Option<Option<Arc<SchemaRegistryClient>>>,
}

impl Reloader {
    /// Fulfils wishes until nobody can have any more.
    pub async fn serve(mut self, mut wishes: mpsc::Receiver<Wish>) {
        while let Some(wish) = wishes.recv().await {
            self.manager.reloading();
            let reloaded = self.reload().await;
            let origin = wish.origin;
            match &reloaded {
                Ok(outcome) => info!(origin, outcome, "configuration reloaded"),
                Err(reason) => error!(
                    origin,
                    reason, "configuration not reloaded: the one before stays in force"
                ),
            }
            let metrics = self.published.self_metrics();
            metrics.set_config_reload(self.clock.now(), reloaded.is_ok());
            // Before the answer: the command that waits for it ends systemd's reload.
            self.manager
                .reloaded(reloaded.as_ref().err().map(String::as_str));
            wish.answer(reloaded.map_err(|reason| {
                format!("not reloaded, the configuration before stays in force:\n{reason}")
            }));
        }
    }

    async fn reload(&mut self) -> Reloaded {
        let (load, current) = (Arc::clone(&self.load), self.current.clone());
        // Reads files, and lets the Kafka library read some.
        let judged = tokio::task::spawn_blocking(move || judge(&current, load()?)).await;
        let Judged {
            loaded: Loaded { config, warnings },
            changes,
            schema_registry,
        } = judged.map_err(|error| format!("it could not be judged: {error}"))??;
        for warning in warnings {
            warn!("{warning}");
        }
        if changes.concern_reading() || schema_registry.is_some() {
            let order = Order {
                config: config.clone(),
                changes: changes.clone(),
                schema_registry,
            };
            self.carry_out(order).await?;
        }
        self.published.switches().set(&config.web);
        let metrics = self.published.self_metrics();
        show_objectives(Some(&self.current), &config, metrics);
        self.current = config;
        Ok(if changes.is_empty() {
            "reloaded, nothing has changed".to_owned()
        } else {
            format!("reloaded, changed: {}", changes.words().join(", "))
        })
    }
}

impl Reloader {
    /// Has the reading thread work by an order. One that it does not get to in time is taken back;
    /// what it has begun has deadlines of its own.
    async fn carry_out(&self, order: Order) -> Result<(), String> {
        let mut done = self.orders.give(order);
        let done = match tokio::time::timeout(ORDER_PATIENCE, &mut done).await {
            Ok(done) => done,
            Err(_) if self.orders.withdraw() => {
                return Err(format!(
                    "reading was busy for {} seconds, for which see the log; reload again",
                    ORDER_PATIENCE.as_secs()
                ));
            }
            Err(_) => done.await,
        };
        done.map_err(|_| "the exporter is stopping".to_owned())?
    }
}

/// Whether a configuration can take the place of the one in force: everything that is wrong, as
/// text.
fn judge(current: &Config, loaded: Loaded) -> Result<Judged, String> {
    let config = &loaded.config;
    let changes = Changes::between(current, config);
    let mut problems: Vec<String> = changes
        .fixed
        .iter()
        .map(|key| {
            format!(
                "{key} cannot change while the exporter runs: take the change back, or restart it"
            )
        })
        .collect();
    if changes.consumer || changes.dead_letters {
        let checked = check_clients(&config.kafka);
        problems.extend(checked.err().map(|error| error.to_string()));
    }
    if let Some(file) = &config.web.config_file {
        // It is read again by itself; what is wrong in it is said here all the same.
        problems.extend(http::check(file).err().map(|errors| errors.to_string()));
    }
    let schema_registry = match registry(config, &changes) {
        Ok(registry) => registry,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    let gone = topics_gone::judge(&config.kafka, &changes.topics_gone);
    let mut breaks = gone.counted;
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
        let changed = RecoveryError::Changed { directory, changes };
        problems.push(format!("{changed}. To count again takes a restart"));
    } else if !recounts.is_empty() {
        let changes = recounts;
        let changed = RecoveryError::CountedOtherwise { directory, changes };
        problems.push(format!("{changed}. To count again takes a restart"));
    }
    if problems.is_empty() {
        Ok(Judged {
            loaded,
            changes,
            schema_registry,
        })
    } else {
        Err(problems.join("\n"))
    }
}

/// A client where another one is needed: also where its certificates may have changed, which it
/// reads once.
fn registry(
    config: &Config,
    changes: &Changes,
) -> Result<Option<Option<Arc<SchemaRegistryClient>>>, String> {
    let settings = config.schema_registry.as_ref();
    let has_files = settings.is_some_and(|settings: &SchemaRegistry| settings.ca_file.is_some());
    if !changes.schema_registry && !has_files {
        return Ok(None);
    }
    let client = settings.map(SchemaRegistryClient::new).transpose();
    let client = client.map_err(|error| error.to_string())?;
    Ok(Some(client.map(Arc::new)))
}

/// Whether the Kafka clients of a configuration would take their properties.
///
/// # Errors
/// The property that is refused, and why.
pub fn check_clients(kafka: &Kafka) -> Result<(), StartError> {
    let settings = ConsumerSettings::from(kafka);
    settings.check()?;
    if kafka.dead_letter_topic.is_some() {
        settings.connection.check_producer()?;
    }
    Ok(())
}

/// The objectives as series, beside the targets that the KPIs show; those of the configuration
/// before go, as they do with a restart.
pub fn show_objectives(before: Option<&Config>, now: &Config, metrics: &SelfMetrics) {
    for (policy, target, objective) in objectives(now) {
        metrics.set_objective(policy, target.name(), objective);
    }
    let named = |config| -> BTreeSet<(String, Target)> {
        objectives(config)
            .map(|(policy, target, _)| (policy.to_owned(), target))
            .collect()
    };
    let now = named(now);
    for (policy, target) in before.map(named).unwrap_or_default().difference(&now) {
        metrics.remove_objective(policy, target.name());
    }
}

/// Policy, target and share.
fn objectives(config: &Config) -> impl Iterator<Item = (&str, Target, f64)> {
    let policies = config.rules.policies.iter().zip(&config.objectives);
    policies.flat_map(|(policy, objective)| {
        let targets = Target::ALL.into_iter();
        let promised = targets.filter(move |target| policy.target(*target).is_some());
        promised.map(move |target| (policy.name.as_str(), target, *objective))
    })
}
