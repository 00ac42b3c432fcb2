//! The command line, declared.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::app::targets::DEFAULT_MINIMUM;
use crate::config::DEFAULT_OBJECTIVE;
use crate::domain::duration;
use crate::domain::policy::Clock;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::simulation::Pace;

/// The variable that names the configuration file.
pub const CONFIG_FILE_VARIABLE: &str = "TICKET_EXPORTER_CONFIG_FILE";

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
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings, for every command")]
pub struct Settings {
    /// Configuration to read, in YAML; without it every key has its default
    #[arg(
        long = "config.file",
        value_name = "FILE",
        global = true,
        env = CONFIG_FILE_VARIABLE,
        hide_env_values = true
    )]
    pub config_file: Option<PathBuf>,
    /// Set a key of the configuration, such as stream.grace=10s; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Address to listen on, such as 127.0.0.1:10047; may be repeated [default: :10047]
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    pub listen_address: Vec<String>,
    /// Path of the metrics below the route prefix [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH", global = true)]
    pub telemetry_path: Option<String>,
    /// URL under which users reach the server, such as https://example.com/tickets; its path is the
    /// default of --web.route-prefix
    #[arg(long = "web.external-url", value_name = "URL", global = true)]
    pub external_url: Option<String>,
    /// Prefix of the paths of all pages [default: the path of --web.external-url]
    #[arg(long = "web.route-prefix", value_name = "PATH", global = true)]
    pub route_prefix: Option<String>,
    /// Web configuration file: TLS, client certificates, logins [default: plain HTTP for everybody]
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,
    /// Let POST /-/reload load the configuration again, as SIGHUP does
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,
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
    /// Count the topics once more and compare with what is kept, or served
    Verify(Verify),
    /// Count everything again with the next start
    Recount(Recount),
    /// Write the series of the past for Prometheus
    Backfill(Backfill),
    /// Say which SLA targets the desk has shown it can keep
    SuggestTargets(SuggestTargets),
    /// Write the events of an invented support desk to a file or topic
    Simulate(Simulate),
    /// Say whether a configuration is sound and what it means
    CheckConfig(CheckConfig),
    /// Say whether the exporter on this machine answers
    Healthcheck(Healthcheck),
    /// Have the running exporter load its configuration again, and say what came of it
    Reload(Reload),
    /// Say what a mapping makes of sample records
    TestMapping(TestMapping),
    /// Propose a mapping for sample records of an unknown system
    InferMapping(InferMapping),
    /// Write Prometheus rules: alerts on support KPIs and on the exporter
    Rules(RuleArguments),
    /// Print every metric with its type, labels and meaning
    Metrics(Metrics),
    /// Print what makes a shell complete commands and flags
    Completions(Completions),
    /// Print a manual page, or write all of them into a folder
    Man(ManualPages),
    /// Print version, revision and compiler, as --version does
    Version,
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

/// Asks the exporter on this machine whether it is healthy: for health checks of containers.
#[derive(Args, Debug)]
#[command(after_help = "\
It prints one line and exits with 0 where all is well, and with another code otherwise. It needs
where the exporter listens, its route prefix and whether it speaks TLS: from flags, the environment,
and the key web of the configuration file. Without flags of its own it takes those of the first
process, if that is an exporter, as it is in a container. What else is wrong with the file does not
matter, since the exporter that runs has read an earlier one. With --url it reads no configuration.

Any certificate of the server will do, since nothing secret is sent; a password is only sent to a
server that shows the certificate in web.config_file.

Without --ready, an exporter that asks for a password or a client certificate is healthy: it
answers. Whether it is ready it only says to those whom it lets in.

Examples:
  In a Dockerfile:
    HEALTHCHECK CMD [\"ticket-exporter\", \"healthcheck\"]
  Is it ready, where a password is needed?
    ticket-exporter healthcheck --ready --username probe --password-file /run/secrets/probe")]
pub struct Healthcheck {
    /// Ask whether it is ready: caught up, and not stopping
    #[arg(long)]
    pub ready: bool,
    /// Ask there instead, such as https://localhost:10047 or http://localhost:10047/prefix
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Name to log in with
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub username: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Client certificate to show (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Longest wait for an answer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = length)]
    pub timeout: Milliseconds,
}

