//! The command line, declared.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::duration;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::simulation::Pace;

const EXAMPLES: &str = "\
Examples:
  See it run, with nothing else needed:
    ticket-exporter demo
  Serve metrics of a topic:
    ticket-exporter --config.file ticket-exporter.yaml
  Check a configuration:
    ticket-exporter check-config --config.file ticket-exporter.yaml
  Numbers from files instead of Kafka:
    ticket-exporter replay --config.file ticket-exporter.yaml --format table events.jsonl.zst

Exit codes: 0 fine, 64 usage, 78 configuration, 1 anything else.";

/// Streaming KPI exporter: ticket lifecycle events from Kafka, as exact Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "ticket-exporter", after_help = EXAMPLES, disable_version_flag = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
    /// Print version and revision
    #[arg(long, short = 'V')]
    pub version: bool,
}

/// Flags of every command. What they set wins over the environment, which wins over the file.
#[derive(Args, Debug, Default)]
pub struct Settings {
    /// The YAML configuration
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Any key of the configuration, such as stream.grace=10s; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Addresses to listen on, such as :10047 or 127.0.0.1:0
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    pub listen_address: Vec<String>,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH", global = true)]
    pub telemetry_path: Option<String>,
    /// Least severe messages to log
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        global = true,
        default_value = "info"
    )]
    pub log_level: LogLevel,
    /// How to log
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        global = true,
        default_value = "logfmt"
    )]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Logfmt,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read Kafka and serve metrics (the default)
    Serve,
    /// Everything in one process: embedded broker, simulated desk, exporter
    Demo(Demo),
    /// Compute the KPIs of files of events and print them
    Replay(Replay),
    /// Write a simulated support desk's events to a file or topic
    Simulate(Simulate),
    /// Check a configuration and say what it means
    CheckConfig(CheckConfig),
    /// Print the catalogue of metrics
    Metrics(Metrics),
}

/// Starts an embedded Kafka broker, a simulated support desk with a history, and the exporter.
#[derive(Args, Debug)]
pub struct Demo {
    /// How much faster than real time the desk works
    #[arg(long, default_value_t = 60.0, value_parser = factor)]
    pub speed_up: f64,
    /// History that is already in the topic at the start
    #[arg(long, default_value = "14d", value_parser = length)]
    pub history: Milliseconds,
    /// Same seed, same desk
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Reads JSON Lines of canonical events, plain, gzip or Zstandard.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ticket-exporter replay events.jsonl | promtool check metrics
  zcat events.jsonl.gz | ticket-exporter replay --format table -
  ticket-exporter replay --until 2026-03-31T23:59:59Z march.jsonl.zst april.jsonl.zst")]
pub struct Replay {
    /// Files in the order of their records; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Leave out later events, and move the stream clock to this instant
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub until: Option<Timestamp>,
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReplayFormat,
    /// Durations of tables on the business clock
    #[arg(long)]
    pub business: bool,
    /// Exit with 1 if any line is no event
    #[arg(long)]
    pub strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReplayFormat {
    /// Prometheus text format 0.0.4
    Text,
    /// One JSON document, a row a team
    Json,
    /// A table, a row a team
    Table,
}

/// Writes events of an invented support desk, the same for the same seed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  Three months into a file:
    ticket-exporter simulate --for 90d --output events.jsonl
  The configuration that fits the desk:
    ticket-exporter simulate --print-config > desk.yaml
  A month of history, then live at 60 times real time:
    ticket-exporter simulate --set kafka.brokers=localhost:9092 --topic tickets \\
      --from 2026-01-01T00:00:00Z --live-from 2026-01-31T00:00:00Z --pace 60x")]
pub struct Simulate {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Event time of the start; 30 days before now if absent
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// Length of the history; without end if absent and a pace is given, else 30d
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub span: Option<Milliseconds>,
    /// How fast: 60x (times real time), 500/s (events) or max
    #[arg(long, default_value = "max")]
    pub pace: Pace,
    /// Event time from which the pace holds; earlier events are written at once
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub live_from: Option<Timestamp>,
    /// Write to this file; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    pub output: Option<PathBuf>,
    /// Write to this topic of kafka.brokers
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// A desk for load tests with this many tickets, instead of the believable one
    #[arg(long, value_name = "TICKETS")]
    pub load: Option<u64>,
    /// Print the configuration under which the desk's numbers make sense, and nothing else
    #[arg(long)]
    pub print_config: bool,
}

#[derive(Args, Debug)]
pub struct CheckConfig {
    /// Print the reference configuration, every key explained, and nothing else
    #[arg(long)]
    pub print_reference: bool,
    /// Print every key as a table, and nothing else
    #[arg(long)]
    pub print_keys: bool,
}

#[derive(Args, Debug)]
pub struct Metrics {
    #[arg(long, value_enum, default_value = "table")]
    pub format: MetricsFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MetricsFormat {
    Table,
    Markdown,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "not an RFC 3339 instant such as 2026-03-31T23:59:59Z".to_owned())
}

fn length(text: &str) -> Result<Milliseconds, String> {
    duration::parse(text)
        .filter(|length| *length > 0)
        .ok_or_else(|| "not a duration such as 90d or 1h30m".to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    text.trim_end_matches('x')
        .parse()
        .ok()
        .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
        .ok_or_else(|| "not a factor such as 60".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "not KEY=VALUE".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serving_is_the_default_and_flags_go_anywhere() {
        let parsed = Arguments::parse_from(["x", "--config.file", "a.yaml"]);
        assert!(parsed.command.is_none() && parsed.settings.config_file.is_some());
        let parsed = Arguments::parse_from(["x", "replay", "f", "--config.file", "a.yaml"]);
        assert!(parsed.settings.config_file.is_some());
    }
}
