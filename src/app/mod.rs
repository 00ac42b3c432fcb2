//! What starts and stops things.

pub mod demo;
pub mod ingest;
pub mod overview;
pub mod replay;
pub mod serve;