/// Asks the exporter that runs as a service on this machine to load its configuration again, and waits until it has
/// done so or has refused. For `systemctl reload`.
#[derive(Args, Debug)]
#[command(after_help = "\
The exporter loads the file, environment and flags that it was started with. The command exits with 0
where the new configuration is in force. It exits with 78 where it is refused: it then prints all that
is wrong, and the configuration before stays in force.

The exporter opens the socket in the directory that systemd names in RUNTIME_DIRECTORY.

Examples:
  As root, to see all that is wrong where `systemctl reload` has failed:
    ticket-exporter reload --socket /run/ticket-exporter/reload.sock")]
pub struct Reload {
    /// Socket of the exporter [default: reload.sock in $RUNTIME_DIRECTORY]
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// Longest wait for the outcome
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = length)]
    pub timeout: Milliseconds,
}

/// Applies the mapping of the configuration, or a preset, to sample records: canonical events as JSON
/// Lines on standard output, what is missing on standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
A file holds one JSON document, a document a line, or a list of them; plain, .gz or .zst. It exits
with 1 where a record is rejected. Words that the mapping does not have are shown with their
values: they are yours.

Examples:
  What would become of these webhooks?
    ticket-exporter test-mapping --preset zendesk webhooks.jsonl
  Where does each member come from?
    ticket-exporter test-mapping --config.file ticket-exporter.yaml --explain sample.json
  With the headers of Kafka records, as {\"headers\": {\"ce_type\": \"…\"}, \"key\": \"…\", \"value\": {…}}:
    ticket-exporter test-mapping --preset cloudevents --envelope records.jsonl
  From samples to KPIs, in one line:
    ticket-exporter test-mapping --preset jira webhooks.jsonl | ticket-exporter replay -")]
pub struct TestMapping {
    /// Files with sample records; - is standard input
    #[arg(required_unless_present_any = ["list_presets", "print_preset"], value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Use this preset, whatever the configuration says
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Say which rule fits, and where each member comes from
    #[arg(long)]
    pub explain: bool,
    /// Records are objects with value, and any of key, headers, timestamp, topic
    #[arg(long)]
    pub envelope: bool,
    /// The time of records that bring none, as Kafka would have it
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub timestamp: Option<Timestamp>,
    /// Print the names of the presets
    #[arg(long)]
    pub list_presets: bool,
    /// Print a preset, to read or to start from
    #[arg(long, value_name = "NAME")]
    pub print_preset: Option<String>,
}

/// Proposes a mapping for sample records: a preset that fits, or the part of a mapping that the samples show
/// beyond doubt, with questions for the rest. Writes YAML for the configuration to standard output.
#[derive(Args, Debug)]
#[command(after_help = "\
Files are those of test-mapping. Give some dozen records of several tickets, in order. A proposal
that is not a preset ends with questions. It shows names of members and words of lists to choose
from, but no other content. The exit code is 1 if no member is clearly the id of a ticket.

Examples:
  What could these be?
    ticket-exporter infer-mapping samples.jsonl > mapping.yaml
  Then see what it makes of them, and why:
    ticket-exporter test-mapping --config.file mapping.yaml --explain samples.jsonl")]
pub struct InferMapping {
    /// Files with sample records; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Records are objects with value, and any of key, headers, timestamp, topic
    #[arg(long)]
    pub envelope: bool,
}

/// Counts the records of the topics once more, from the earliest one up to where the exporter is,
/// and compares every KPI series with those in the checkpoint directory, or those that a running
/// exporter serves.
#[derive(Args, Debug)]
#[command(after_help = "\
The configuration is that of the exporter, which may go on running. Nothing of it is changed: the
topics are read in a consumer group of their own, kafka.group_id with -verify-, process id and time
behind it, which needs READ where Kafka has ACLs. It exits with 0 where all series are equal, and
with 1 where they differ or cannot be compared.

What can differ although nothing is wrong: what retention has removed from the topic since; events
that came more than stream.grace late, after the clock had passed their deadlines; events rejected
as being from the future; teams beyond limits; and everything counted before the configuration was
changed.

Examples:
  What the exporter keeps, whether it runs or not:
    ticket-exporter verify --config.file ticket-exporter.yaml
  What a running exporter serves:
    ticket-exporter verify --config.file ticket-exporter.yaml --url http://localhost:10047/metrics")]
pub struct Verify {
    /// Address of the metrics of a running exporter, instead of the checkpoint directory
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Print every difference, and not only the first 20
    #[arg(long)]
    pub all: bool,
}

/// Writes the KPI series as they stood at every step of the past, as OpenMetrics with timestamps, so
/// that boards show it: of files of events, or else of the topics, from the earliest record on.
#[derive(Args, Debug)]
#[command(after_help = "\
promtool, which comes with Prometheus, makes blocks of the files; the command to do so is printed at
the end, or --blocks does it at once. The labels are those that Prometheus gives to this exporter's
series when it scrapes it: see /targets there. Where it has scraped it already, say --until with the
time of the first scrape: no time must be there twice.

Topics are read in a consumer group of their own, and first set aside, compressed, in the directory
for temporary files. At each instant the values are those of replay --until. Only the KPIs are written,
and the objectives; with classic buckets, since text has no native histograms. A day of 10,000 series
in steps of five minutes is some 380 MB of text, and 5 MB in blocks. Prometheus keeps blocks for as
long as its --storage.tsdb.retention.time says.

Examples:
  The past of the topics, for a Prometheus that scrapes exporter:10047 as the job tickets:
    ticket-exporter backfill --config.file ticket-exporter.yaml --output history \\
      --label job=tickets --label instance=exporter:10047
  Of files, up to when Prometheus began to scrape, straight into its storage:
    ticket-exporter backfill --until 2026-03-31T09:15:00Z --blocks /var/lib/prometheus \\
      --label job=tickets --label instance=exporter:10047 events.jsonl.zst
  One day, minute by minute, into one file:
    ticket-exporter backfill --from 2026-03-30T00:00:00Z --until 2026-03-31T00:00:00Z --step 1m \\
      --output day.om events.jsonl")]
pub struct Backfill {
    /// Files with a JSON event a line, plain, .gz or .zst, in the order of time; - is standard input
    /// [default: the topics of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Directory for a file for each six hours, or one file that ends in .om; - is standard output
    /// [default with --blocks: the directory for temporary files]
    #[arg(long, value_name = "PATH", required_unless_present = "blocks")]
    pub output: Option<PathBuf>,
    /// Storage of a Prometheus: make blocks there with promtool, file by file, and remove the files
    #[arg(long, value_name = "DIRECTORY")]
    pub blocks: Option<PathBuf>,
    /// Do nothing where the storage has data already, as on a second start of the same stack
    #[arg(long, requires = "blocks")]
    pub if_empty: bool,
    /// The promtool that makes blocks
    #[arg(
        long,
        value_name = "FILE",
        default_value = "promtool",
        requires = "blocks"
    )]
    pub promtool: OsString,
    /// Time between two samples [default: 5m, as far as Prometheus looks back]
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub step: Option<Milliseconds>,
    /// No sample is earlier [default: the first event]
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// No sample is later, nor does any later event count [default: the last event of files; of
    /// topics stream.grace ago, which is what a running exporter shows]
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// Label to put to every series, such as job=tickets; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub label: Vec<(String, String)>,
}

