//! What starts and stops things.

pub mod checkpoint;
pub mod demo;
pub mod explain;
pub mod ingest;
pub mod overview;
pub mod recovery;
pub mod replay;
pub mod serve;
