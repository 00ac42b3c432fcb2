//! What starts and stops things.

pub mod demo;
pub mod explain;
pub mod ingest;
pub mod overview;
pub mod replay;
pub mod serve;
