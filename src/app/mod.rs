//! What starts and stops things.

pub mod backfill;
pub mod checkpoint;
pub mod demo;
pub mod estimate;
pub mod explain;
pub mod history;
pub mod ingest;
pub mod overview;
pub mod recovery;
pub mod replay;
pub mod samples;
pub mod schemas;
pub mod serve;
pub mod targets;
pub mod topics;
pub mod verify;
