//! ticket-exporter: ticket lifecycle events from Kafka, as exact Prometheus metrics.
//!
//! The floor plan. A module may import only what stands in a paragraph above its own; `alerting`,
//! `config`, `decode`, `exposition` and `simulation` share a floor and do not know each other. Down
//! to that floor everything is pure: time is an argument, and nothing waits, reads or logs.

pub mod domain; // what the words mean: events, statuses, calendars, goals, the metric catalogue

pub mod engine; // what is remembered: tickets, timers, series, windows

pub mod alerting; // rules for Prometheus: what to record, when to tell whom
pub mod config; // what the user set, validated
pub mod decode; // bytes in: the canonical event
pub mod exposition; // bytes out: text, OpenMetrics, protobuf
pub mod simulation; // an invented support desk

pub mod edge; // what blocks or awaits: Kafka, HTTP, files

pub mod app; // what starts and stops things

pub mod cli; // what talks to a person
