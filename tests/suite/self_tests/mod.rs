//! Tests of the harness with the real tools, without the exporter.

mod kafka;
mod prometheus;
mod protobuf;
