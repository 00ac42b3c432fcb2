//! The integration tests that need nothing but Rust and a C++ compiler, as one binary: a folder or file
//! below is one subject. `with_tools.rs` has the others.
//!
//! Tests that are ignored here need the recorded ticket data; `tests/run` runs them where it is.

// A panic in a test is its report; clippy's own exemption ends at the `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changed_rules;
mod documentation;
mod explained;
mod floor_plan;
mod fuzz;
mod harness;
mod inference;
mod kpis;
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
mod tiers;
