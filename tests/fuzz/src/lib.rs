//! The pure layers of the exporter, compiled for the fuzzer. Without Kafka and HTTP that takes a minute.

#![allow(dead_code, unused_imports, reason = "the floors above use the rest")]

#[path = "../../../src/config/mod.rs"]
pub mod config;
#[path = "../../../src/decode/mod.rs"]
pub mod decode;
#[path = "../../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../../src/app/inference/mod.rs"]
pub mod inference;

/// The same interface as in the tests, which use the exporter itself.
mod subject {
    pub use crate::{config, decode, domain, inference};
}

pub mod targets;
