//! Schemas for whoever reads topics once: the registry is asked on the spot, and the reading fails
//! where it does not answer. (The exporter itself waits in other ways: see `ingest`.)

use std::thread;
use std::time::{Duration, Instant};

use crate::config::{Config, SchemaRegistry};
use crate::decode::{Decoder, SchemaId, Schemas};
use crate::edge::kafka::KafkaRecord;
use crate::edge::schema_registry::{
    SchemaLookupError, SchemaRegistryClient, SchemaRegistryClientError,
};

/// A person waits: longer than a registry takes to be started anew, and no more.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// Why a schema cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Client(#[from] SchemaRegistryClientError),
    #[error("the schema registry does not give schema {id}: {reason}")]
    Away {
        id: SchemaId,
        reason: SchemaLookupError,
    },
}

/// Reads the records of the topics of a configuration, with schemas or without.
pub fn decoder(config: &Config) -> Decoder {
    decoder_that_knows(config, None)
}

/// The same with schemas that are known already.
pub fn decoder_that_knows(config: &Config, schemas: Option<Schemas>) -> Decoder {
    let decoder = Decoder::new(&config.mapping);
    match config.schema_registry {
        Some(_) => decoder.with_schemas(schemas.unwrap_or_default()),
        None => decoder,
    }
}

/// See the module.
#[derive(Debug)]
pub struct Fetcher {
    client: SchemaRegistryClient,
    schemas: Schemas,
}

impl Fetcher {
    /// Fetches what a decoder needs; `None` where its records have no schemas.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(
        registry: Option<&SchemaRegistry>,
        decoder: &Decoder,
    ) -> Result<Option<Self>, FetchError> {
        let (Some(registry), Some(schemas)) = (registry, decoder.schemas()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: SchemaRegistryClient::new(registry)?,
            schemas: schemas.clone(),
        }))
    }

    /// Fetches the schema of a record, if it is missing. One that the registry does not have,
    /// or that cannot be used, is noted as such: its records are rejected, as live.
    ///
    /// # Errors
    /// A registry that does not answer for a minute.
    pub fn fetch(&self, record: &KafkaRecord<'_>) -> Result<(), FetchError> {
        let value = record.value.unwrap_or_default();
        let Some(id) = self.schemas.missing(value, record.headers) else {
            return Ok(());
        };
        let begun = Instant::now();
        loop {
            match self.client.schema(id) {
                Ok(text) => {
                    // What is wrong with it shows in its records.
                    let _ = self.schemas.learn(id, &text);
                    return Ok(());
                }
                Err(SchemaLookupError::Unknown) => {
                    self.schemas.learn_unknown(id);
                    return Ok(());
                }
                Err(SchemaLookupError::Unusable(_)) => {
                    self.schemas.learn_unusable(id);
                    return Ok(());
                }
                Err(reason) if begun.elapsed() >= PATIENCE => {
                    return Err(FetchError::Away { id, reason });
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }
}
