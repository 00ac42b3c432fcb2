//! Decodes records and applies them to the engine.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::dead_letter_queue::DeadLetterQueue;
use super::ingest_metrics::IngestMetrics;
use super::keyless_topics::KeylessTopics;
use super::live_lookup_tables::LiveLookupTables;
use super::schema_wait::SchemaWait;
use super::timing::Timing;
use super::unusable_topics::UnusableTopics;
use crate::app::source_offsets::{RecordAction, RecordsLost, SourceOffsets};
use crate::decode::{Decoded, Decoder};
use crate::domain::timestamp::Timestamp;
use crate::edge::http::Published;
use crate::edge::kafka::{Consumer, DeadLetterProducer, KafkaRecord, RecordBatch};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::engine::Engine;

/// Records that the engine looks up together: enough to hide the memory's latency, few enough for the
/// processor's cache.
const CHUNK: usize = 64;
/// A smaller batch is not worth a second thread.
const DECODE_AHEAD_FROM: usize = 1_000;
/// Decoded chunks that may wait for the engine.
const CHUNKS_AHEAD: usize = 16;

pub(super) struct RecordProcessor {
    pub(super) engine: Engine,
    pub(super) offsets: SourceOffsets,
    pub(super) dead_letters: DeadLetterQueue,
    pub(super) metrics: IngestMetrics,
    tables: LiveLookupTables,
    /// `None`: records have no schemas.
    schemas: Option<SchemaWait>,
    keyless: KeylessTopics,
    unusable: UnusableTopics,
    published: Arc<Published>,
    /// Records so far.
    records: u64,
}

impl RecordProcessor {
    pub(super) fn new(
        engine: Engine,
        offsets: SourceOffsets,
        decoder: Decoder,
        published: Arc<Published>,
        dead_letters: Option<DeadLetterProducer>,
    ) -> Self {
        let metrics = published.self_metrics();
        Self {
            metrics: IngestMetrics::new(Arc::clone(metrics), &engine),
            dead_letters: DeadLetterQueue::new(
                dead_letters,
                published.readiness().clone(),
                Arc::clone(metrics),
            ),
            engine,
            offsets,
            tables: LiveLookupTables::new(decoder),
            schemas: None,
            keyless: KeylessTopics::default(),
            unusable: UnusableTopics::new(Arc::clone(&published)),
            published,
            records: 0,
        }
    }

