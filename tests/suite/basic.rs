//! The integration tests that need only Rust and a C++ compiler, as one binary: each folder or file is one
//! subject. `with_tools.rs` has the others.
//!
//! The ignored tests need the recorded ticket data; `tests/run` runs them where it is.

// A test reports its failure with a panic. Clippy exempts only the `#[test]` functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attributes;
mod changed_rules;
mod documentation;
mod explained;
mod fuzz;
mod grafana;
mod harness;
mod inference;
mod kpis;
mod language;
mod layers;
mod limits;
mod logs;
mod mapping;
mod naive;
mod old_stores;
mod presets;
mod properties;
mod repository;
mod simulation;
mod stories;
mod tables;
mod tiers;
