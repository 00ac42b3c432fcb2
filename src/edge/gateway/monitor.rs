//! Keeps the receiver up to date: are the topics writable, have credentials or secrets changed?

use std::sync::mpsc::{Receiver as StopSignal, RecvTimeoutError};
use std::time::Duration;

use tracing::{info, warn};

use super::receiver::WebhookReceiver;
use crate::edge::http::Latch;

/// Between two checks: soon enough for a new secret, and one small request to the brokers.
const PACE: Duration = Duration::from_secs(5);
/// While Kafka is away, the receiver finds out soon that it is back.
const PACE_WHEN_AWAY: Duration = Duration::from_secs(1);
/// For the answer of the brokers.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the sender of `stop` is dropped. `latch` is released when the topics are writable.
pub fn watch(receiver: &WebhookReceiver, latch: Latch, stop: &StopSignal<()>) {
    let mut held = Some(latch);
    loop {
        let active = receiver.active();
        active.hooks.refresh();
        active.producer.refresh();
        match active.producer.probe(PROBE_PATIENCE) {
            Ok(()) => {
                if held.take().is_some() {
                    info!("topics can be written");
                }
            }
            Err(reason) => match &held {
                Some(latch) => latch.set_reason(reason),
                None => {
                    warn!(%reason, "topics cannot be written");
                    held = Some(receiver.readiness.hold(reason));
                }
            },
        }
        drop(active);
        receiver.metrics.set_ready(held.is_none());
        let pace = if held.is_some() { PACE_WHEN_AWAY } else { PACE };
        if stop.recv_timeout(pace) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
