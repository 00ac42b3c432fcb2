//! A real curl.

use std::collections::BTreeMap;
use std::process::Command;

/// The result of a request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// curl's exit code; 0 for any answer, whatever its status.
    pub(super) exit: i32,
    /// 0 without an answer.
    pub(super) status: u16,
    /// `1.1` or `2`.
    pub(super) http: String,
    /// By name in lower case.
    headers: BTreeMap<String, String>,
    pub(super) body: String,
    /// curl's error text, for failures of tests.
    #[expect(dead_code)]
    error: String,
}

impl Answer {
    /// A header by its lower-case name; empty if absent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Runs curl with these arguments, which include the address.
#[track_caller]
pub(super) fn curl(arguments: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "30"])
        .args(["--noproxy", "*"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("curl: {error}; tests/setup installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let http = words.next().unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        exit: output.status.code().unwrap(),
        http: http.trim_start_matches("HTTP/").to_owned(),
        status: words.next().map_or(0, |status| status.parse().unwrap()),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
