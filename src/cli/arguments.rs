//! The commands and flags of the program, with their help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono_tz::Tz;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::app::init::{Deployment, OpeningHours};
use crate::app::targets::DEFAULT_MINIMUM;
use crate::config::DEFAULT_OBJECTIVE;
use crate::dashboards::Dashboard;
use crate::domain::duration;
use crate::domain::policy::Clock;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::simulation::SimulationPace;

/// This environment variable names the configuration file.
pub const CONFIG_FILE_VARIABLE: &str = "TICKET_EXPORTER_CONFIG_FILE";

const EXAMPLES: &str = "\
Examples:
  Try it without Kafka or a configuration:
    ticket-exporter demo
  Print a configuration to start from, then check your own:
    ticket-exporter check-config --print-reference > reference.yaml
    ticket-exporter check-config --config.file ticket-exporter.yaml
  Serve the metrics of a topic on port 10047:
    ticket-exporter serve --config.file ticket-exporter.yaml
  Calculate the same numbers from files:
    ticket-exporter replay --config.file ticket-exporter.yaml --format table events.jsonl

Exit codes: 0 success, 64 invalid command line, 78 invalid configuration, 1 any other failure.";

/// Reads ticket events from Kafka and exposes exact support KPIs as Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "ticket-exporter", after_help = EXAMPLES, disable_version_flag = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print version, revision and compiler
    #[arg(long, short = 'V')]
    pub version: bool,
    #[command(flatten)]
    pub settings: CommandLineSettings,
}

/// The flags of every command. A flag overrides an environment variable, which overrides the file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings, for every command")]
pub struct CommandLineSettings {
    /// Configuration file (YAML); without it, every key has its default
    #[arg(
        long = "config.file",
        value_name = "FILE",
        global = true,
        env = CONFIG_FILE_VARIABLE,
        hide_env_values = true
    )]
    pub config_file: Option<PathBuf>,
    /// How often serve and gateway look for changes of the configuration's files, to reload them [default:
    /// never]
    #[arg(
        long = "config.auto-reload-interval",
        value_name = "DURATION",
        global = true,
        env = "TICKET_EXPORTER_CONFIG_AUTO_RELOAD_INTERVAL",
        hide_env_values = true,
        value_parser = seconds
    )]
    pub auto_reload_interval: Option<Milliseconds>,
    /// Set a configuration key, such as stream.grace=10s; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Address to listen on, such as 127.0.0.1:10047; repeatable [default: :10047]
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    pub listen_address: Vec<String>,
    /// Path of the metrics below the route prefix [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH", global = true)]
    pub telemetry_path: Option<String>,
    /// URL that users open, such as https://example.com/tickets; its path is the default of
    /// --web.route-prefix
    #[arg(long = "web.external-url", value_name = "URL", global = true)]
    pub external_url: Option<String>,
    /// Prefix of the paths of all pages [default: the path of --web.external-url]
    #[arg(long = "web.route-prefix", value_name = "PATH", global = true)]
    pub route_prefix: Option<String>,
    /// Web configuration file: TLS, client certificates, users [default: plain HTTP, no login]
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,
    /// Let POST /-/reload reload the configuration, as SIGHUP does
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,
    /// Least severe messages to log
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
    /// Receive webhooks and write them to Kafka
    Gateway,
    /// Run the exporter with an embedded broker and a simulated helpdesk
    Demo(DemoArguments),
    /// Write the files to start with: configuration, rules, routes, deployment
    Init(InitArguments),
    /// Calculate KPIs from files of events
    Replay(ReplayArguments),
    /// Turn files of records, such as CSV, into ticket events sorted by time
    Import(ImportArguments),
    /// Explain the numbers of one ticket
    Explain(ExplainArguments),
    /// Recalculate the KPIs from the topics and compare them with the exporter's
    Verify(VerifyArguments),
    /// Recalculate everything at the next start
    Recount(RecountArguments),
    /// Write past KPI series for Prometheus
    Backfill(BackfillArguments),
    /// Suggest SLA targets that past tickets would have met
    SuggestTargets(SuggestTargetsArguments),
    /// Write the events of a simulated helpdesk to a file or topic
    Simulate(SimulateArguments),
    /// Check a configuration and summarize it
    CheckConfig(CheckConfigArguments),
    /// Check whether the exporter on this machine responds
    Healthcheck(HealthcheckArguments),
    /// Reload the configuration of the running exporter
    Reload(ReloadArguments),
    /// Apply a mapping to sample records
    TestMapping(TestMappingArguments),
    /// Propose a mapping for sample records
    InferMapping(InferMappingArguments),
    /// Write Prometheus rules: alerts for support KPIs and for the exporter
    Rules(RulesArguments),
    /// Write the dashboards for Grafana, or upload them
    Dashboards(DashboardsArguments),
    /// List every metric with its type, labels and meaning
    Metrics(MetricsArguments),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Print a manual page, or write all of them to a folder
    Man(ManualArguments),
    /// Print version, revision and compiler
    Version,
}

