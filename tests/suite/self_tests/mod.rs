//! The harness tested by itself: without the exporter, with the real tools.

mod kafka;
mod prometheus;
mod protobuf;
