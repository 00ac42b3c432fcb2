//! ticket-exporter reads ticket events from Kafka and exposes exact support KPIs as Prometheus metrics.
//!
//! The modules are layers. A module imports only modules in paragraphs above its own. `alerting`, `config`,
//! `dashboards`, `decode`, `exposition` and `simulation` share a layer and do not import each other. Up to
//! that layer, the code is pure: time is an argument, and nothing blocks, reads files or logs.

pub mod domain; // business terms: events, statuses, calendars, SLA targets, the metric catalogue

pub mod engine; // the state: tickets, timers, series, windows

pub mod alerting; // rules for Prometheus
pub mod config; // the validated configuration
pub mod dashboards; // the dashboards for Grafana
pub mod decode; // from the bytes of a record to events
pub mod exposition; // from series to the text, OpenMetrics and protobuf formats
pub mod simulation; // a simulated helpdesk

pub mod edge; // everything that blocks or awaits: Kafka, HTTP, files, clocks

pub mod app; // starts, stops and connects the parts of the service

pub mod cli; // the command line
