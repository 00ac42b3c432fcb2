//! Keeps the receiver up to date: are the topics writable, have credentials or secrets changed?

use std::sync::mpsc::{Receiver as StopSignal, RecvTimeoutError};
use std::time::Duration;

use tracing::{info, warn};

use super::hooks::HookTable;
use super::metrics::GatewayMetrics;
use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::{CredentialFiles, WebhookProducer};

/// Between two checks: soon enough for a new secret, and one small request to the brokers.
const PACE: Duration = Duration::from_secs(5);
/// While Kafka is away, the receiver finds out soon that it is back.
const PACE_WHEN_AWAY: Duration = Duration::from_secs(1);
/// For the answer of the brokers.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the sender of `stop` is dropped. `latch` is released when the topics are writable.
pub fn watch(
    producer: &WebhookProducer,
    hooks: &HookTable,
    metrics: &GatewayMetrics,
    readiness: &Readiness,
    latch: Latch,
    mut credentials: Option<CredentialFiles>,
    stop: &StopSignal<()>,
) {
    let mut held = Some(latch);
    loop {
        hooks.refresh();
        let new = credentials
            .as_mut()
            .is_some_and(CredentialFiles::have_changed);
        if new || producer.has_failed() {
            match producer.renew() {
                Ok(()) => info!("kafka client started again"),
                Err(error) => warn!(%error, "kafka client not started again"),
            }
        }
        match producer.probe(PROBE_PATIENCE) {
            Ok(()) => {
                if held.take().is_some() {
                    info!("topics can be written");
                }
            }
            Err(reason) => match &held {
                Some(latch) => latch.set_reason(reason),
                None => {
                    warn!(%reason, "topics cannot be written");
                    held = Some(readiness.hold(reason));
                }
            },
        }
        metrics.set_ready(held.is_none());
        let pace = if held.is_some() { PACE_WHEN_AWAY } else { PACE };
        if stop.recv_timeout(pace) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
