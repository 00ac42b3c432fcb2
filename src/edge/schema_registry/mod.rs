//! Questions to a schema registry, by the API of Confluent's: a schema by its id, and the schemas
//! that it refers to. One question is one try; who asks decides how often, and waits or does not.

mod client;

pub use client::{
    SchemaLookupError, SchemaRegistryClient, SchemaRegistryClientError, SchemaRegistryFailure,
};

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::decode::{SchemaId, SchemaText};

/// What the registry says about an id.
pub type SchemaAnswer = Result<SchemaText, SchemaLookupError>;

/// A question on its way, on a thread of its own: a registry that is slow keeps nobody waiting, and
/// a process that ends does not wait for it.
#[derive(Debug)]
pub struct SchemaRequest {
    answer: mpsc::Receiver<SchemaAnswer>,
}

impl SchemaRequest {
    pub fn ask(client: &Arc<SchemaRegistryClient>, id: SchemaId) -> Self {
        let (tell, answer) = mpsc::sync_channel(1);
        let client = Arc::clone(client);
        let asking = thread::Builder::new().name("schemas".to_owned());
        // Without a thread nobody tells anything, which is an answer too.
        let _ = asking.spawn(move || {
            // Nobody listens any more only where the answer is not needed.
            let _ = tell.send(client.schema(id));
        });
        Self { answer }
    }

    /// The answer, once; waits for it up to `patience`.
    pub fn answer(&self, patience: Duration) -> Option<SchemaAnswer> {
        match self.answer.recv_timeout(patience) {
            Ok(answer) => Some(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(Err(SchemaLookupError::Failed {
                failure: SchemaRegistryFailure::Connection,
                reason: "nobody could ask".to_owned(),
            })),
        }
    }
}