/// Marks the store in checkpoint.directory, so that the next start sets it aside and counts from the
/// earliest records again, for example under another mapping. Before that, the command lists the records that
/// the topics hold, and the numbers that fall because records are gone.
#[derive(Args, Debug)]
#[command(after_help = "\
The exporter has to be stopped: while a process holds the store, nothing is marked. Nothing is
deleted; the store is moved into a directory of its own within checkpoint.directory.

Examples:
  Look first, then answer y:
    ticket-exporter recount --config.file ticket-exporter.yaml
  In a script:
    ticket-exporter recount --config.file ticket-exporter.yaml --yes")]
pub struct Recount {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Take the mark away again, as long as the exporter was not started
    #[arg(long, conflicts_with = "yes")]
    pub cancel: bool,
}

/// Says for each team, priority and kind of promise which target how many of the goals would have met,
/// measured as an SLA goal measures: of files of events, or else of the topics, from the earliest
/// record on.
#[derive(Args, Debug)]
#[command(after_help = "\
The columns p80, p90 and p95 are the shortest targets that 80, 90 and 95 % of the goals would have
met, rounded up to what people promise, with the share that would have met the rounded one. What is
suggested is counted once more as a policy, with changes of team and priority and with reopenings as
they were, and lengthened where --objective would not have been met: its share is that count.

