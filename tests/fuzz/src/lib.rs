//! The pure floors of the exporter once more, compiled for the fuzzer: without Kafka and HTTP, which
//! it has no use for, that takes a minute.

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

/// What the targets are about; the tests have it from the exporter itself.
mod subject {
    pub use crate::{config, decode, domain, inference};
}

pub mod targets;
