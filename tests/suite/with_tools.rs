//! The integration tests that need real tools, as one binary: Kafka, Prometheus, Helm, a browser and
//! whatever else `tests/setup` installs. Each folder or file is one subject. Plain `cargo test` leaves them
//! out; `tests/run` and `cargo test --test with_tools` run them.
//!
//! The ignored tests are measurements; `tests/run --long` runs them.

// A test reports its failure with a panic. Clippy exempts only the `#[test]` functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerting;
mod book;
mod crash;
mod dashboards;
mod deployment;
mod end_to_end;
mod first_hour;
mod gateway;
mod harness;
mod kafka;
mod kafka_security;
mod kafka_situations;
mod kafka_transactions;
mod large_table;
mod packaging;
mod pages;
mod reload;
mod rendering;
mod schemas;
mod self_tests;
mod starter;
// Only the random generator of the stories; `stories/mod.rs` allows these casts for all of them.
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
