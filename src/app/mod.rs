//! What starts and stops things.

pub mod backfill;
pub mod checkpoint;
pub mod connect;
pub mod demo;
pub mod estimate;
pub mod explain;
pub mod history;
pub mod inference;
pub mod ingest;
pub mod orders;
pub mod overview;
pub mod reader;
pub mod recount;
pub mod recovery;
pub mod reload;
pub mod replay;
pub mod samples;
pub mod schemas;
pub mod serve;
pub mod targets;
pub mod topics;
mod topics_gone;
pub mod usability;
pub mod verify;
