//! The ingest thread: restores the state, runs the ingest loop until the stop, and starts again after an
//! error that a new start can solve.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::control::{ConfigUpdate, ConfigUpdateError, Control};
use super::ingest::{
    Ingest, IngestError, IngestFailure, IngestPause, IngestState, IngestUpdate, Timing,
};
use super::kafka_clients::{end_consumer, start_consumer, start_dead_letters, watch_credentials};
use super::recovery::{RecoveryError, recover};
use super::schemas;
use super::source_offsets::RecordsLost;
use crate::config::{Config, FailOrRebuild};
use crate::edge::http::{Latch, Published};
use crate::edge::kafka::{Consumer, KafkaProblem, StartError};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::edge::store::random_bits;
use crate::edge::wall_clock::TimeSource;
use crate::engine::{AccountKey, Engine};

/// How often a pause checks for a stop.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Pause after another member with the same instance ID has fenced the consumer. Two exporters on copies
/// of one directory fence each other; this limits how often.
const REJOIN_PAUSE: Duration = Duration::from_secs(2);

/// The place of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateStorage {
    /// In the checkpoint directory.
    Durable,
    /// In memory only. The demo's broker does not outlive the process either.
    InMemory,
}

/// Why the ingest thread has ended.
#[derive(Debug, thiserror::Error)]
pub enum IngestThreadError {
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

pub struct IngestThread {
    pub config: Config,
    pub schema_registry: Option<Arc<SchemaRegistryClient>>,
    pub storage: StateStorage,
    pub clock: Arc<dyn TimeSource>,
    pub published: Arc<Published>,
    pub control: Control,
}

/// From a restored state to the stop or an error.
struct IngestSession {
    ingest: Ingest,
    consumer: Consumer,
    /// The static ID in the consumer group, without the topics.
    instance_id: Option<String>,
}

impl IngestThread {
    /// Runs until the stop. The latch is held until another one is.
    ///
    /// # Errors
    /// An error that a new start cannot solve.
    pub fn run(mut self, latch: Latch) -> Result<(), IngestThreadError> {
        let result = self.run_sessions(latch);
        self.control.close();
        result
    }

