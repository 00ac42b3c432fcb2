//! A real Prometheus that scrapes the targets of a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::http;
use super::process::{Process, Signal};
use super::tools;
use super::wait::{eventually, free_port};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The labels of a series, with its name as `__name__`.
pub(crate) type Labels = BTreeMap<String, String>;

/// The exposition formats that Prometheus can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Protobuf,
    OpenMetrics,
    Text,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Protobuf, Self::OpenMetrics, Self::Text];

    /// The name in `scrape_protocols`.
    fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "PrometheusProto",
            Self::OpenMetrics => "OpenMetricsText1.0.0",
            Self::Text => "PrometheusText0.0.4",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PrometheusOptions {
    /// The requested formats, in order of preference.
    pub(crate) protocols: Vec<Protocol>,
    /// Stores the native form of histograms that have one.
    pub(crate) native_histograms: bool,
    /// Stores a 0 at a counter's start timestamp, so that its first value is an increase.
    pub(crate) start_timestamps: bool,
    /// Stores exemplars.
    pub(crate) exemplars: bool,
    pub(crate) metrics_path: String,
    /// The text of a rule file with recording and alerting rules. They are evaluated every second.
    pub(crate) rules: Option<String>,
    /// `host:port` of the Alertmanagers that receive alerts.
    pub(crate) alertmanagers: Vec<String>,
    /// An existing storage. Prometheus keeps all of its blocks, however old.
    pub(crate) storage: Option<std::path::PathBuf>,
    /// The lookback of instant queries; five minutes if not set.
    pub(crate) look_back: Option<String>,
    /// Further lines of the scrape job, such as `basic_auth`, not indented.
    pub(crate) job: String,
    /// A complete configuration, which replaces the one made from the other options and the targets.
    pub(crate) config: Option<String>,
}

impl Default for PrometheusOptions {
    /// The defaults of Prometheus 3, with intervals of a second.
    fn default() -> Self {
        Self {
            protocols: vec![Protocol::OpenMetrics, Protocol::Text],
            native_histograms: false,
            start_timestamps: false,
            exemplars: false,
            metrics_path: "/metrics".to_owned(),
            rules: None,
            alertmanagers: Vec::new(),
            storage: None,
            look_back: None,
            job: String::new(),
            config: None,
        }
    }
}

impl PrometheusOptions {
    /// One protocol with all features that it supports.
    pub(crate) fn everything_of(protocol: Protocol) -> Self {
        Self {
            protocols: vec![protocol],
            native_histograms: protocol == Protocol::Protobuf,
            start_timestamps: protocol != Protocol::Text,
            exemplars: true,
            ..Self::default()
        }
    }
}

/// The result of a target's last scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// `up`, `down` or, before the first scrape, `unknown`.
    pub(crate) health: String,
    /// Empty if the last scrape succeeded.
    pub(crate) last_error: String,
}

/// A running server with its own storage. When dropped, it is killed and the storage removed.
#[derive(Debug)]
pub(crate) struct Prometheus {
    process: Process,
    port: u16,
    folder: tempfile::TempDir,
}