/// Starts an embedded Kafka broker, a simulated helpdesk with a history, and the exporter.
#[derive(Args, Debug)]
#[command(after_help = "\
The demo has its own configuration and ignores --config.file. It writes nothing to disk. Press
Ctrl-C to stop it.

Examples:
  ticket-exporter demo
  ticket-exporter demo --history 60d --speed-up 600 --web.listen-address 127.0.0.1:8080")]
pub struct DemoArguments {
    /// Speed of the helpdesk, as a multiple of real time
    #[arg(long, value_name = "FACTOR", default_value_t = 60.0, value_parser = factor)]
    pub speed_up: f64,
    /// Length of the history that the topic contains at the start
    #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = duration)]
    pub history: Milliseconds,
    /// Seed of the simulation; the same seed gives the same helpdesk
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// Writes a folder to start with, from sample records and a few answers: the configuration, rules for
/// Prometheus, routes for Alertmanager, and a stack for Docker Compose or values for the Helm chart.
///
/// The configuration has the preset or the mapping that infer-mapping proposes, the teams, priorities and
/// attributes of the records, a calendar, and the targets that suggest-targets finds if the records are a
/// long history. No other content of the records gets into the files.
///
/// The command asks for the answers that no flag gives, if standard input is a terminal. It overwrites
/// nothing: if one of its files exists, it writes none.
#[derive(Args, Debug)]
#[command(after_help = "\
Without a file, the command reads the first 20,000 records of the topic. It then logs in as
--config.file, --set and the environment say, but writes no login into the new configuration.

Examples:
  From an export, and ask for the rest:
    ticket-exporter init tickets.csv
  From a topic, without questions:
    ticket-exporter init --brokers localhost:9092 --topic tickets --timezone Europe/Berlin \\
      --hours 'mon-thu 09:00-17:00, fri 09:00-15:00' --deploy compose --output support")]
pub struct InitArguments {
    /// Sample records: JSON Lines, a JSON array, or CSV; plain, .gz or .zst
    /// [default: the first records of the topic]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Records are objects with the member value, and optionally key, headers, timestamp and topic
    #[arg(long, requires = "files")]
    pub envelope: bool,
    /// Folder for the files; created if needed
    #[arg(long, value_name = "FOLDER", default_value = "ticket-exporter")]
    pub output: PathBuf,
    /// Kafka brokers, separated by commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub brokers: Vec<String>,
    /// Topic of the ticket events
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Business hours, such as 'mon-thu 09:00-12:00 13:00-17:00, fri 09:00-15:00', or 24x7
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub hours: Option<OpeningHours>,
    /// Time zone of the business hours, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub timezone: Option<String>,
    /// Write the files of a deployment: compose, helm or none
    #[arg(long, value_name = "DEPLOYMENT", value_parser = deployment)]
    pub deploy: Option<Deployment>,
}

/// Reads files of records through the mapping of the configuration, sorts the events by time, and writes
/// them as canonical events.
///
/// A file is JSON Lines, a JSON array, or a table (CSV, with the names of the columns in its first row),
/// plain, .gz or .zst. A row becomes an object whose members are the columns, and the mapping says which
/// events it tells of. The content of the file tells what it is. The memory that the command takes does not
/// depend on the size of the files; it needs space in the directory for temporary files.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  Look at the events of an export:
    ticket-exporter import --config.file mapping.yaml tickets.csv | head
  Fill a topic with the past, before the helpdesk writes to it:
    ticket-exporter import --config.file ticket-exporter.yaml --topic tickets tickets.csv.gz")]
pub struct ImportArguments {
    /// Files of records, in any order; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File to create, with one event on each line [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    pub output: Option<PathBuf>,
    /// Topic to send the events to, each with the id of its ticket as the key
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Exit with 1 if any record is rejected
    #[arg(long)]
    pub strict: bool,
}

/// Reads files of events, through the mapping of the configuration, and prints their KPIs.
///
/// If one of the files is a table (CSV), all events are sorted by time.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  As a table, one row per team:
    ticket-exporter replay --format table events.jsonl
  The customers of each tier, whether or not the tier is a label:
    ticket-exporter replay --config.file ticket-exporter.yaml --format table --by tier events.jsonl
  As metrics, from standard input:
    curl -s https://example.com/events.jsonl.gz | zcat | ticket-exporter replay -
  As of the end of March:
    ticket-exporter replay --until 2026-03-31T23:59:59Z march.jsonl.zst april.jsonl.zst")]
pub struct ReplayArguments {
    /// JSON Lines, oldest first, a JSON array, or CSV; plain, .gz or .zst; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Calculate as of this time: ignore later events, and let deadlines until then expire
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Format of the output
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReplayFormat,
    /// Labels that separate the rows: team, priority, attributes of the configuration; for table and json
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        default_value = "team"
    )]
    pub by: Vec<String>,
    /// Show durations in business hours instead of elapsed time; for table and json
    #[arg(long)]
    pub business: bool,
    /// Exit with 1 if any line is not a valid event
    #[arg(long)]
    pub strict: bool,
}