    pub(super) fn decoder(&self) -> &Decoder {
        self.tables.decoder()
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Decodes records with this decoder from now on.
    pub(super) fn set_decoder(&mut self, decoder: Decoder) {
        self.tables = LiveLookupTables::new(decoder);
        self.unusable.clear();
    }

    /// Gets schemas from this registry from now on. Returns whether records waited for a schema.
    pub(super) fn set_schema_registry(
        &mut self,
        registry: Option<Arc<SchemaRegistryClient>>,
    ) -> bool {
        let schemas = self.decoder().schemas().cloned();
        let metrics = self.published.self_metrics();
        let next = registry.zip(schemas).map(|(registry, schemas)| {
            let readiness = self.published.readiness().clone();
            SchemaWait::new(registry, schemas, Arc::clone(metrics), readiness)
        });
        let had_schemas = std::mem::replace(&mut self.schemas, next).is_some();
        if had_schemas {
            metrics.set_schema_registry_waiting(false);
        }
        had_schemas
    }

    /// Whether records of the last batch wait for a schema or for room among the dead letters. Waits up
    /// to `patience` for that, and resumes the consumer afterwards.
    pub(super) fn wait_for_held_records(
        &mut self,
        patience: Duration,
        consumer: &mut Consumer,
    ) -> bool {
        let (mut was_held, mut is_held) = (false, false);
        if let Some(schemas) = &mut self.schemas
            && schemas.is_waiting()
        {
            was_held = true;
            is_held = !schemas.is_over(patience);
        }
        if self.dead_letters.is_held() {
            was_held = true;
            let patience = if is_held { Duration::ZERO } else { patience };
            is_held |= !self.dead_letters.wait_for_room(patience);
        }
        if was_held && !is_held {
            consumer.resume();
        }
        was_held
    }

    /// Decodes and applies a batch. Stops before the first record that needs an unknown schema, or is a
    /// dead letter without room. Returns the number of records before it. A second thread decodes a
    /// large batch ahead; the records are applied in their order. `is_shown`: the exporter has caught
    /// up.
    ///
    /// # Errors
    /// An anchor did not match.
    pub(super) fn apply(
        &mut self,
        batch: &RecordBatch<'_>,
        timing: &Timing,
        is_shown: bool,
    ) -> Result<usize, RecordsLost> {
        let latest = timing.clock.latest().plus(timing.max_future);
        if let Some(mapping) = self.tables.refresh() {
            self.engine.set_mapping_settings(mapping);
        }
        let decoder = self.tables.decoder().clone();
        let headers = if decoder.needs_headers() {
            batch.headers()
        } else {
            Vec::new()
        };
        let mut records: Vec<KafkaRecord<'_>> = batch.iter(&headers).collect();
        if let Some(schemas) = &mut self.schemas {
            records.truncate(schemas.ready(&records));
        }
        self.keyless.check(&records, &self.offsets);
        let mut taken = 0;
        let mut apply = |chunk: &[(KafkaRecord<'_>, Decoded<'_>)]| {
            if is_shown && let Some(at) = latest_event(chunk) {
                timing.clock.observe_event(at);
            }
            let applied = self.apply_chunk(chunk, batch, taken);
            taken += applied;
            applied == chunk.len()
        };
        if records.len() < DECODE_AHEAD_FROM {
            for chunk in records.chunks(CHUNK) {
                if !apply(&decode_chunk(&decoder, chunk, latest)) {
                    break;
                }
            }
        } else {
            thread::scope(|scope| {
                let (sender, receiver) = mpsc::sync_channel(CHUNKS_AHEAD);
                let (records, decoder) = (&records, &decoder);
                scope.spawn(move || {
                    for chunk in records.chunks(CHUNK) {
                        if sender.send(decode_chunk(decoder, chunk, latest)).is_err() {
                            return; // the engine has stopped before the end of the batch
                        }
                    }
                });
                for chunk in receiver {
                    if !apply(&chunk) {
                        break;
                    }
                }
            });
        }
        records.truncate(taken);
        self.records += records.len() as u64;
        self.offsets.set_anchors(&records);
        match self.offsets.lost() {
            Some(lost) => Err(lost.clone()),
            None => Ok(records.len()),
        }
    }

    /// Applies records, whose first is at `index` of the batch. Stops before a dead letter without
    /// room. Returns the number of records before it.
    fn apply_chunk(
        &mut self,
        chunk: &[(KafkaRecord<'_>, Decoded<'_>)],
        batch: &RecordBatch<'_>,
        index: usize,
    ) -> usize {
        self.engine
            .warm(chunk.iter().flat_map(|(_, decoded)| decoded.events()));
        for (number, (record, decoded)) in chunk.iter().enumerate() {
            let rejection = decoded
                .rejection()
                .filter(|_| self.dead_letters.is_enabled());
            if rejection.is_some() && !self.dead_letters.has_room() {
                return number;
            }
            let RecordAction::Apply(partition) = self.offsets.advance(record) else {
                continue;
            };
            for event in decoded.events() {
                self.engine.apply(partition, event);
            }
            self.metrics.count(record, decoded);
            let engine = &self.engine;
            self.unusable
                .count(record, decoded, self.tables.decoder(), || {
                    engine.greatest_event(partition).is_some()
                });
            if let Some(rejection) = rejection {
                let headers = batch.all_headers(index + number);
                self.dead_letters.send(record, &headers, rejection.name());
            }
        }
        chunk.len()
    }
}

/// The latest event time of a chunk.
fn latest_event(chunk: &[(KafkaRecord<'_>, Decoded<'_>)]) -> Option<Timestamp> {
    let events = chunk.iter().flat_map(|(_, decoded)| decoded.events());
    events.map(|event| event.at).max()
}

fn decode_chunk<'a>(
    decoder: &Decoder,
    records: &[KafkaRecord<'a>],
    latest: Timestamp,
) -> Vec<(KafkaRecord<'a>, Decoded<'a>)> {
    records
        .iter()
        .map(|record| (*record, decoder.decode(&record.to_decode(), Some(latest))))
        .collect()
}
