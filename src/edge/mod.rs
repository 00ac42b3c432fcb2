//! Everything that blocks or awaits: Kafka, HTTP, files, clocks.

pub mod files; // opens files, watches them
pub mod gateway; // receives webhooks
pub mod grafana; // uploads dashboards
pub mod http; // the HTTP server: metrics, pages, API, probes
pub mod http_client; // asks other servers
pub mod kafka; // records in, dead letters out
pub mod memory; // the memory of the process
pub mod output_files; // writes files for the user
pub mod probe; // asks an exporter for its health
pub mod promtool; // turns OpenMetrics into blocks of Prometheus
pub mod record_files; // files of records: JSON Lines, JSON arrays, tables
pub mod reload_socket; // the socket of the command `reload`
pub mod schema_registry; // schemas by their ids
pub mod self_metrics; // metrics of the exporter itself
pub mod service_manager; // notifies systemd
pub mod sorter; // sorts more lines than fit into memory
pub mod spool; // temporary files of records
pub mod steady_clock; // the wall clock without its jumps
pub mod store; // the checkpoint on disk
#[cfg(test)]
mod tests;
pub mod wall_clock; // reads the wall clock