A goal that is undecided at the end has missed every target shorter than it has run; for longer ones
nobody knows yet, and it does not count. Pauses are those of a policy without the key pause.

Examples:
  Of the topics:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml
  As configuration, of files, for 95 % in elapsed time:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml --clock calendar \\
      --objective 0.95 --format yaml events.jsonl.zst
  Roughly, where the topics do not go back far enough, of what a running exporter has counted:
    ticket-exporter suggest-targets --config.file ticket-exporter.yaml --store")]
pub struct SuggestTargets {
    /// Files with a JSON event a line, plain, .gz or .zst, in the order of time
    /// [default: the topics of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take the histograms in checkpoint.directory instead, which are approximate
    #[arg(long, conflicts_with = "files")]
    pub store: bool,
    /// Share of goals that the suggested targets are to have met, between 0 and 1
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_OBJECTIVE, value_parser = share)]
    pub objective: f64,
    /// The clock that targets are to run on
    #[arg(long, value_enum, default_value = "business")]
    pub clock: ClockName,
    /// Suggest nothing where fewer goals have ended
    #[arg(long, value_name = "GOALS", default_value_t = DEFAULT_MINIMUM)]
    pub minimum_goals: u64,
    /// What to print
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
    /// A table, a row for each team, priority and kind of promise
    Table,
    /// One JSON document
    Json,
    /// The key sla of the configuration
    Yaml,
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
      --from 2026-01-01T00:00:00Z --live-from 2026-01-31T00:00:00Z --pace 60x
  A month of history, then as the clock goes; started again, it goes on where it was:
    ticket-exporter simulate --topic tickets --live-from now --pace 1x --resume desk.json")]
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
    /// Event time from which on the pace holds, or now; what is earlier is written at once
    #[arg(long, value_name = "RFC3339", value_parser = live_from)]
    pub live_from: Option<LiveFrom>,
    /// Remember in this file how far the desk has come, and go on from there the next time
    #[arg(long, value_name = "FILE", requires = "topic", conflicts_with_all = ["from", "load"])]
    pub resume: Option<PathBuf>,
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
  ticket-exporter check-config --print-reference > reference.yaml
  What it will need, for 40 teams and 5,000 tickets a day:
    ticket-exporter check-config --config.file ticket-exporter.yaml \\
      --estimate --teams 40 --tickets-per-day 5000
  Whether everything is there that it names, before the first start:
    ticket-exporter check-config --config.file ticket-exporter.yaml --connect")]
pub struct CheckConfig {
    /// Print a configuration with every key explained, and check nothing
    #[arg(long, conflicts_with_all = ["print_keys", "estimate"])]
    pub print_reference: bool,
    /// Print every key as a Markdown table, and check nothing
    #[arg(long, conflicts_with = "estimate")]
    pub print_keys: bool,
    /// Measure on this machine how many series, how much memory and how much processor time the
    /// configuration will need; takes some seconds
    #[arg(long)]
    pub estimate: bool,
    /// Look whether everything is there that the configuration names, and may be used: brokers, login,
    /// permissions, topics, their first 100 records, directory, port, schema registry. Nothing is
    /// committed and no record is shown
    #[arg(long, conflicts_with_all = ["print_reference", "print_keys", "estimate"])]
    pub connect: bool,
    /// How long each of these checks may take
    #[arg(long = "connect.timeout", value_name = "DURATION", requires = "connect", default_value = "10s", value_parser = length)]
    pub connect_timeout: Milliseconds,
    /// For so many teams [default: those in teams.known; 10 where there are none]
    #[arg(long, value_name = "NUMBER", requires = "estimate", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub teams: Option<u32>,
    /// For tickets that come through so many channels
    #[arg(long, value_name = "NUMBER", requires = "estimate", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub channels: u32,
    /// For so many new tickets a day
    #[arg(long, value_name = "NUMBER", requires = "estimate", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub tickets_per_day: u32,
}

/// Writes recording rules and alerts for the policies and objectives of a configuration.
#[derive(Args, Debug)]
#[command(after_help = "\
What each alert means and where its threshold comes from is in docs/reference/alerts.md.