/// Explains the numbers of one ticket. With files, it shows every event, observation and SLA goal of
/// the ticket and the periods that counted. Without files, it shows the state of the ticket in the
/// checkpoint directory. An exporter may be running there.
#[derive(Args, Debug)]
#[command(after_help = "\
The output contains ids, labels and times, but no content and no names. The command exits with 1
if it does not find the ticket.

Examples:
  Show the state of ticket 4711 in the running exporter:
    ticket-exporter explain --config.file ticket-exporter.yaml 4711
  Find out why the first response of ticket 4711 took so long:
    ticket-exporter explain --config.file ticket-exporter.yaml 4711 events.jsonl
  As of the end of March, for a script:
    ticket-exporter explain --until 2026-03-31T23:59:59Z --format json 4711 events.jsonl.zst")]
pub struct ExplainArguments {
    /// Id of the ticket, as its events have it
    #[arg(value_name = "TICKET")]
    pub ticket: String,
    /// Files with one JSON event per line, plain, .gz or .zst, oldest first; - is standard input
    /// [default: the state in checkpoint.directory]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Calculate as of this time: ignore later events, and let deadlines until then expire
    #[arg(long, value_name = "RFC3339", value_parser = time, requires = "files")]
    pub until: Option<Timestamp>,
    /// Format of the output
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// Text, with colors on a terminal
    Text,
    /// One JSON document
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReplayFormat {
    /// Prometheus text format 0.0.4
    Text,
    /// One JSON document, one row per team
    Json,
    /// A table, one row per team
    Table,
}

/// Asks the exporter on this machine whether it is healthy. For health checks of containers.
#[derive(Args, Debug)]
#[command(after_help = "\
The command prints one line. It exits with 0 if the exporter is healthy, and with another code if
not.

It reads the address, the route prefix and the TLS settings of the exporter from flags, from
environment variables and from the key web of the configuration file. If you give no flags and
process 1 is an exporter, as in a container, the command uses the flags of that process. Other
mistakes in the configuration file do not matter, because the running exporter may have read an
earlier version. With --url, the command reads no configuration.

The command accepts any server certificate, because it sends no secret. It sends a password only
to a server that presents the certificate in web.config_file.

Without --ready, an exporter that asks for a password or a client certificate counts as healthy,
because it responds. With --ready, the command needs the password or the certificate.

Examples:
  In a Dockerfile:
    HEALTHCHECK CMD [\"ticket-exporter\", \"healthcheck\"]
  Check readiness with a password:
    ticket-exporter healthcheck --ready --username probe --password-file /run/secrets/probe")]
pub struct HealthcheckArguments {
    /// Check whether the exporter is ready: it has caught up and is not stopping
    #[arg(long)]
    pub ready: bool,
    /// Address of the exporter, such as https://localhost:10047 or http://localhost:10047/prefix
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Name to log in with
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub username: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Longest wait for a response
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub timeout: Milliseconds,
}

/// Asks the exporter that runs as a service on this machine to reload its configuration, and waits for
/// the result. For `systemctl reload`.
#[derive(Args, Debug)]
#[command(after_help = "\
The exporter uses the file, environment variables and flags that it was started with. The command
exits with 0 if the exporter now uses the new configuration. It exits with 78 if the new
configuration is invalid: it prints every mistake, and the exporter keeps the old configuration.

The exporter creates the socket in the directory that systemd names in RUNTIME_DIRECTORY.

Examples:
  Show every mistake after `systemctl reload` has failed, as root:
    ticket-exporter reload --socket /run/ticket-exporter/reload.sock")]
pub struct ReloadArguments {
    /// Socket of the exporter [default: reload.sock in $RUNTIME_DIRECTORY]
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// Longest wait for the result
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub timeout: Milliseconds,
}

/// Applies the mapping of the configuration, or a preset, to sample records. Writes the events to
/// standard output as JSON Lines, and problems to standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
A file contains one JSON document, one document per line, or a list of documents; plain, .gz or
.zst. The command exits with 1 if the mapping rejects a record. It shows words that the mapping
does not know, with their values from your records.

Examples:
  Convert webhooks to events:
    ticket-exporter test-mapping --preset zendesk webhooks.jsonl
  Show where each member comes from:
    ticket-exporter test-mapping --config.file ticket-exporter.yaml --explain sample.json
  Include Kafka headers, as {\"headers\": {\"ce_type\": \"…\"}, \"key\": \"…\", \"value\": {…}}:
    ticket-exporter test-mapping --preset cloudevents --envelope records.jsonl
  Calculate KPIs from samples:
    ticket-exporter test-mapping --preset jira webhooks.jsonl | ticket-exporter replay -")]
pub struct TestMappingArguments {
    /// Files with sample records; - is standard input
    #[arg(required_unless_present_any = ["list_presets", "print_preset"], value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Use this preset instead of the one in the configuration
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Show which rule matches, and where each member comes from
    #[arg(long)]
    pub explain: bool,
    /// Records are objects with the member value, and optionally key, headers, timestamp and topic
    #[arg(long)]
    pub envelope: bool,
    /// Kafka timestamp of records that have none
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub timestamp: Option<Timestamp>,
    /// List the presets
    #[arg(long)]
    pub list_presets: bool,
    /// Print a preset
    #[arg(long, value_name = "NAME")]
    pub print_preset: Option<String>,
}

/// Proposes a mapping for sample records: a preset that matches, or the part of a mapping that the samples
/// show beyond doubt, with questions for the rest. Writes YAML for the configuration to standard output.
#[derive(Args, Debug)]
#[command(after_help = "\
The files are those of test-mapping. Several dozen records of a few tickets, in their original
order, give the best result. A proposal that is not a preset ends with questions. It shows names
of members and words of lists to choose from, but no other content. The command exits with 1 if no
member is clearly the id of a ticket.

Examples:
  Propose a mapping:
    ticket-exporter infer-mapping samples.jsonl > mapping.yaml
  Check the proposal:
    ticket-exporter test-mapping --config.file mapping.yaml --explain samples.jsonl")]
pub struct InferMappingArguments {
    /// Files with sample records; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Records are objects with the member value, and optionally key, headers, timestamp and topic
    #[arg(long)]
    pub envelope: bool,
}

/// Reads the topics again, from the earliest record to the exporter's position, and recalculates
/// every KPI series. Compares the result with the checkpoint directory, or with the metrics of a
/// running exporter.
#[derive(Args, Debug)]
#[command(after_help = "\
Use the exporter's own configuration. The exporter may be running, and the command does not change
its state. The command reads the topics with a consumer group of its own: kafka.group_id, followed
by -verify-, the process id and the time. This group needs READ permission if Kafka has ACLs. The
command exits with 0 if all series are equal, and with 1 if they differ or cannot be compared.

Some differences are not errors: retention has removed records since; events arrived more than
stream.grace late, after their deadlines; events were rejected as being from the future; teams are
beyond limits.teams; or the configuration has changed since the exporter counted.

Examples:
  Verify the checkpoint directory, whether the exporter runs or not:
    ticket-exporter verify --config.file ticket-exporter.yaml
  Verify the metrics of a running exporter:
    ticket-exporter verify --config.file ticket-exporter.yaml --url http://localhost:10047/metrics")]
pub struct VerifyArguments {
    /// Compare with the metrics of the running exporter at this address
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Print every difference instead of the first 20
    #[arg(long)]
    pub all: bool,
}

/// Calculates the KPI series of the past, step by step, and writes them as OpenMetrics with
/// timestamps, so that dashboards can show them. Reads files of events, or the topics from the earliest
/// record.
#[derive(Args, Debug)]
#[command(after_help = "\
promtool, which is part of Prometheus, converts the files to blocks. The command prints the
promtool command at its end, or runs it itself if you give --blocks. Use the labels that
Prometheus adds when it scrapes this exporter; its page /targets shows them. If Prometheus has
already scraped the exporter, set --until to the time of the first scrape, because two samples of
one time conflict.

The command reads the topics with a consumer group of its own, and first writes the records,
compressed, to the directory for temporary files. The values of each step are those of replay
--until. The command writes the KPIs and the objectives, with classic buckets, because the text
format has no native histograms. One day of 10,000 series in steps of five minutes needs about 380
MB as text and 5 MB as blocks. Prometheus deletes blocks that are older than its
--storage.tsdb.retention.time.

Examples:
  Read the topics, for a Prometheus that scrapes exporter:10047 as the job tickets:
    ticket-exporter backfill --config.file ticket-exporter.yaml --output history \\
      --label job=tickets --label instance=exporter:10047
  Read a file, up to the first scrape, and write into the storage of Prometheus:
    ticket-exporter backfill --until 2026-03-31T09:15:00Z --blocks /var/lib/prometheus \\
      --label job=tickets --label instance=exporter:10047 events.jsonl.zst
  Write one day in steps of one minute to one file:
    ticket-exporter backfill --from 2026-03-30T00:00:00Z --until 2026-03-31T00:00:00Z --step 1m \\
      --output day.om events.jsonl")]
pub struct BackfillArguments {
    /// Files with one JSON event per line, plain, .gz or .zst, oldest first; - is standard input
    /// [default: the topics of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Directory for one file per six hours, or one file whose name ends with .om; - is standard output
    /// [default with --blocks: the directory for temporary files]
    #[arg(long, value_name = "PATH", required_unless_present = "blocks")]
    pub output: Option<PathBuf>,
    /// Storage directory of Prometheus: create blocks there with promtool, and delete the files
    #[arg(long, value_name = "DIRECTORY")]
    pub blocks: Option<PathBuf>,
    /// Do nothing if the storage already contains data
    #[arg(long, requires = "blocks")]
    pub if_empty: bool,
    /// The promtool program
    #[arg(
        long,
        value_name = "FILE",
        default_value = "promtool",
        requires = "blocks"
    )]
    pub promtool: OsString,
    /// Time between two samples [default: 5m, the lookback of Prometheus]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub step: Option<Milliseconds>,
    /// Time of the first sample [default: the first event]
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Time of the last sample; later events do not count [default: the last event in files; for
    /// topics, stream.grace ago, which a running exporter shows]
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Label to add to every series, such as job=tickets; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub label: Vec<(String, String)>,
}

/// Marks the store in checkpoint.directory, so that the next start moves it away and recalculates
/// everything from the earliest records, for example with another mapping. First, the command lists the
/// records in the topics, and tells you which numbers decrease because records are gone.
#[derive(Args, Debug)]
#[command(after_help = "\
Stop the exporter first: the command cannot mark a store that a process uses. It deletes nothing.
The next start moves the store to its own directory inside checkpoint.directory.

Examples:
  Read the plan, then answer y:
    ticket-exporter recount --config.file ticket-exporter.yaml
  In a script:
    ticket-exporter recount --config.file ticket-exporter.yaml --yes")]
pub struct RecountArguments {
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// Remove the mark; works until the exporter starts
    #[arg(long, conflicts_with = "yes")]
    pub cancel: bool,
}

/// Shows, for each team, priority and SLA target, how short a target could have been so that a given
/// share of the goals would have met it. Reads files of events, or the topics from the earliest record.
#[derive(Args, Debug)]
#[command(after_help = "\
The columns p80, p90 and p95 show the shortest targets that 80, 90 and 95 % of the goals would
have met, rounded up to common durations, and the share of goals that would have met the rounded
target. The command then counts all events again with the suggested targets as policies, because a
ticket can change its team or priority or be reopened. It raises a target that would not have met
--objective. The share in the last column comes from this count.

A goal that still runs at the end has missed every target that is shorter than its time so far. It
does not count for longer targets. Goals pause as in a policy without the key pause.

Examples:
  From the topics:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml
  From a file, for 95 % in elapsed time, as configuration:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml --clock calendar \\
      --objective 0.95 --format yaml events.jsonl.zst
  From the histograms of a running exporter, if the topics are too short; this is approximate:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml --store")]
pub struct SuggestTargetsArguments {
    /// Files with a JSON event a line, plain, .gz or .zst, in the order of time
    /// [default: the topics of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Labels that separate the rows: team, priority, attributes of the configuration
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        default_value = "team,priority"
    )]
    pub by: Vec<String>,
    /// Use the histograms in checkpoint.directory, which are approximate
    #[arg(long, conflicts_with = "files")]
    pub store: bool,
    /// Share of goals that must meet a suggested target, between 0 and 1
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_OBJECTIVE, value_parser = share)]
    pub objective: f64,
    /// Clock of the targets
    #[arg(long, value_enum, default_value = "business")]
    pub clock: ClockName,
    /// Least number of completed goals for a suggestion
    #[arg(long, value_name = "GOALS", default_value_t = DEFAULT_MINIMUM)]
    pub minimum_goals: u64,
    /// Format of the output
    #[arg(long, value_enum, default_value = "table")]
    pub format: SuggestFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClockName {
    /// Opening hours of the team's calendar
    Business,
    /// Elapsed time
    Calendar,
}

