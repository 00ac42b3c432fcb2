//! Ingest: from Kafka records to published series. [`Ingest`] runs on the ingest thread and owns the
//! engine. It has three parts:
//!
//! - *processing*: [`processor`] decodes records and applies them to the engine.
//! - *checkpoints*: [`checkpoints`] hands the state to the checkpoint writer.
//! - *visibility*: [`visibility`] decides what scrapes may see.

mod checkpoints;
mod completeness;
mod dead_letter_queue;
mod error;
mod ingest_loop;
mod ingest_metrics;
mod input_progress;
mod keyless_topics;
mod live_lookup_tables;
mod long_transactions;
mod partition_clocks;
mod processor;
mod progress_log;
mod publication;
mod schema_wait;
mod timing;
mod unusable_topics;
mod update;
mod visibility;

pub use error::{IngestError, IngestFailure};
pub use ingest_loop::{Ingest, IngestPause, IngestState};
pub use timing::Timing;
pub use update::{IngestUpdate, RulesUpdateError};
