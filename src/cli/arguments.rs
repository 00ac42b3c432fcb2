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
  Get a configuration to start from, then check yours:
    ticket-exporter check-config --print-reference > reference.yaml
    ticket-exporter check-config --config.file ticket-exporter.yaml
  Serve the metrics of a topic on port 10047:
    ticket-exporter serve --config.file ticket-exporter.yaml
  The same numbers from files instead of Kafka:
    ticket-exporter replay --config.file ticket-exporter.yaml --format table events.jsonl

Exit codes: 0 fine, 64 usage, 78 configuration, 1 anything else.";

/// Streaming KPI exporter: ticket lifecycle events from Kafka, as exact Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "ticket-exporter", after_help = EXAMPLES, disable_version_flag = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print version, revision and compiler
    #[arg(long, short = 'V')]
    pub version: bool,
    #[command(flatten)]
    pub settings: Settings,
}

/// Flags of every command. What they set wins over the environment, which wins over the file.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Settings, for every command")]
pub struct Settings {
    /// Configuration to read, in YAML; without it every key has its default
    #[arg(
        long = "config.file",
        value_name = "FILE",
        global = true,
        env = "TICKET_EXPORTER_CONFIG_FILE",
        hide_env_values = true
    )]
    pub config_file: Option<PathBuf>,
    /// Set a key of the configuration, such as stream.grace=10s; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Address to listen on, such as 127.0.0.1:10047; may be repeated [default: :10047]
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    pub listen_address: Vec<String>,
    /// Path of the metrics [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH", global = true)]
    pub telemetry_path: Option<String>,
    /// How much to log; each level includes those before it
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        global = true,
        env = "TICKET_EXPORTER_LOG_LEVEL",
        hide_env_values = true,
        default_value = "info"
    )]
    pub log_level: LogLevel,
    /// Format of log lines
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        global = true,
        env = "TICKET_EXPORTER_LOG_FORMAT",
        hide_env_values = true,
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
    /// See it run: embedded broker, invented support desk and exporter in one process
    Demo(Demo),
    /// Print the KPIs of events in files
    Replay(Replay),
    /// Say how the numbers of one ticket came about
    Explain(Explain),
    /// Write the events of an invented support desk to a file or topic
    Simulate(Simulate),
    /// Say whether a configuration is sound and what it means
    CheckConfig(CheckConfig),
    /// Print every metric with its type, labels and meaning
    Metrics(Metrics),
}

/// Starts an embedded Kafka broker, an invented support desk with a history, and the exporter.
#[derive(Args, Debug)]
#[command(after_help = "\
It brings its own configuration, so --config.file has no effect. Nothing is written to disk. Ctrl-C
ends it.

Examples:
  ticket-exporter demo
  ticket-exporter demo --history 60d --speed-up 600 --web.listen-address 127.0.0.1:8080")]
pub struct Demo {
    /// How many times faster than real time the desk works
    #[arg(long, value_name = "FACTOR", default_value_t = 60.0, value_parser = factor)]
    pub speed_up: f64,
    /// How much history is in the topic at the start
    #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = length)]
    pub history: Milliseconds,
    /// Another number, another desk; the same number, the same desk
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// Reads JSON Lines of canonical events, plain, gzip or Zstandard.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  As a table, a row a team:
    ticket-exporter replay --format table events.jsonl
  As metrics, from a compressed stream:
    curl -s https://example.com/events.jsonl.gz | zcat | ticket-exporter replay -
  As they stood at the end of March:
    ticket-exporter replay --until 2026-03-31T23:59:59Z march.jsonl.zst april.jsonl.zst")]
pub struct Replay {
    /// Files with a JSON event a line, plain, .gz or .zst, in the order of time; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show how things stood at this instant: later events are left out, deadlines until then pass
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReplayFormat,
    /// Tables and JSON give durations in business hours instead of elapsed time
    #[arg(long)]
    pub business: bool,
    /// Exit with 1 if any line is no valid event
    #[arg(long)]
    pub strict: bool,
}

/// Says what became of one ticket. From files of events, every event, observation and goal, with
/// the stretches of time that counted; without files, what the checkpoint directory knows of it,
/// also while an exporter is writing there.
#[derive(Args, Debug)]
#[command(after_help = "\
It says ids, labels and times, never content or people. It exits with 1 where the ticket is not
known.

Examples:
  What does the running exporter know of ticket 4711?
    ticket-exporter explain --config.file ticket-exporter.yaml 4711
  Why is the first response of ticket 4711 so long?
    ticket-exporter explain --config.file ticket-exporter.yaml 4711 events.jsonl
  As it stood at the end of March, for a script:
    ticket-exporter explain --until 2026-03-31T23:59:59Z --format json 4711 events.jsonl.zst")]
pub struct Explain {
    /// Id of the ticket, as in its events
    #[arg(value_name = "TICKET")]
    pub ticket: String,
    /// Files with a JSON event a line, plain, .gz or .zst, in the order of time; - is standard input
    /// [default: the state in checkpoint.directory]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show how things stood at this instant: later events are left out, deadlines until then pass
    #[arg(long, value_name = "RFC3339", value_parser = instant, requires = "files")]
    pub until: Option<Timestamp>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// In words, in colours on a terminal
    Text,
    /// One JSON document
    Json,
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
    /// Another number, another desk; the same number, the same events
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// When the desk opens, in event time [default: as long ago as --for says]
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// How long the desk is open, in event time [default: 30d; no end with --pace or --load]
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub span: Option<Milliseconds>,
    /// How fast to write: 60x (times real time), 500/s (events a second) or max
    #[arg(long, value_name = "PACE", default_value = "max")]
    pub pace: Pace,
    /// Event time from which on the pace holds; what is earlier is written at once
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub live_from: Option<Timestamp>,
    /// Write to this file; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    pub output: Option<PathBuf>,
    /// Write to this topic of kafka.brokers, keyed by ticket id
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Load test: this many tickets, evenly around the clock, instead of the believable desk
    #[arg(long, value_name = "TICKETS")]
    pub load: Option<u64>,
    /// Print the configuration that fits the desk, and write no events
    #[arg(long)]
    pub print_config: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
It exits with 78 where the configuration is wrong, and names every mistake with its place.

Examples:
  ticket-exporter check-config --config.file ticket-exporter.yaml
  ticket-exporter check-config --print-reference > reference.yaml")]
pub struct CheckConfig {
    /// Print a configuration with every key explained, and check nothing
    #[arg(long, conflicts_with = "print_keys")]
    pub print_reference: bool,
    /// Print every key as a Markdown table, and check nothing
    #[arg(long)]
    pub print_keys: bool,
}

#[derive(Args, Debug)]
pub struct Metrics {
    /// How to print them
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
