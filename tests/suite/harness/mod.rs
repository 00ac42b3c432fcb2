//! The real parts that tests use: a Kafka broker, a schema registry, Prometheus, Alertmanager and the
//! exporter's binary, and a small language for assertions about a scrape.
//!
//! Every part listens on loopback and has its own folder. It is removed when its value is dropped, when a
//! test panics, and when the test process is killed. If a tool is missing, the test fails and names
//! `tests/setup`; nothing is skipped.

// Each of the two test binaries uses only some of this.
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
pub(crate) use http::{Response, TestServer, get, get_with, post, post_json, request};
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
