//! A changed configuration, taken over between two batches. What was counted goes on, what is
//! served stays, and nothing is read twice.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use tracing::warn;

use super::retirement::retire;
use super::tables::Tables;
use super::transactions::OpenTransactions;
use super::{Ingest, Timing};
use crate::decode::Decoder;
use crate::edge::kafka::{Consumer, CredentialFiles, DeadLetterProducer};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::engine::{Restored, Rules, StateError};

/// What is to be different; `None`: it stays.
#[derive(Default)]
pub struct Change {
    pub timing: Option<Timing>,
    /// How records are read, and who knows their schemas.
    pub decoding: Option<(Decoder, Option<Arc<SchemaRegistryClient>>)>,
    /// The inner one: whether dead letters are written at all. Those on their way have to be
    /// confirmed before, which [`Ingest::finish`] sees to.
    pub dead_letters: Option<Option<DeadLetterProducer>>,
    /// A consumer that has read nothing yet.
    pub consumer: Option<Consumer>,
    /// Deleted topics that are no longer configured.
    pub topics_gone: Vec<String>,
    /// What the clients have read, to be watched from before they were started.
    pub credentials: Option<Option<CredentialFiles>>,
    /// The numbers under other rules, see [`Ingest::under`].
    pub restored: Option<Restored>,
}

/// Why the numbers cannot be taken over as they are.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error(transparent)]
    Rules(#[from] StateError),
    #[error("the exporter keeps no state")]
    Volatile,
}

impl Ingest {
    /// How records are read now.
    pub fn decoder(&self) -> &Decoder {
        self.tables.decoder()
    }

    /// The numbers of now under other rules, as a restart would give them. To be called once all
    /// is kept, see [`Ingest::finish`]; nothing changes yet.
    ///
    /// # Errors
    /// Rules that the numbers cannot follow.
    pub fn under(&mut self, rules: Arc<Rules>) -> Result<Restored, NotKept> {
        if self.keeper.is_none() {
            return Err(NotKept::Volatile);
        }
        Ok(self.engine.under(rules)?)
    }

    /// Takes a change over. Gives back the consumer that is no longer read, if there is another.
    pub fn change(&mut self, change: Change, consumer: &mut Consumer) -> Option<Consumer> {
        let Change {
            timing,
            decoding,
            dead_letters,
            consumer: next,
            topics_gone,
            credentials,
            restored,
        } = change;
        if let Some(timing) = timing {
            self.timing = timing;
        }
        if let Some(dead_letters) = dead_letters {
            self.letters.replace(dead_letters);
        }
        if let Some(credentials) = credentials {
            self.credentials = credentials;
        }
        if let Some((decoder, registry)) = decoding {
            self.tables = Tables::new(decoder);
            self.useless.forget();
            if self.schemas.take().is_some() {
                // Whatever was waited for is asked for anew.
                self.metrics.set_schema_registry_waiting(false);
                consumer.resume();
            }
            self.schemas = registry.and_then(|registry| self.lookup(registry));
        }
        if let Some(restored) = restored {
            for change in restored.changes.iter().chain(&restored.recounts) {
                warn!(%change, "the configuration changed; this applies from now on");
            }
            self.tally.show(self.engine.counts());
            self.tally.begin(restored.engine.counts());
            self.engine = restored.engine;
            if let Some(keeper) = &mut self.keeper {
                keeper.other_engine();
            }
        }
        for topic in &topics_gone {
            retire(topic, &mut self.readings, &mut self.engine);
        }
        self.next_checkpoint = Instant::now();
        let next = next?;
        self.bridge();
        self.transactions = OpenTransactions::default();
        for reading in self.readings.iter() {
            let source = &reading.source;
            self.metrics
                .remove_partition(&source.topic, source.partition);
        }
        Some(mem::replace(consumer, next))
    }

    /// What is shown stays until the next consumer has caught up, if anything is.
    fn bridge(&mut self) {
        if self.catching_up.is_some() {
            return; // nothing is shown, or is bridged already
        }
        let reason = "reloaded: waiting for partitions to be assigned";
        self.catching_up = Some(self.published.readiness().hold(reason));
        self.bridging = true;
        self.bridges += 1;
        self.metrics.set_caught_up(false);
    }
}
