//! A server that takes what Alertmanager sends to webhooks, and remembers it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::prometheus::Labels;

const TIMEOUT: Duration = Duration::from_secs(30);

/// One notification as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The path it was sent to, without the slash.
    pub(crate) path: String,
    pub(crate) arrived: Instant,
    body: Value,
}

impl Message {
    /// What all its alerts have in common by the route's `group_by`.
    pub(crate) fn group(&self) -> Labels {
        labels(&self.body["groupLabels"])
    }

    /// The labels of its alerts that are `firing` or `resolved`.
    pub(crate) fn alerts(&self, status: &str) -> Vec<Labels> {
        let all = self.body["alerts"].as_array().unwrap().iter();
        all.filter(|alert| alert["status"] == status)
            .map(|alert| labels(&alert["labels"]))
            .collect()
    }
}

fn labels(value: &Value) -> Labels {
    let pairs = value.as_object().unwrap().iter();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// Takes every POST with a JSON body; the path says for whom it is. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Webhooks {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<Message>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhooks {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let messages = Arc::<Mutex<Vec<Message>>>::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let (kept, stop) = (Arc::clone(&messages), Arc::clone(&stopping));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // After an error the sender tries again.
                let _ = stream.and_then(|stream| take(stream, &kept));
            }
        });
        Self {
            address,
            messages,
            stopping,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// All messages so far, in the order of their arrival.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // The connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads one request, keeps its message and answers. The message is there before the answer is, so
/// that a client that has its answer finds it.
fn take(mut stream: TcpStream, messages: &Mutex<Vec<Message>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split_whitespace().nth(1).map(str::to_owned) else {
        return Ok(());
    };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body)?;
    messages.lock().unwrap().push(Message {
        path: path.trim_start_matches('/').to_owned(),
        arrived: Instant::now(),
        body,
    });
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

#[test]
fn what_is_posted_is_there_under_its_path() {
    let webhooks = Webhooks::start();
    let sent = serde_json::json!({
        "groupLabels": { "team": "billing" },
        "alerts": [
            { "status": "firing", "labels": { "alertname": "A" } },
            { "status": "resolved", "labels": { "alertname": "B" } },
        ],
    });
    let answer = super::post_json(&webhooks.url("someone"), &sent).unwrap();
    assert_eq!(answer.status, 200);
    let messages = webhooks.messages();
    let [message] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    assert_eq!(message.path, "someone");
    assert_eq!(message.group()["team"], "billing");
    assert_eq!(message.alerts("firing")[0]["alertname"], "A");
    assert_eq!(message.alerts("resolved")[0]["alertname"], "B");
}
