//! Waits for the schemas of records. A record with an unknown schema stops the ingest loop until the
//! registry has returned the schema, or has answered that there is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::decode::{SchemaId, Schemas};
use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::KafkaRecord;
use crate::edge::schema_registry::{
    SchemaAnswer, SchemaLookupError, SchemaRegistryClient, SchemaRequest,
};
use crate::edge::self_metrics::SelfMetrics;

/// Pause before the first retry. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A registry must answer this often (for some 8 s) that it does not know a schema: a replica may learn
/// of a schema later than the producer's registry.
const UNKNOWN_TRIES: u32 = 5;
/// Only one schema in this time gets [`UNKNOWN_TRIES`]: invalid records may name any number of schemas.
const UNKNOWN_TRIES_INTERVAL: Duration = Duration::from_secs(300);
/// After this time the exporter requests unknown schemas again.
const UNKNOWN_MEMORY: Duration = Duration::from_secs(60);
/// Time between two log lines about one failure.
const LOG_INTERVAL: Duration = Duration::from_secs(900);

#[derive(Debug)]
pub(super) struct SchemaWait {
    client: Arc<SchemaRegistryClient>,
    known: Schemas,
    waiting: Option<WaitingRecord>,
    metrics: Arc<SelfMetrics>,
    readiness: Readiness,
    /// When a schema last used all of its [`UNKNOWN_TRIES`].
    tries_used: Option<Instant>,
    /// When unknown schemas were last forgotten.
    forgotten: Instant,
}

/// The record that stops the ingest loop.
#[derive(Debug)]
struct WaitingRecord {
    id: SchemaId,
    /// Topic, partition and offset.
    place: String,
    request: Option<SchemaRequest>,
    next_request: Instant,
    tries: u32,
    unknown: u32,
    /// Held after a failed request.
    latch: Option<Latch>,
    logged: Option<Instant>,
}

impl SchemaWait {
    pub(super) fn new(
        client: Arc<SchemaRegistryClient>,
        known: Schemas,
        metrics: Arc<SelfMetrics>,
        readiness: Readiness,
    ) -> Self {
        Self {
            client,
            known,
            waiting: None,
            metrics,
            readiness,
            tries_used: None,
            forgotten: Instant::now(),
        }
    }

    /// Returns how many of the records, from the first one on, can be decoded. Requests the schema of
    /// the next one; [`Self::is_over`] returns whether it has arrived.
    pub(super) fn ready(&mut self, records: &[KafkaRecord<'_>]) -> usize {
        if self.forgotten.elapsed() >= UNKNOWN_MEMORY {
            self.forgotten = Instant::now();
            self.known.forget_unknown();
        }
        let missing = |record: &KafkaRecord<'_>| {
            let value = record.value.unwrap_or_default();
            self.known.missing(value, record.headers)
        };
        let found = records
            .iter()
            .enumerate()
            .find_map(|(ready, record)| Some((ready, record, missing(record)?)));
        let Some((ready, record, id)) = found else {
            return records.len();
        };
        self.waiting = Some(WaitingRecord {
            id,
            place: format!("{} offset {}", record.partition, record.offset),
            request: Some(SchemaRequest::send(&self.client, id)),
            next_request: Instant::now(),
            tries: 1,
            unknown: 0,
            latch: None,
            logged: None,
        });
        self.metrics.set_schema_registry_waiting(true);
        ready
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Waits up to `patience` for the schema. Returns whether the ingest loop can continue.
    pub(super) fn is_over(&mut self, patience: Duration) -> bool {
        let Some(mut waiting) = self.waiting.take() else {
            return true;
        };
        let is_over = match &waiting.request {
            Some(request) => match request.answer(patience) {
                Some(answer) => {
                    waiting.request = None;
                    self.take(&mut waiting, answer)
                }
                None => false,
            },
            None => {
                let left = waiting
                    .next_request
                    .saturating_duration_since(Instant::now());
                std::thread::sleep(left.min(patience));
                if left <= patience {
                    waiting.tries += 1;
                    waiting.request = Some(SchemaRequest::send(&self.client, waiting.id));
                }
                false
            }
        };
        if !is_over {
            self.waiting = Some(waiting);
            return false;
        }
        self.metrics.set_schema_registry_waiting(false);
        if waiting.latch.is_some() {
            info!(schema = %waiting.id, "schema registry answers again");
        }
        true
    }

    /// Handles an answer. Returns whether it ends the wait.
    fn take(&mut self, waiting: &mut WaitingRecord, answer: SchemaAnswer) -> bool {
        let id = waiting.id;
        match answer {
            Ok(text) => {
                if let Err(error) = self.known.learn(id, &text) {
                    error!(schema = %id, %error, "schema is unusable; its records are rejected");
                }
                true
            }
            Err(SchemaLookupError::Unusable(error)) => {
                error!(schema = %id, error, "schema is unusable; its records are rejected");
                self.known.learn_unusable(id);
                true
            }
            Err(SchemaLookupError::Unknown) => {
                waiting.unknown += 1;
                let may_retry = self
                    .tries_used
                    .is_none_or(|since| since.elapsed() >= UNKNOWN_TRIES_INTERVAL);
                if may_retry && waiting.unknown < UNKNOWN_TRIES {
                    waiting.next_request = Instant::now() + pause(waiting.unknown);
                    return false;
                }
                if may_retry {
                    self.tries_used = Some(Instant::now());
                    warn!(
                        schema = %id,
                        record = waiting.place,
                        "the schema registry does not know the schema; its records are rejected"
                    );
                }
                self.known.learn_unknown(id);
                true
            }
            Err(SchemaLookupError::Failed { failure, reason }) => {
                self.metrics.schema_registry_errors(failure).inc();
                waiting.next_request = Instant::now() + pause(waiting.tries);
                waiting.report_failure(&self.readiness, &reason);
                false
            }
        }
    }
}

impl WaitingRecord {
    fn report_failure(&mut self, readiness: &Readiness, reason: &str) {
        let text = format!(
            "waiting for the schema registry: record {} needs schema {}: {reason}",
            self.place, self.id
        );
        match &self.latch {
            Some(latch) => latch.set_reason(text),
            None => self.latch = Some(readiness.hold(text)),
        }
        let is_old = |logged: Instant| logged.elapsed() >= LOG_INTERVAL;
        if self.logged.is_none_or(is_old) {
            self.logged = Some(Instant::now());
            warn!(
                schema = %self.id,
                record = self.place,
                reason,
                "the schema registry does not answer; the exporter waits and loses nothing; check \
                 schema_registry.url and the login"
            );
        }
    }
}

fn pause(tries: u32) -> Duration {
    let doubled = 1_u32 << tries.saturating_sub(1).min(8);
    (FIRST_PAUSE * doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses: Vec<u128> = (0..8).map(|tries| pause(tries).as_millis()).collect();
        assert_eq!(pauses, [500, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }
}