Examples:
  Into the folder that Prometheus reads rules from:
    ticket-exporter rules --config.file ticket-exporter.yaml --output /etc/prometheus/rules
  With links that lead somewhere:
    ticket-exporter rules --config.file ticket-exporter.yaml \\
      --runbook-url https://wiki.example.com/runbooks --dashboard-url https://grafana.example.com")]
pub struct RuleArguments {
    /// For which program
    #[arg(long, value_enum, default_value = "prometheus")]
    pub format: RulesFormat,
    /// Write files into this folder, instead of everything to standard output
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Priorities whose single breach calls somebody at once, separated by commas
    /// [default: the first of priorities]
    #[arg(long, value_name = "PRIORITIES", value_delimiter = ',')]
    pub urgent: Vec<String>,
    /// What comes before /<alert>.md in runbook_url [default: docs/runbooks, in the repository that
    /// built the program where it is known]
    #[arg(long, value_name = "URL")]
    pub runbook_url: Option<String>,
    /// What comes before /d/<board> in dashboard_url [default: nothing, a path]
    #[arg(long, value_name = "URL")]
    pub dashboard_url: Option<String>,
    /// Name of the exporter's scrape job [default: ticket-exporter]
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    /// How long a value holds that no scrape renews: some scrape intervals [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub hold: Option<Milliseconds>,
    /// Age of the numbers from which alerts on KPIs are silent [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub lag: Option<Milliseconds>,
    /// Age from which an unsolved ticket is too old [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub oldest: Option<Milliseconds>,
    /// Least goals in a window for an alert on the budget [default: 10]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_goals: Option<u32>,
    /// Least breaches in a window for an alert on the budget [default: 3]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_breaches: Option<u32>,
    /// Least tickets in a window to be compared with earlier ones [default: 20]
    #[arg(long, value_name = "NUMBER")]
    pub minimum_samples: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// Rule files: recording.yml and alerts.yml
    Prometheus,
    /// Objectives for Sloth
    Sloth,
    /// Objectives for Pyrra
    Pyrra,
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

/// Prints a script for a shell. It fits this very program: print it anew with each version.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  For one user of bash, who has bash-completion:
    ticket-exporter completions bash > ~/.local/share/bash-completion/completions/ticket-exporter
  For one user of fish:
    ticket-exporter completions fish > ~/.config/fish/completions/ticket-exporter.fish
  For everybody who uses zsh:
    ticket-exporter completions zsh > /usr/local/share/zsh/site-functions/_ticket-exporter")]
pub struct Completions {
    /// The shell that is to read it
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the manual page of the program or of one command, or writes all of them: one for the
/// program, one for each command, and ticket-exporter.yaml(5) for the configuration.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  Read the page of a command:
    ticket-exporter man replay | man -l -
  For everybody on this machine:
    ticket-exporter man --output /usr/local/share/man")]
pub struct ManualPages {
    /// Whose page to print [default: that of the program]; ticket-exporter.yaml is the configuration
    #[arg(value_name = "PAGE")]
    pub page: Option<String>,
    /// Write all pages into the folders man1 and man5 of this one, which are made where they are not there
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    pub output: Option<PathBuf>,
}

/// From when on a desk lives at its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveFrom {
    Now,
    Instant(Timestamp),
}

fn live_from(text: &str) -> Result<LiveFrom, String> {
    match text {
        "now" => Ok(LiveFrom::Now),
        other => instant(other).map(LiveFrom::Instant),
    }
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

/// PromQL compares whole seconds.
fn seconds(text: &str) -> Result<Milliseconds, String> {
    let length = length(text)?;
    if length % 1_000 == 0 {
        Ok(length)
    } else {
        Err("not a duration of whole seconds such as 30s or 5m".to_owned())
    }
}

fn factor(text: &str) -> Result<f64, String> {
    text.trim_end_matches('x')
        .parse()
        .ok()
        .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
        .ok_or_else(|| "not a factor such as 60".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share: &f64| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "not a number between 0 and 1, such as 0.9".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "not KEY=VALUE".to_owned())
}

/// A label name as Prometheus has them; those that begin with two underscores are its own.
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
        .ok_or_else(|| "not NAME=VALUE, such as job=tickets".to_owned())
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