impl Prometheus {
    /// Scrapes `targets` (`host:port`) every second as the job `test`.
    #[track_caller]
    pub(crate) fn start(targets: &[String], options: &PrometheusOptions) -> Self {
        let folder = tools::folder("prometheus");
        let config = folder.path().join("prometheus.yml");
        let text = options.config.clone();
        let text = text.unwrap_or_else(|| configuration(targets, options));
        std::fs::write(&config, text).unwrap();
        if let Some(rules) = &options.rules {
            std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
        }
        let port = free_port();
        let mut arguments = vec![
            format!("--config.file={}", config.display()),
            format!(
                "--storage.tsdb.path={}",
                options
                    .storage
                    .clone()
                    .unwrap_or_else(|| folder.path().join("data"))
                    .display()
            ),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-lifecycle".to_owned(),
            "--web.enable-admin-api".to_owned(),
        ];
        if options.storage.is_some() {
            arguments.push("--storage.tsdb.retention.time=36500d".to_owned());
        }
        if let Some(look_back) = &options.look_back {
            arguments.push(format!("--query.lookback-delta={look_back}"));
        }
        // The flag still uses the older word for a start timestamp.
        if options.start_timestamps {
            arguments.push("--enable-feature=created-timestamp-zero-ingestion".to_owned());
        }
        if options.exemplars {
            arguments.push("--enable-feature=exemplar-storage".to_owned());
        }
        let log = folder.path().join("prometheus.log");
        let process = Process::start(&tools::prometheus(), &arguments, &|_| {}, &log);
        let mut prometheus = Self {
            process,
            port,
            folder,
        };
        let url = prometheus.url("/-/ready");
        eventually("Prometheus", START_TIMEOUT, || {
            if let Some(status) = prometheus.process.ended() {
                panic!(
                    "Prometheus ended with {status}: {}",
                    prometheus.process.last_lines()
                );
            }
            match http::get(&url)? {
                ready if ready.status == 200 => Ok(()),
                other => Err(format!("{} {}", other.status, other.text())),
            }
        });
        prometheus
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The value of each series of an instant query, now.
    #[track_caller]
    pub(crate) fn query(&self, promql: &str) -> Vec<(Labels, f64)> {
        instant(&self.api("query", &[("query", promql)]), promql)
    }

    /// The same at a time in seconds since the epoch.
    #[track_caller]
    pub(crate) fn query_at(&self, promql: &str, seconds: f64) -> Vec<(Labels, f64)> {
        let parameters = [("query", promql), ("time", &seconds.to_string())];
        instant(&self.api("query", &parameters), promql)
    }

    /// The value of a query that returns one series.
    #[track_caller]
    pub(crate) fn value(&self, promql: &str) -> f64 {
        match self.query(promql).as_slice() {
            [(_, value)] => *value,
            other => panic!("{promql} has {} values, not one: {other:?}", other.len()),
        }
    }

    /// Repeats the query until it returns one series and `accept` accepts its value.
    #[track_caller]
    pub(crate) fn wait_for(
        &self,
        promql: &str,
        timeout: Duration,
        accept: impl Fn(f64) -> bool,
    ) -> f64 {
        eventually(promql, timeout, || match self.query(promql).as_slice() {
            [(_, value)] if accept(*value) => Ok(*value),
            other => Err(format!("{other:?}; targets: {:?}", self.targets())),
        })
    }

    /// The points (seconds since the epoch, value) of each series between two times, every `step` seconds.
    #[track_caller]
    pub(crate) fn query_range(
        &self,
        promql: &str,
        start: f64,
        end: f64,
        step: f64,
    ) -> Vec<(Labels, Vec<(f64, f64)>)> {
        let [start, end, step] = [start, end, step].map(|seconds| seconds.to_string());
        let data = self.api(
            "query_range",
            &[
                ("query", promql),
                ("start", &start),
                ("end", &end),
                ("step", &step),
            ],
        );
        matrix(&data, promql)
    }

    /// The stored samples (seconds since the epoch, value) of each series of a selector, over the last
    /// `range` such as `5m`.
    #[track_caller]
    pub(crate) fn samples(&self, selector: &str, range: &str) -> Vec<(Labels, Vec<(f64, f64)>)> {
        let promql = format!("{selector}[{range}]");
        matrix(&self.api("query", &[("query", &promql)]), &promql)
    }

    /// The `data` of the answer to `/api/v1/…`.
    #[track_caller]
    pub(crate) fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = format!(
            "{}?{}",
            self.url(&format!("/api/v1/{path}")),
            http::query_string(parameters)
        );
        let response = http::get(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let mut json = response.json();
        assert_eq!(json["status"], "success", "{path} {parameters:?}: {json}");
        json["data"].take()
    }

    /// All targets, scraped or not.
    #[track_caller]
    pub(crate) fn targets(&self) -> Vec<Target> {
        let data = self.api("targets", &[("state", "active")]);
        let text = |target: &Value, key: &str| target[key].as_str().unwrap_or_default().to_owned();
        let target = |target: &Value| Target {
            url: text(target, "scrapeUrl"),
            health: text(target, "health"),
            last_error: text(target, "lastError"),
        };
        data["activeTargets"]
            .as_array()
            .unwrap()
            .iter()
            .map(target)
            .collect()
    }

    /// Waits until Prometheus has scraped every target successfully.
    #[track_caller]
    pub(crate) fn wait_until_up(&self, timeout: Duration) {
        eventually("healthy targets", timeout, || {
            let targets = self.targets();
            let up = !targets.is_empty() && targets.iter().all(|target| target.health == "up");
            if up {
                Ok(())
            } else {
                Err(format!("{targets:?}"))
            }
        });
    }

    /// The state of each pending or firing alert, with its labels.
    #[track_caller]
    pub(crate) fn alerts(&self) -> Vec<(Labels, String)> {
        let data = self.api("alerts", &[]);
        let alerts = data["alerts"].as_array().unwrap().iter();
        alerts
            .map(|one| {
                (
                    labels(&one["labels"]),
                    one["state"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    pub(crate) fn logs(&self) -> String {
        self.process.logs()
    }

    /// Stops the process with SIGSTOP, so that it misses scrapes.
    pub(crate) fn pause(&mut self) {
        self.process.signal(Signal::Stop);
    }

    pub(crate) fn resume(&mut self) {
        self.process.signal(Signal::Cont);
    }
}

fn configuration(targets: &[String], options: &PrometheusOptions) -> String {
    let quoted = |all: Vec<&str>| serde_json::to_string(&all).unwrap();
    let mut text = String::from("global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n");
    if options.rules.is_some() {
        text += "rule_files: [rules.yml]\n";
    }
    if !options.alertmanagers.is_empty() {
        let targets = quoted(options.alertmanagers.iter().map(String::as_str).collect());
        writeln!(
            text,
            "alerting:\n  alertmanagers:\n    - static_configs:\n        - targets: {targets}"
        )
        .unwrap();
    }
    let protocols = options
        .protocols
        .iter()
        .map(|protocol| protocol.name())
        .collect();
    text += "scrape_configs:\n  - job_name: test\n";
    // JSON is YAML.
    for (key, value) in [
        (
            "metrics_path",
            serde_json::to_string(&options.metrics_path).unwrap(),
        ),
        ("scrape_protocols", quoted(protocols)),
        (
            "scrape_native_histograms",
            options.native_histograms.to_string(),
        ),
        // Otherwise Prometheus drops the classic buckets of a histogram that has a native form.
        ("always_scrape_classic_histograms", "true".to_owned()),
    ] {
        writeln!(text, "    {key}: {value}").unwrap();
    }
    for line in options.job.lines() {
        writeln!(text, "    {line}").unwrap();
    }
    let targets = quoted(targets.iter().map(String::as_str).collect());
    writeln!(text, "    static_configs:\n      - targets: {targets}").unwrap();
    text
}

fn labels(value: &Value) -> Labels {
    let pairs = value.as_object().unwrap().iter();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// `[seconds, "value"]`.
fn point(value: &Value) -> (f64, f64) {
    (
        value[0].as_f64().unwrap(),
        value[1].as_str().unwrap().parse().unwrap(),
    )
}

#[track_caller]
fn instant(data: &Value, promql: &str) -> Vec<(Labels, f64)> {
    let result = &data["result"];
    match data["resultType"].as_str() {
        Some("scalar") => vec![(Labels::new(), point(result).1)],
        Some("vector") => result
            .as_array()
            .unwrap()
            .iter()
            .map(|series| {
                let value = &series["value"];
                assert!(
                    value.is_array(),
                    "{promql} gives a native histogram; ask for its histogram_count(), \
                     histogram_sum() or histogram_quantile(): {series}"
                );
                (labels(&series["metric"]), point(value).1)
            })
            .collect(),
        other => panic!("{promql} gives a {other:?}, not a vector"),
    }
}

#[track_caller]
fn matrix(data: &Value, promql: &str) -> Vec<(Labels, Vec<(f64, f64)>)> {
    assert_eq!(data["resultType"], "matrix", "{promql}");
    let points = |series: &Value| {
        series["values"]
            .as_array()
            .map(|all| all.iter().map(point).collect())
            .unwrap_or_default()
    };
    let series = data["result"].as_array().unwrap().iter();
    series
        .map(|series| (labels(&series["metric"]), points(series)))
        .collect()
}