impl ClockName {
    pub fn clock(self) -> Clock {
        match self {
            Self::Business => Clock::Business,
            Self::Calendar => Clock::Calendar,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SuggestFormat {
    /// A table, one row per team, priority and target, or as --by says
    Table,
    /// One JSON document
    Json,
    /// The key sla of the configuration
    Yaml,
}

/// Writes the events of a simulated helpdesk. The same seed gives the same events.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  Write three months to a file:
    ticket-exporter simulate --for 90d --output events.jsonl
  Print a configuration that matches the helpdesk:
    ticket-exporter simulate --print-config > helpdesk.yaml
  Write a month of history, then live events at 60 times real time:
    ticket-exporter simulate --set kafka.brokers=localhost:9092 --topic tickets \\
      --from 2026-01-01T00:00:00Z --live-from 2026-01-31T00:00:00Z --pace 60x
  Write a month of history, then live events; after a restart, continue where it stopped:
    ticket-exporter simulate --topic tickets --live-from now --pace 1x --resume helpdesk.json")]
pub struct SimulateArguments {
    /// Seed of the simulation; the same seed gives the same events
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Event time of the start [default: now minus --for]
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Length of the simulation in event time [default: 30d; no end with --pace or --load]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub span: Option<Milliseconds>,
    /// Speed: 60x (times real time), 500/s (events per second) or max
    #[arg(long, value_name = "PACE", default_value = "max")]
    pub pace: SimulationPace,
    /// Event time at which --pace starts to apply, or now; earlier events are written at once
    #[arg(long, value_name = "RFC3339", value_parser = live_from)]
    pub live_from: Option<LiveFrom>,
    /// Save the progress to this file, and continue from it at the next start
    #[arg(long, value_name = "FILE", requires = "topic", conflicts_with_all = ["from", "load"])]
    pub resume: Option<PathBuf>,
    /// Write to this file; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    pub output: Option<PathBuf>,
    /// Write to this topic of kafka.brokers, keyed by ticket id
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Load test: write this many tickets, evenly around the clock, instead of a realistic helpdesk
    #[arg(long, value_name = "TICKETS")]
    pub load: Option<u64>,
    /// Print a configuration that matches the helpdesk, and write no events
    #[arg(long)]
    pub print_config: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
The command exits with 78 if the configuration is invalid, and shows every mistake with its
position.

Examples:
  Check a configuration:
    ticket-exporter check-config --config.file ticket-exporter.yaml
  Print a configuration that explains every key:
    ticket-exporter check-config --print-reference > reference.yaml
  Estimate the resources for 40 teams and 5,000 tickets per day:
    ticket-exporter check-config --config.file ticket-exporter.yaml \\
      --estimate --teams 40 --tickets-per-day 5000
  Check brokers, topics and permissions before the first start:
    ticket-exporter check-config --config.file ticket-exporter.yaml --connect")]
pub struct CheckConfigArguments {
    /// Print a configuration that explains every key, and check nothing
    #[arg(long, conflicts_with_all = ["print_keys", "estimate"])]
    pub print_reference: bool,
    /// Print every key as a Markdown table, and check nothing
    #[arg(long, conflicts_with = "estimate")]
    pub print_keys: bool,
    /// Measure on this machine the series, memory and CPU time that the configuration needs; takes some
    /// seconds
    #[arg(long)]
    pub estimate: bool,
    /// Check that everything in the configuration exists and is usable: brokers, login, permissions,
    /// topics, their first 100 records, directory, port, schema registry. Commits no offset and shows
    /// no record
    #[arg(long, conflicts_with_all = ["print_reference", "print_keys", "estimate"])]
    pub connect: bool,
    /// Longest time for each of these checks
    #[arg(long = "connect.timeout", value_name = "DURATION", requires = "connect", default_value = "10s", value_parser = duration)]
    pub connect_timeout: Milliseconds,
    /// Number of teams [default: those in teams.known, or 10]
    #[arg(long, value_name = "NUMBER", requires = "estimate", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub teams: Option<u32>,
    /// Number of channels
    #[arg(long, value_name = "NUMBER", requires = "estimate", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub channels: u32,
    /// Number of new tickets per day
    #[arg(long, value_name = "NUMBER", requires = "estimate", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub tickets_per_day: u32,
}

/// Writes recording and alerting rules for the SLA policies and objectives of a configuration.
#[derive(Args, Debug)]
#[command(after_help = "\
docs/reference/alerts.md explains the meaning and the threshold of each alert.

Examples:
  Write to the folder from which Prometheus reads rules:
    ticket-exporter rules --config.file ticket-exporter.yaml --output /etc/prometheus/rules
  Link to your runbooks and dashboards:
    ticket-exporter rules --config.file ticket-exporter.yaml \\
      --runbook-url https://wiki.example.com/runbooks --dashboard-url https://grafana.example.com
  For the Prometheus Operator, with the label that kube-prometheus-stack selects by:
    ticket-exporter rules --config.file ticket-exporter.yaml --format prometheusrule \\
      --label release=kube-prometheus-stack | kubectl apply --namespace support --filename -")]
pub struct RulesArguments {
    /// Format of the output
    #[arg(long, value_enum, default_value = "prometheus")]
    pub format: RulesFormat,
    /// Folder for the files; replaces those of an earlier run [default: print everything to standard
    /// output]
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Label of the object, for --format prometheusrule; repeatable
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = key_value)]
    pub labels: Vec<(String, String)>,
    /// Priorities for which one breach is critical, separated by commas [default: the first of the key
    /// priorities]
    #[arg(long, value_name = "PRIORITIES", value_delimiter = ',')]
    pub urgent: Vec<String>,
    /// Groups of policies whose breaches are critical, separated by commas, if there are several groups
    /// [default: sla, or the first group]
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub critical_groups: Vec<String>,
    /// URL before /<alert>.md in runbook_url [default: docs/runbooks, in the repository of this build
    /// if known]
    #[arg(long, value_name = "URL")]
    pub runbook_url: Option<String>,
    /// URL before /d/<dashboard> in dashboard_url [default: none, which gives a path]
    #[arg(long, value_name = "URL")]
    pub dashboard_url: Option<String>,
    /// Name of the exporter's scrape job [default: ticket-exporter]
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    /// How long a gauge's last value stays valid if scrapes fail [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub hold: Option<Milliseconds>,
    /// Lag of the exporter that silences KPI alerts [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub lag: Option<Milliseconds>,
    /// Age at which an unsolved ticket is too old [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub oldest: Option<Milliseconds>,
    /// Least number of goals in a window for an error budget alert [default: 10]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_goals: Option<u32>,
    /// Least number of breaches in a window for an error budget alert [default: 3]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_breaches: Option<u32>,
    /// Least number of tickets in a window for a comparison with an earlier window [default: 20]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_samples: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// Rule files: recording.yml and alerts.yml
    Prometheus,
    /// A PrometheusRule for the Prometheus Operator
    Prometheusrule,
    /// A monitoring mixin in Jsonnet, with the dashboards
    Mixin,
    /// Objectives for Sloth
    Sloth,
    /// Objectives for Pyrra
    Pyrra,
}

/// Prints or writes the dashboards for Grafana, or uploads them to a Grafana.
///
/// An upload stores each dashboard under its uid, so a second upload replaces the first. If Grafana has the
/// same dashboard already, the command changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
The token for an upload is that of a service account with the role Editor. The command reads it from a
file or from the environment variable GRAFANA_TOKEN.

Examples:
  Upload to a Grafana:
    ticket-exporter dashboards --url https://grafana.example.com --token-file token
  Write files to import:
    ticket-exporter dashboards --output dashboards
  Let Grafana on this machine read them from files:
    ticket-exporter dashboards --format provisioning --output /etc/grafana/provisioning/dashboards
  On Kubernetes, for the sidecar of Grafana's chart:
    ticket-exporter dashboards --format configmap | kubectl apply --namespace monitoring --filename -")]
pub struct DashboardsArguments {
    /// The dashboards [default: all]
    #[arg(value_name = "UID", value_parser = PossibleValuesParser::new(Dashboard::uids()))]
    pub names: Vec<String>,
    /// Format of the output
    #[arg(long, value_enum, default_value = "json", conflicts_with = "url")]
    pub format: DashboardsFormat,
    /// Folder for the files; creates it if needed [default: print to standard output]
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    pub output: Option<PathBuf>,
    /// Replace files that differ
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Uid of the data source that the dashboards use at first [default: Grafana's default Prometheus]
    #[arg(long, value_name = "UID")]
    pub datasource: Option<String>,
    /// Folder in Grafana, for an upload and for every format but json [default: Tickets]
    #[arg(long, value_name = "TITLE")]
    pub folder: Option<String>,
    /// Address of the Grafana to upload to, such as https://grafana.example.com
    #[arg(long, value_name = "URL", value_parser = server_url)]
    pub url: Option<String>,
    /// File with the token for the upload [default: the environment variable GRAFANA_TOKEN]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) to trust [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca_file: Option<PathBuf>,
    /// Longest time for each request to Grafana
    #[arg(long, value_name = "DURATION", requires = "url", default_value = "30s", value_parser = duration)]
    pub timeout: Milliseconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DashboardsFormat {
    /// One JSON document for each dashboard, to import by hand
    Json,
    /// Kubernetes ConfigMaps for the sidecar of Grafana's chart
    Configmap,
    /// Files, and a file provider for Grafana's provisioning
    Provisioning,
}

#[derive(Args, Debug)]
pub struct MetricsArguments {
    /// Format of the output
    #[arg(long, value_enum, default_value = "table")]
    pub format: MetricsFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MetricsFormat {
    Table,
    Markdown,
}

/// Prints a completion script for a shell. Print it again after each update of the program.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  For one user of bash with bash-completion:
    ticket-exporter completions bash > ~/.local/share/bash-completion/completions/ticket-exporter
  For one user of fish:
    ticket-exporter completions fish > ~/.config/fish/completions/ticket-exporter.fish
  For all users of zsh:
    ticket-exporter completions zsh > /usr/local/share/zsh/site-functions/_ticket-exporter")]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the manual page of the program or of one command, or writes all pages: one for the program,
/// one for each command, and ticket-exporter.yaml(5) for the configuration.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  Show the page of a command:
    ticket-exporter man replay | man -l -
  Install all pages for all users:
    ticket-exporter man --output /usr/local/share/man")]
pub struct ManualArguments {
    /// A command, or ticket-exporter.yaml for the configuration [default: the program]
    #[arg(value_name = "PAGE")]
    pub page: Option<String>,
    /// Write all pages to the folders man1 and man5 in this folder; creates them if needed
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    pub output: Option<PathBuf>,
}

/// The event time at which the simulation starts to follow its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveFrom {
    Now,
    Time(Timestamp),
}

fn live_from(text: &str) -> Result<LiveFrom, String> {
    match text {
        "now" => Ok(LiveFrom::Now),
        other => time(other).map(LiveFrom::Time),
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "not an RFC 3339 time; write, for example, 2026-03-31T23:59:59Z".to_owned())
}

fn duration(text: &str) -> Result<Milliseconds, String> {
    duration::parse(text)
        .filter(|duration| *duration > 0)
        .ok_or_else(|| "not a duration; write, for example, 90d or 1h30m".to_owned())
}

pub fn hours(text: &str) -> Result<OpeningHours, String> {
    OpeningHours::parse(text).map_err(|error| error.to_string())
}

pub fn zone(text: &str) -> Result<String, String> {
    text.parse::<Tz>()
        .map(|zone| zone.name().to_owned())
        .map_err(|_| "not a time zone; write, for example, Europe/Berlin".to_owned())
}

pub fn deployment(text: &str) -> Result<Deployment, String> {
    Deployment::from_name(text)
        .ok_or_else(|| "not a deployment; write compose, helm or none".to_owned())
}

/// The rules compare whole seconds.
fn seconds(text: &str) -> Result<Milliseconds, String> {
    let duration = duration(text)?;
    if duration % 1_000 == 0 {
        Ok(duration)
    } else {
        Err("not whole seconds; write, for example, 30s or 5m".to_owned())
    }
}

fn factor(text: &str) -> Result<f64, String> {
    text.trim_end_matches('x')
        .parse()
        .ok()
        .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
        .ok_or_else(|| "not a positive number; write, for example, 60".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share: &f64| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "not a number between 0 and 1; write, for example, 0.9".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "not KEY=VALUE; write, for example, stream.grace=10s".to_owned())
}

/// A URL to which a path can be appended.
fn server_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .filter(|rest| !rest.is_empty() && !rest.starts_with('/'))
        .ok_or("not a URL; write, for example, https://grafana.example.com")?;
    if rest.contains(['?', '#', '@']) || rest.contains(char::is_whitespace) {
        return Err(
            "a URL with a login or a query; write, for example, https://grafana.example.com"
                .to_owned(),
        );
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Prometheus reserves label names that start with two underscores.
fn label(text: &str) -> Result<(String, String), String> {
    let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    text.split_once('=')
        .filter(|(name, _)| {
            name.starts_with(is_first)
                && name
                    .chars()
                    .all(|letter| is_first(letter) || letter.is_ascii_digit())
                && !name.starts_with("__")
        })
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "not NAME=VALUE; write, for example, job=tickets".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn clap_accepts_the_declaration() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_global_flags_go_anywhere() {
        let parsed = Arguments::parse_from(["x", "--config.file", "a.yaml"]);
        assert!(parsed.command.is_none() && parsed.settings.config_file.is_some());
        let parsed = Arguments::parse_from(["x", "replay", "f", "--config.file", "a.yaml"]);
        assert!(parsed.settings.config_file.is_some());
    }
}
