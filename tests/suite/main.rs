//! The integration tests, as one binary: a folder or file below is one subject.

// A panic in a test is its report; clippy's own exemption ends at the `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerting;
mod boards;
mod changed_rules;
mod crash;
mod deployment;
mod documentation;
mod end_to_end;
mod explained;
mod floor_plan;
mod fuzz;
mod harness;
mod inference;
mod kafka;
mod kafka_security;
mod kpis;
mod logs;
mod mapping;
mod naive;
mod old_stores;
mod packaging;
mod pages;
mod presets;
mod properties;
mod reload;
mod rendering;
mod schemas;
mod simulation;
mod stories;
mod web_security;
