//! What blocks or awaits: Kafka, HTTP, files, clocks.

pub mod certificates; // whom to trust
pub mod files; // events at rest
pub mod http; // who asks: scrapers, probes, people
pub mod http_get; // a question to another exporter
pub mod kafka; // records in, dead letters out
pub mod memory; // of this process
pub mod probe; // does an exporter answer?
pub mod promtool; // text into Prometheus' blocks
pub mod reload_socket; // the command `reload`, and its answer
pub mod schema_registry; // what is in records, by the numbers of their schemas
pub mod self_metrics; // what the exporter says about itself
pub mod service_manager; // systemd: started, reloading, stopping
pub mod spool; // records set aside
pub mod steady_clock; // the time of day, without its jumps
pub mod store; // what survives the process
pub mod wall_clock; // the time of day
