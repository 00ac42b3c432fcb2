//! Fetches schemas from a schema registry with Confluent's API: a schema by its id, and the schemas
//! that it references. A request is one attempt; the caller decides whether to repeat it and whether to
//! wait.

mod client;

pub use client::{
    SchemaLookupError, SchemaRegistryClient, SchemaRegistryClientError, SchemaRegistryFailure,
};

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::decode::{SchemaId, SchemaText};

/// The registry's answer about an id.
pub type SchemaAnswer = Result<SchemaText, SchemaLookupError>;

/// A request on its own thread, so that neither the reader nor the end of the process waits for a slow
/// registry.
#[derive(Debug)]
pub struct SchemaRequest {
    answer: mpsc::Receiver<SchemaAnswer>,
}

impl SchemaRequest {
    pub fn send(client: &Arc<SchemaRegistryClient>, id: SchemaId) -> Self {
        let (sender, answer) = mpsc::sync_channel(1);
        let client = Arc::clone(client);
        let builder = thread::Builder::new().name("schemas".to_owned());
        // If the thread cannot start, the sender is dropped, and `answer` returns an error.
        let _ = builder.spawn(move || {
            // The receiver may have been dropped; that is fine.
            let _ = sender.send(client.schema(id));
        });
        Self { answer }
    }

    /// Waits up to `timeout` for the answer and returns it once.
    pub fn answer(&self, timeout: Duration) -> Option<SchemaAnswer> {
        match self.answer.recv_timeout(timeout) {
            Ok(answer) => Some(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(Err(SchemaLookupError::Failed {
                failure: SchemaRegistryFailure::Connection,
                reason: "the request could not be sent".to_owned(),
            })),
        }
    }
}
