//! Commands and the service: the modules that start and stop things.

pub mod backfill;
pub mod checkpoint;
pub mod connect;
pub mod control;
pub mod demo;
pub mod estimate;
pub mod explain;
pub mod gateway;
pub mod history;
pub mod inference;
pub mod ingest;
pub mod ingest_thread;
pub mod kafka_clients;
pub mod overview;
pub mod recount;
pub mod recovery;
pub mod reload;
mod removed_topics;
pub mod replay;
pub mod samples;
pub mod schemas;
pub mod serve;
pub mod source_offsets;
pub mod targets;
pub mod topics;
pub mod usability;
pub mod verify;
