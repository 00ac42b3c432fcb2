//! The settings of the ingest loop that concern time.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::timestamp::Milliseconds;
use crate::edge::wall_clock::TimeSource;

#[derive(Clone)]
pub struct Timing {
    /// A partition's clock follows the time up to which it was read, minus this.
    pub grace: Milliseconds,
    /// Events further ahead of the wall clock are rejected.
    pub max_future: Milliseconds,
    /// Time between two checkpoints.
    pub interval: Duration,
    pub clock: Arc<dyn TimeSource>,
}
