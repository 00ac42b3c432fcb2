//! The real parts that tests are made of: a Kafka broker, a schema registry, a Prometheus, an
//! Alertmanager, the exporter's own binary, and a small language to ask a scrape what it says.
//!
//! Everything listens on loopback, keeps its files in a folder of its own, and is gone when
//! its value is dropped, when a test panics, and when the test process is killed. A tool that
//! is missing fails the test and names `tests/setup`; nothing is skipped.

// A test language has words that no test says yet.
#![allow(dead_code, unused_imports)]

mod alertmanager;
mod chromium;
mod exporter;
mod faults;
mod http;
mod kafka;
mod process;
mod prometheus;
mod promtool;
mod proxy;
mod records;
mod run;
mod schema_registry;
mod scrape;
mod secured_kafka;
mod tokens;
mod tools;
mod wait;
mod webhook;

pub(crate) use alertmanager::{Alertmanager, amtool};
pub(crate) use chromium::Chromium;
pub(crate) use exporter::{Exporter, binary, command, launch};
pub(crate) use faults::Faults;
pub(crate) use http::{Response, StaticServer, get, get_with, post, post_json, request};
pub(crate) use kafka::Kafka;
pub(crate) use process::{Process, Signal};
pub(crate) use prometheus::{Labels, Prometheus, PrometheusOptions, Protocol, Target};
pub(crate) use promtool::{PromtoolOutput, promtool};
pub(crate) use proxy::Proxy;
pub(crate) use records::{Received, Record, Transactions};
pub(crate) use run::{run, run_well, text};
pub(crate) use schema_registry::SchemaRegistry;
pub(crate) use scrape::{Query, Scrape, scrape};
pub(crate) use secured_kafka::{Certificate, SecuredKafka};
pub(crate) use tokens::{CLIENT, SECRET, SUBJECT, TokenServer};
pub(crate) use tools::{
    actionlint, amtool as amtool_path, cargo_deb, cases, deployment, document, folder, helm,
    mdbook, operator_types, promtool as promtool_path, python, rendering, repository,
};
pub(crate) use wait::{eventually, free_port};
pub(crate) use webhook::{Message, Webhooks};
