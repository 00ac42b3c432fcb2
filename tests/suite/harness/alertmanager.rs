//! A real Alertmanager with a configuration of the test, and its command-line tool.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::http;
use super::process::Process;
use super::prometheus::Labels;
use super::tools;
use super::wait::{eventually, free_port};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs amtool in the repository. Returns whether it succeeded, and its output.
#[track_caller]
pub(crate) fn amtool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(tools::amtool())
        .args(arguments)
        .current_dir(tools::repository())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// A running server. Killed and removed when dropped.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    #[track_caller]
    pub(crate) fn start(config: &str) -> Self {
        let folder = tools::folder("alertmanager");
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).unwrap();
        let port = free_port();
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            // A cluster of one.
            "--cluster.listen-address=".to_owned(),
        ];
        let log = folder.path().join("alertmanager.log");
        let process = Process::start(&tools::alertmanager(), &arguments, &|_| {}, &log);
        let mut alertmanager = Self {
            process,
            port,
            _folder: folder,
        };
        let url = alertmanager.url("/-/ready");
        eventually("Alertmanager", START_TIMEOUT, || {
            if let Some(status) = alertmanager.process.ended() {
                panic!(
                    "Alertmanager ended with {status}: {}",
                    alertmanager.process.last_lines()
                );
            }
            match http::get(&url)? {
                ready if ready.status == 200 => Ok(()),
                other => Err(format!("{} {}", other.status, other.text())),
            }
        });
        alertmanager
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Raises alerts that have these labels, as Prometheus does.
    #[track_caller]
    pub(crate) fn raise(&self, alerts: &[Labels]) {
        let alerts: Vec<Value> = alerts
            .iter()
            .map(|labels| json!({"labels": labels}))
            .collect();
        let answer = http::post_json(&self.url("/api/v2/alerts"), &Value::from(alerts)).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// All alerts by their labels, and whether another alert inhibits each.
    #[track_caller]
    pub(crate) fn inhibited(&self) -> Vec<(Labels, bool)> {
        let answer = http::get(&self.url("/api/v2/alerts")).unwrap().json();
        let alerts = answer.as_array().unwrap().iter();
        alerts
            .map(|alert| {
                let labels = serde_json::from_value(alert["labels"].clone()).unwrap();
                let by = alert["status"]["inhibitedBy"].as_array().unwrap();
                (labels, !by.is_empty())
            })
            .collect()
    }

    pub(crate) fn logs(&self) -> String {
        self.process.logs()
    }
}
