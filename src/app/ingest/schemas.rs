//! Waits for the schemas of records. A record whose schema is not known stops the reading: nothing
//! behind it is read, until the registry has said what the schema is, or that there is none.

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

/// Before a question is asked again, the first time; then twice as long, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A registry that is back is noticed so soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often a registry may say that it has no such schema before it is believed: one behind the
/// one that the producer asked needs a moment to learn of it. Some 8 s.
const UNKNOWN_TRIES: u32 = 5;
/// Within so long that patience is had once: garbage may name any number of schemas.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(300);
/// After so long, schemas that were not there are asked for again.
const UNKNOWN_MEMORY: Duration = Duration::from_secs(60);
/// Between two lines about one trouble.
const SAY_AGAIN: Duration = Duration::from_secs(900);

/// See the module.
#[derive(Debug)]
pub(super) struct Lookup {
    client: Arc<SchemaRegistryClient>,
    known: Schemas,
    waiting: Option<Waiting>,
    metrics: Arc<SelfMetrics>,
    readiness: Readiness,
    /// When the patience with unknown schemas was last used up.
    impatient_since: Option<Instant>,
    /// When unknown schemas were last forgotten.
    forgotten: Instant,
}

/// What reading waits for.
#[derive(Debug)]
struct Waiting {
    id: SchemaId,
    /// The record, for people.
    place: String,
    question: Option<SchemaRequest>,
    next: Instant,
    tries: u32,
    unknown: u32,
    /// Held once a question has failed.
    latch: Option<Latch>,
    said: Option<Instant>,
}

impl Lookup {
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
            impatient_since: None,
            forgotten: Instant::now(),
        }
    }

    /// How many of the records, from the first on, can be read. What the next one needs is asked
    /// for, and [`Self::is_over`] tells when it is there.
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
        self.waiting = Some(Waiting {
            id,
            place: format!("{} offset {}", record.partition, record.offset),
            question: Some(SchemaRequest::send(&self.client, id)),
            next: Instant::now(),
            tries: 1,
            unknown: 0,
            latch: None,
            said: None,
        });
        self.metrics.set_schema_registry_waiting(true);
        ready
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Waits up to `patience` for what the reading waits for; whether that is over.
    pub(super) fn is_over(&mut self, patience: Duration) -> bool {
        let Some(mut waiting) = self.waiting.take() else {
            return true;
        };
        let over = match &waiting.question {
            Some(question) => match question.answer(patience) {
                Some(answer) => {
                    waiting.question = None;
                    self.take(&mut waiting, answer)
                }
                None => false,
            },
            None => {
                let left = waiting.next.saturating_duration_since(Instant::now());
                std::thread::sleep(left.min(patience));
                if left <= patience {
                    waiting.tries += 1;
                    waiting.question = Some(SchemaRequest::send(&self.client, waiting.id));
                }
                false
            }
        };
        if !over {
            self.waiting = Some(waiting);
            return false;
        }
        self.metrics.set_schema_registry_waiting(false);
        if let Some(latch) = waiting.latch {
            info!(schema = %waiting.id, "schema registry: reading goes on");
            latch.release();
        }
        true
    }

    /// Whether the answer ends the waiting.
    fn take(&mut self, waiting: &mut Waiting, answer: SchemaAnswer) -> bool {
        let id = waiting.id;
        match answer {
            Ok(text) => {
                if let Err(error) = self.known.learn(id, &text) {
                    error!(schema = %id, %error, "the schema cannot be used: its records are rejected");
                }
                true
            }
            Err(SchemaLookupError::Unusable(reason)) => {
                error!(
                    schema = %id,
                    reason, "the schema cannot be used: its records are rejected"
                );
                self.known.learn_unusable(id);
                true
            }
            Err(SchemaLookupError::Unknown) => {
                waiting.unknown += 1;
                let patient = self
                    .impatient_since
                    .is_none_or(|since| since.elapsed() >= UNKNOWN_PATIENCE);
                if patient && waiting.unknown < UNKNOWN_TRIES {
                    waiting.next = Instant::now() + pause(waiting.unknown);
                    return false;
                }
                if patient {
                    self.impatient_since = Some(Instant::now());
                    warn!(
                        schema = %id,
                        record = waiting.place,
                        "the schema registry has no such schema: its records are rejected"
                    );
                }
                self.known.learn_unknown(id);
                true
            }
            Err(SchemaLookupError::Failed { failure, reason }) => {
                self.metrics.schema_registry_errors(failure).inc();
                waiting.next = Instant::now() + pause(waiting.tries);
                waiting.complain(&self.readiness, &reason);
                false
            }
        }
    }
}

impl Waiting {
    fn complain(&mut self, readiness: &Readiness, reason: &str) {
        let text = format!(
            "waiting for the schema registry: record {} needs schema {}: {reason}",
            self.place, self.id
        );
        match &self.latch {
            Some(latch) => latch.set_reason(text),
            None => self.latch = Some(readiness.hold(text)),
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            self.said = Some(Instant::now());
            warn!(
                schema = %self.id,
                record = self.place,
                reason,
                "the schema registry does not answer: reading waits, nothing is lost; see that \
                 schema_registry.url leads to it, and that the login is right"
            );
        }
    }
}

/// After so many tries.
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
