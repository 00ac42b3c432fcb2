//! A server that stores the webhooks that Alertmanager sends.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;

use super::http::TestServer;
use super::prometheus::Labels;

#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The path of the request, without the slash.
    pub(crate) path: String,
    pub(crate) arrived: Instant,
    body: Value,
}

impl Message {
    /// The labels of the route's `group_by`.
    pub(crate) fn group(&self) -> Labels {
        labels(&self.body["groupLabels"])
    }

    /// The labels of the alerts that are `firing` or `resolved`.
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

/// Accepts every POST with a JSON body; the path names the receiver. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Webhooks {
    server: TestServer,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Webhooks {
    pub(crate) fn start() -> Self {
        let messages = Arc::<Mutex<Vec<Message>>>::default();
        let received = Arc::clone(&messages);
        // The message is stored before the answer, so that a client with an answer finds it.
        let server = TestServer::start(move |request| {
            let status = match serde_json::from_slice(&request.body) {
                Ok(body) => {
                    received.lock().unwrap().push(Message {
                        path: request.path.trim_start_matches('/').to_owned(),
                        arrived: Instant::now(),
                        body,
                    });
                    "200 OK"
                }
                Err(_) => "400 Bad Request",
            };
            (status, "text/plain".to_owned(), Vec::new())
        });
        Self { server, messages }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.server.address())
    }

    /// All messages in the order of their arrival.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }
}

#[test]
fn a_message_is_stored_under_its_path() {
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