    fn run_sessions(&mut self, mut latch: Latch) -> Result<(), IngestThreadError> {
        let mut set_aside_reason: Option<String> = None;
        while !self.control.is_stopped() {
            let reason = set_aside_reason.take();
            let mut session = self.start(&latch, reason.as_deref())?;
            drop(latch);
            let result = self.run_session(&mut session);
            end_consumer(session.consumer, false);
            drop(session.ingest); // unlocks the checkpoint directory
            let Err(failure) = result else {
                return Ok(());
            };
            latch = failure.latch;
            match failure.error {
                IngestError::RecordsLost(lost) => {
                    set_aside_reason = self.records_lost(&latch, &lost);
                }
                IngestError::Kafka(KafkaProblem::Fenced(reason)) => {
                    warn!(reason, "consumer fenced; joining the group again");
                    self.pause(REJOIN_PAUSE);
                }
                IngestError::CredentialsChanged => {
                    info!("new kafka credentials; continuing from the last checkpoint");
                }
                error => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Restores the state and starts a consumer.
    fn start(
        &self,
        latch: &Latch,
        set_aside_reason: Option<&str>,
    ) -> Result<IngestSession, IngestThreadError> {
        let now = self.clock.now();
        let (state, instance_id) = match self.storage {
            StateStorage::InMemory => {
                let rules = Arc::new(self.config.rules.clone());
                let engine = Engine::new(rules, now).keyed(AccountKey(random_bits(now)));
                (IngestState::in_memory(engine), None)
            }
            StateStorage::Durable => {
                latch.set_reason("restoring the checkpoint");
                let metrics = self.published.self_metrics();
                let (state, id) = recover(&self.config, now, metrics, set_aside_reason)?;
                (state, Some(format!("ticket-exporter-{id}")))
            }
        };
        latch.set_reason("starting the kafka client");
        let credentials = watch_credentials(&self.config);
        let dead_letters = start_dead_letters(&self.config)?;
        let consumer = start_consumer(&self.config, instance_id.as_ref())?;
        let decoder = schemas::decoder(&self.config);
        let timing = self.timing(&self.config);
        let published = Arc::clone(&self.published);
        let mut ingest = Ingest::new(state, decoder, timing, published, dead_letters)
            .with_credentials(credentials);
        if let Some(registry) = &self.schema_registry {
            ingest = ingest.with_schema_registry(Arc::clone(registry));
        }
        Ok(IngestSession {
            ingest,
            consumer,
            instance_id,
        })
    }

    /// Runs the ingest loop until the stop, and applies updates.
    fn run_session(&mut self, session: &mut IngestSession) -> Result<(), IngestFailure> {
        loop {
            let halt = self.control.halt();
            let pause = session.ingest.run(&mut session.consumer, halt)?;
            if pause == IngestPause::NewCredentials {
                self.renew_clients(session)?;
                continue;
            }
            let Some((update, sender)) = self.control.take() else {
                if !self.control.is_stopped() {
                    continue;
                }
                session.ingest.read_tail(&mut session.consumer)?;
                if !session.ingest.finish(&session.consumer)? {
                    warn!(
                        "the last checkpoint was not written in time; a restart continues from the \
                         checkpoint before it"
                    );
                }
                return Ok(());
            };
            let prepared = match self.prepare(session, &update) {
                Ok(prepared) => prepared,
                Err(failure) => {
                    // The receiver may have given up, here and below.
                    let _ = sender.send(Err(failure.error.clone().into()));
                    return Err(failure);
                }
            };
            let result = prepared.map(|prepared| {
                let (before, after) = (&self.config.kafka, &update.config.kafka);
                let is_other_member =
                    before.topics != after.topics || before.group_id != after.group_id;
                let replaced = session.ingest.update(prepared, &mut session.consumer);
                if let Some(consumer) = replaced {
                    end_consumer(consumer, is_other_member);
                }
                self.set_config(update);
            });
            let _ = sender.send(result);
        }
    }

    /// Starts other clients with the new credentials. If they do not start, the present clients continue
    /// until the files change again. If the last checkpoint cannot be written, for example because Kafka
    /// refuses the dead letters, a new session continues from the checkpoint before it.
    fn renew_clients(&self, session: &mut IngestSession) -> Result<(), IngestFailure> {
        let IngestSession {
            ingest,
            consumer,
            instance_id,
        } = session;
        if !ingest.finish(consumer)? {
            return Err(ingest.fail(IngestError::CredentialsChanged));
        }
        match clients(&self.config, instance_id.as_ref()) {
            Ok(update) => {
                info!("new kafka credentials; continuing with new clients");
                if let Some(replaced) = ingest.update(update, consumer) {
                    end_consumer(replaced, false);
                }
            }
            Err(error) => warn!(
                %error,
                "kafka clients did not start with the new credentials; the present clients continue"
            ),
        }
        Ok(())
    }

    /// Does everything that can fail in an update. Nothing changes yet. The outer error ends the loop.
    fn prepare(
        &self,
        session: &mut IngestSession,
        update: &ConfigUpdate,
    ) -> Result<Result<IngestUpdate, ConfigUpdateError>, IngestFailure> {
        let changes = &update.changes;
        if (changes.rules || changes.dead_letters) && !session.ingest.finish(&session.consumer)? {
            return Ok(Err(ConfigUpdateError::CheckpointNotWritten));
        }
        Ok(self.prepare_after_checkpoint(session, update))
    }

    fn prepare_after_checkpoint(
        &self,
        session: &mut IngestSession,
        update: &ConfigUpdate,
    ) -> Result<IngestUpdate, ConfigUpdateError> {
        let ConfigUpdate {
            config,
            changes,
            schema_registry,
        } = update;
        let mut prepared = IngestUpdate {
            retired_topics: changes.topics_gone.clone(),
            ..IngestUpdate::default()
        };
        if changes.rules {
            let rules = Arc::new(config.rules.clone());
            prepared.restored = Some(session.ingest.state_under(rules)?);
        }
        if changes.consumer || changes.dead_letters {
            prepared.credentials = Some(watch_credentials(config));
        }
        if changes.dead_letters {
            prepared.dead_letters = Some(start_dead_letters(config)?);
        }
        if changes.consumer {
            let id = session.instance_id.as_ref();
            prepared.consumer = Some(start_consumer(config, id)?);
        }
        if changes.timing {
            prepared.timing = Some(self.timing(config));
        }
        if changes.mapping || schema_registry.is_some() {
            let known = session.ingest.decoder().schemas().cloned();
            // Each registry has its own schema IDs.
            let known = known.filter(|_| !changes.schema_registry);
            let decoder = schemas::decoder_with(config, known);
            let registry = schema_registry.as_ref().unwrap_or(&self.schema_registry);
            prepared.decoding = Some((decoder, registry.clone()));
        }
        Ok(prepared)
    }

    fn set_config(&mut self, update: ConfigUpdate) {
        self.config = update.config;
        if let Some(registry) = update.schema_registry {
            self.schema_registry = registry;
        }
    }

    /// Handles lost records as configured. `Some`: the reason to set the store aside and count again.
    fn records_lost(&mut self, latch: &Latch, lost: &RecordsLost) -> Option<String> {
        let metrics = self.published.self_metrics();
        metrics
            .lost_records(&lost.partition.topic, lost.partition.partition)
            .inc();
        if self.config.checkpoint.on_lost_records == FailOrRebuild::Fail {
            self.wait_for_help(latch, lost);
        }
        if self.config.checkpoint.on_lost_records == FailOrRebuild::Fail {
            return None;
        }
        warn!(%lost, "records lost; counting again from the records in the topics");
        Some(lost.to_string())
    }

    /// Waits for another configuration or a stop. A restart would not help, so the process goes on, and
    /// its metrics and readiness report the problem.
    fn wait_for_help(&mut self, latch: &Latch, lost: &RecordsLost) {
        error!(
            %lost,
            "records lost; the exporter has stopped reading and serves no kpi series. Bring the records \
             back and restart, or set checkpoint.on_lost_records: rebuild to count again from the \
             records in the topics"
        );
        latch.set_reason(format!("records lost: {lost}"));
        self.pause(Duration::MAX);
        if let Some((update, sender)) = self.control.take() {
            info!("trying again with another configuration");
            self.set_config(update);
            let _ = sender.send(Ok(()));
        }
    }

    /// Waits until the time is over or there is a request.
    fn pause(&self, length: Duration) {
        let started = Instant::now();
        while started.elapsed() < length && !self.control.is_halted() {
            thread::sleep(STOP_CHECK_INTERVAL);
        }
    }

    fn timing(&self, config: &Config) -> Timing {
        let Config {
            stream, checkpoint, ..
        } = config;
        Timing {
            grace: stream.grace,
            max_future: stream.max_future,
            interval: Duration::from_millis(checkpoint.interval.unsigned_abs()),
            clock: Arc::clone(&self.clock),
        }
    }
}

fn clients(config: &Config, instance_id: Option<&String>) -> Result<IngestUpdate, StartError> {
    // The watch comes first, so that no change is missed.
    Ok(IngestUpdate {
        credentials: Some(watch_credentials(config)),
        dead_letters: Some(start_dead_letters(config)?),
        consumer: Some(start_consumer(config, instance_id)?),
        ..IngestUpdate::default()
    })
}
