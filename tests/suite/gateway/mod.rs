//! Webhooks into a real Kafka: every answer, processes that die under load, an outage of the brokers, slow
//! senders, and reloads.

mod answers;
mod durability;
mod guide;
mod reload;
mod slow_senders;
mod throughput;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Exporter, Kafka, Received, Response, free_port, python};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of the answer to one request; more than the timeout of the gateway.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway, whose hooks keep their address when it is started again.
pub(crate) struct Gateway {
    exporter: Exporter,
    port: u16,
}

impl Gateway {
    /// `hooks` is inline YAML.
    #[track_caller]
    fn start(kafka: &Kafka, topic: &str, hooks: &str) -> Self {
        let port = free_port();
        let config = config(kafka, topic, port, hooks);
        let mut gateway = Self {
            exporter: Exporter::start(&["gateway"], &config),
            port,
        };
        gateway.exporter.wait_ready(PATIENCE);
        gateway
    }

    /// For the dashboards: its hook accepts a token only.
    #[track_caller]
    pub(crate) fn beside_dashboards() -> Self {
        let kafka = Kafka::shared();
        let topic = kafka.new_topic("dashboards", 1);
        Self::start(
            kafka,
            &topic,
            "{ helpdesk: { auth: bearer, secret: t0ken } }",
        )
    }

    /// `host:port` of its metrics.
    pub(crate) fn address(&self) -> String {
        self.exporter.address()
    }

    /// Sends webhooks with the right and with a wrong token.
    #[track_caller]
    pub(crate) fn accept_and_refuse(&self) {
        for (token, status) in [("Bearer t0ken", 200), ("Bearer x", 403)].repeat(20) {
            let headers = [("authorization", token)];
            assert_eq!(self.status("helpdesk", &headers, b"{\"id\":1}"), status);
        }
    }

    /// Sends a POST with a body. `Err` says why there was no answer.
    fn send(&self, hook: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response, String> {
        send(self.port, hook, headers, body)
    }

    #[track_caller]
    fn status(&self, hook: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
        self.send(hook, headers, body).unwrap().status
    }
}

fn config(kafka: &Kafka, topic: &str, port: u16, hooks: &str) -> String {
    format!(
        "kafka: {{ brokers: [{}], topics: [{topic}] }}\n\
         mapping: {{ preset: none, common: {{ ticket_id: .id, type: created, at: $timestamp }}, \
         rules: {{ all: {{}} }} }}\n\
         gateway: {{ listen: [\"127.0.0.1:{port}\"], timeout: 3s, hooks: {hooks} }}\n",
        kafka.bootstrap()
    )
}

fn send(port: u16, hook: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response, String> {
    let mut head = format!(
        "POST /hooks/{hook} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        head.push_str("content-type: application/json\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    exchange(port, &[head.as_bytes(), body].concat())
}

/// Sends bytes on a new connection, and reads one answer.
fn exchange(port: u16, request: &[u8]) -> Result<Response, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE)).unwrap();
    // The gateway may answer before it has read the whole body.
    let written = stream.write_all(request);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(head_end) = head_end else {
        return Err(format!("no answer: {written:?} {read:?}"));
    };
    let head = String::from_utf8_lossy(&answer[..head_end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Response {
        status: status.and_then(|status| status.parse().ok()).unwrap_or(0),
        headers: lines.filter_map(header).collect(),
        body: answer[head_end + 4..].to_vec(),
    })
}

/// A hexadecimal HMAC, by an implementation that is not ours.
fn hmac_sha256(secret: &str, message: &[u8]) -> String {
    const PROGRAM: &str = "import hmac, sys; print(hmac.new(sys.argv[1].encode(), \
                           sys.stdin.buffer.read(), 'sha256').hexdigest())";
    let mut child = Command::new(python())
        .args(["-c", PROGRAM, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The values of all records.
fn values(records: &[Received]) -> BTreeSet<String> {
    records.iter().map(Received::value_text).collect()
}
