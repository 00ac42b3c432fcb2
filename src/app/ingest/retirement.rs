//! Goes on without a topic that was deleted and is no longer configured.

use tracing::warn;

use super::readings::Readings;
use crate::engine::Engine;

/// Nothing more is read of the topic. What it contributed stays counted.
pub fn retire(topic: &str, readings: &mut Readings, engine: &mut Engine) {
    let partitions = readings.retire(topic);
    if partitions.is_empty() {
        return; // nothing was ever read of it
    }
    for partition in partitions {
        engine.retire(partition);
    }
    warn!(
        %topic,
        "the topic was deleted and is no longer configured: what it contributed stays counted, and \
         its open tickets leave the backlog"
    );
}
