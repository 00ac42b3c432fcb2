//! Applies a changed configuration between two batches. The state and the published series stay, and the
//! consumer reads no record twice.

use std::mem;
use std::sync::Arc;

use tracing::warn;

use super::ingest_loop::Ingest;
use super::timing::Timing;
use super::visibility::VisibilityEvent;
use crate::decode::Decoder;
use crate::edge::kafka::{Consumer, CredentialFiles, DeadLetterProducer};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::engine::{RestoredEngine, Rules, StateError};

/// The changes; `None`: no change.
#[derive(Default)]
pub struct IngestUpdate {
    pub timing: Option<Timing>,
    pub decoding: Option<(Decoder, Option<Arc<SchemaRegistryClient>>)>,
    /// The inner `None`: no dead-letter topic. Before the update, [`Ingest::finish`] must have confirmed
    /// the dead letters of the last producer.
    pub dead_letters: Option<Option<DeadLetterProducer>>,
    /// A consumer that has read nothing.
    pub consumer: Option<Consumer>,
    /// Deleted topics that are no longer configured.
    pub retired_topics: Vec<String>,
    /// The files that the clients have read. The watch must be older than the clients.
    pub credentials: Option<Option<CredentialFiles>>,
    /// The result of [`Ingest::state_under`].
    pub restored: Option<RestoredEngine>,
}

/// Why the state cannot follow other counting rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesUpdateError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("this exporter has no checkpoints, so its counting rules cannot change")]
    InMemory,
}

impl Ingest {
    /// The state under other rules, as after a restart. The caller must call [`Ingest::finish`] before.
    /// Nothing changes yet.
    pub fn state_under(&mut self, rules: Arc<Rules>) -> Result<RestoredEngine, RulesUpdateError> {
        if !self.checkpoints.is_durable() {
            return Err(RulesUpdateError::InMemory);
        }
        Ok(self.processor.engine.under(rules)?)
    }

    /// Applies an update. Returns the consumer that was replaced.
    pub fn update(&mut self, update: IngestUpdate, consumer: &mut Consumer) -> Option<Consumer> {
        let IngestUpdate {
            timing,
            decoding,
            dead_letters,
            consumer: next,
            retired_topics,
            credentials,
            restored,
        } = update;
        let processor = &mut self.processor;
        if let Some(timing) = timing {
            self.timing = timing;
        }
        if let Some(producer) = dead_letters {
            processor.dead_letters.set_producer(producer);
        }
        if let Some(credentials) = credentials {
            self.credentials = credentials;
        }
        if let Some((decoder, registry)) = decoding {
            processor.set_decoder(decoder);
            if processor.set_schema_registry(registry) {
                consumer.resume(); // a record that waited for its schema is decoded again
            }
        }
        if let Some(restored) = restored {
            for change in restored.changes.iter().chain(&restored.recounts) {
                warn!(%change, "the configuration changed; this applies from now on");
            }
            let metrics = &mut processor.metrics;
            metrics.add_engine_counts(processor.engine.counts());
            metrics.engine_replaced(&restored.engine);
            processor.engine = restored.engine;
            self.checkpoints.engine_replaced();
        }
        for topic in &retired_topics {
            processor.offsets.retire(topic, &mut processor.engine);
        }
        self.checkpoints.hurry();
        let next = next?;
        self.publication.on(VisibilityEvent::ConsumerReplaced);
        self.clocks.clear(&processor.offsets);
        Some(mem::replace(consumer, next))
    }
}
