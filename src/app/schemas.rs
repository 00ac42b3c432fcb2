//! Schemas for commands that read topics once: they fail if the registry does not answer. The exporter
//! itself waits; see `ingest::schema_wait`.

use std::thread;
use std::time::{Duration, Instant};

use crate::config::{Config, SchemaRegistry};
use crate::decode::{Decoder, SchemaId, Schemas};
use crate::edge::kafka::KafkaRecord;
use crate::edge::schema_registry::{
    SchemaLookupError, SchemaRegistryClient, SchemaRegistryClientError,
};

/// A registry restarts in less time than this. A user waits for the command.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// Why a schema is not available.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFetchError {
    #[error(transparent)]
    Client(#[from] SchemaRegistryClientError),
    #[error("the schema registry does not give schema {id}: {reason}")]
    Away {
        id: SchemaId,
        reason: SchemaLookupError,
    },
}

/// The decoder for the configured topics.
pub fn decoder(config: &Config) -> Decoder {
    decoder_with(config, None)
}

/// The same, with these known schemas.
pub fn decoder_with(config: &Config, schemas: Option<Schemas>) -> Decoder {
    let decoder = Decoder::new(&config.mapping);
    match config.schema_registry {
        Some(_) => decoder.with_schemas(schemas.unwrap_or_default()),
        None => decoder,
    }
}

#[derive(Debug)]
pub struct SchemaFetcher {
    client: SchemaRegistryClient,
    schemas: Schemas,
}

impl SchemaFetcher {
    /// Fetches schemas for a decoder; `None` if its records have no schemas.
    pub fn new(
        registry: Option<&SchemaRegistry>,
        decoder: &Decoder,
    ) -> Result<Option<Self>, SchemaFetchError> {
        let (Some(registry), Some(schemas)) = (registry, decoder.schemas()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: SchemaRegistryClient::new(registry)?,
            schemas: schemas.clone(),
        }))
    }

    /// Fetches the schema of a record, if it is missing. If the registry does not have the schema, or the
    /// schema is unusable, the decoder rejects its records, as in the exporter.
    ///
    /// # Errors
    /// The registry has not answered for a minute.
    pub fn fetch(&self, record: &KafkaRecord<'_>) -> Result<(), SchemaFetchError> {
        let value = record.value.unwrap_or_default();
        let Some(id) = self.schemas.missing(value, record.headers) else {
            return Ok(());
        };
        let begun = Instant::now();
        loop {
            match self.client.schema(id) {
                Ok(text) => {
                    // If the schema is unusable, its records show the reason.
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
                    return Err(SchemaFetchError::Away { id, reason });
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }
}
