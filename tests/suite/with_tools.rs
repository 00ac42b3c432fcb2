//! The integration tests that need real tools, as one binary: Kafka, Prometheus, Helm, a browser and
//! whatever else `tests/setup` installs. A folder or file below is one subject. Plain `cargo test` leaves
//! them out; `tests/run` runs them, and so does `cargo test --test with_tools`.
//!
//! Tests that are ignored here are measurements; `tests/run --long` runs them.

// A panic in a test is its report; clippy's own exemption ends at the `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerting;
mod boards;
mod book;
mod crash;
mod deployment;
mod end_to_end;
mod first_hour;
mod harness;
mod kafka;
mod kafka_security;
mod kafka_situations;
mod kafka_transactions;
mod packaging;
mod pages;
mod reload;
mod rendering;
mod schemas;
mod self_tests;
// Only the dice of the random stories; `stories/mod.rs` allows these casts for all of them.
#[allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
mod stories {
    pub(crate) mod dice;
}
mod web_security;
