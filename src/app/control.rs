//! The control channel of the ingest thread. The thread checks it between two batches, applies the update
//! or stops, and sends the result back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::ingest::{IngestError, RulesUpdateError};
use crate::config::{Config, ConfigChanges};
use crate::edge::kafka::StartError;
use crate::edge::schema_registry::SchemaRegistryClient;

/// A new configuration for the ingest thread.
#[derive(Debug)]
pub struct ConfigUpdate {
    pub config: Config,
    /// The differences from the configuration in force.
    pub changes: ConfigChanges,
    /// `None`: the registry stays the same.
    pub schema_registry: Option<Option<Arc<SchemaRegistryClient>>>,
}

/// Why the ingest thread has not applied an update. The configuration before it stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ConfigUpdateError {
    #[error(
        "the current state could not be written within some seconds; see the log for the reason, and \
         reload again when checkpoints are written"
    )]
    CheckpointNotWritten,
    #[error(transparent)]
    Rules(#[from] RulesUpdateError),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

pub type ConfigUpdateResult = Result<(), ConfigUpdateError>;

/// An update, and the channel for its result.
type PendingUpdate = (ConfigUpdate, oneshot::Sender<ConfigUpdateResult>);

/// All clones share one channel.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<SharedControl>);

#[derive(Debug, Default)]
struct SharedControl {
    /// Whether there is anything in `requests`.
    halt: AtomicBool,
    requests: Mutex<ControlRequests>,
}

#[derive(Debug, Default)]
struct ControlRequests {
    stop: bool,
    /// The ingest thread has ended.
    closed: bool,
    update: Option<PendingUpdate>,
}

impl Control {
    /// Requests a stop.
    pub fn stop(&self) {
        self.lock().stop = true;
        self.0.halt.store(true, Ordering::Relaxed);
    }

    /// Requests an update, which replaces a pending one. The receiver gets an error if the ingest thread
    /// ends.
    pub fn update(&self, update: ConfigUpdate) -> oneshot::Receiver<ConfigUpdateResult> {
        let (sender, result) = oneshot::channel();
        let mut requests = self.lock();
        if !requests.closed {
            requests.update = Some((update, sender));
            self.0.halt.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Set while there is a request.
    pub fn halt(&self) -> &AtomicBool {
        &self.0.halt
    }

    pub fn is_halted(&self) -> bool {
        self.0.halt.load(Ordering::Relaxed)
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    /// Takes the pending update. Returns none after a stop.
    pub fn take(&self) -> Option<PendingUpdate> {
        let mut requests = self.lock();
        let update = requests.update.take();
        self.0.halt.store(requests.stop, Ordering::Relaxed);
        update.filter(|_| !requests.stop)
    }

    /// Cancels the pending update. Returns whether there was one: the ingest thread may have taken it.
    pub fn cancel(&self) -> bool {
        let mut requests = self.lock();
        let was_pending = requests.update.take().is_some();
        self.0.halt.store(requests.stop, Ordering::Relaxed);
        was_pending
    }

    /// The ingest thread ends. Receivers of results get an error.
    pub fn close(&self) {
        let mut requests = self.lock();
        requests.closed = true;
        requests.update = None;
    }

    fn lock(&self) -> MutexGuard<'_, ControlRequests> {
        // No code panics while it holds the lock.
        let requests = self.0.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> ConfigUpdate {
        ConfigUpdate {
            config: Config::default(),
            changes: ConfigChanges::default(),
            schema_registry: None,
        }
    }

    #[test]
    fn an_update_is_taken_once_and_answered() {
        let control = Control::default();
        assert!(control.take().is_none());
        let mut result = control.update(update());
        assert!(control.is_halted());
        let (_, sender) = control.take().unwrap();
        assert!(!control.is_halted() && control.take().is_none());
        sender
            .send(Err(ConfigUpdateError::CheckpointNotWritten))
            .unwrap();
        assert!(matches!(
            result.try_recv(),
            Ok(Err(ConfigUpdateError::CheckpointNotWritten))
        ));
    }

    #[test]
    fn an_update_can_be_canceled_until_it_is_taken() {
        let control = Control::default();
        let mut result = control.update(update());
        assert!(control.cancel() && !control.is_halted());
        assert!(result.try_recv().is_err() && control.take().is_none());
        let _result = control.update(update());
        let _taken = control.take().unwrap();
        assert!(!control.cancel(), "it is being applied");
    }

    #[test]
    fn a_stop_discards_the_update() {
        let control = Control::default();
        let mut result = control.update(update());
        control.stop();
        assert!(control.take().is_none());
        assert!(control.is_halted() && control.is_stopped());
        assert!(result.try_recv().is_err());
        control.close();
        assert!(control.update(update()).try_recv().is_err());
        assert!(control.take().is_none());
    }
}
