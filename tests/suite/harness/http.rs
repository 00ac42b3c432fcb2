//! HTTP for tests: a client that accepts every status, and a server with a handler of the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for a busy machine, short enough to notice a server that hangs.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The exposition of a large helpdesk has tens of megabytes.
const LARGEST_BODY: u64 = 512 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Header names are in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON, {error}: {}", self.text()))
    }

    /// A header by its lower-case name; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// `Err` says why there was no answer.
pub(crate) fn get(url: &str) -> Result<Response, String> {
    get_with(url, &[])
}

pub(crate) fn get_with(url: &str, headers: &[(&str, &str)]) -> Result<Response, String> {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.call())
}

/// A POST with an empty body.
pub(crate) fn post(url: &str, headers: &[(&str, &str)]) -> Result<Response, String> {
    let mut request = agent().post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send_empty())
}

/// A request of any method, without a body.
pub(crate) fn request(method: &str, url: &str) -> Result<Response, String> {
    // Otherwise a PUT would be chunked, which counts as a body.
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-length", "0");
    let request = request.body(()).map_err(|error| error.to_string())?;
    read(agent().run(request))
}

/// A POST of a JSON document.
pub(crate) fn post_json(url: &str, document: &serde_json::Value) -> Result<Response, String> {
    let request = agent().post(url).header("content-type", "application/json");
    read(request.send(document.to_string()))
}

/// `name=value` pairs as a query string.
pub(crate) fn query_string(pairs: &[(&str, &str)]) -> String {
    let encoded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
        .collect();
    encoded.join("&")
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into()
}

fn read(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Response, String> {
    let response = response.map_err(|error| error.to_string())?;
    let (parts, mut body) = response.into_parts();
    let header = |name: &str, value: &ureq::http::HeaderValue| {
        (
            name.to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    Ok(Response {
        status: parts.status.as_u16(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| header(name.as_str(), value))
            .collect(),
        body: body
            .with_config()
            .limit(LARGEST_BODY)
            .read_to_vec()
            .map_err(|error| error.to_string())?,
    })
}

/// A request to a [`TestServer`].
#[derive(Debug)]
pub(crate) struct IncomingRequest {
    pub(crate) path: String,
    /// Header names are in lower case.
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl IncomingRequest {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        Ok(Self {
            path,
            headers,
            body,
        })
    }

    /// A header by its lower-case name; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A server that answers one request after the other with the status, content type and body that `handle`
/// returns. It stops when dropped.
#[derive(Debug)]
pub(crate) struct TestServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Status, content type and body.
pub(crate) type Reply = (&'static str, String, Vec<u8>);

impl TestServer {
    pub(crate) fn start(handle: impl Fn(&IncomingRequest) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // A client that disconnects does not affect the others.
                let _ = stream.and_then(|mut stream| {
                    let (status, content_type, body) = handle(&IncomingRequest::read(&stream)?);
                    write!(
                        stream,
                        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n\
                         content-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    )?;
                    stream.write_all(&body)
                });
            }
        });
        Self {
            address,
            stopping,
            thread: Some(thread),
        }
    }

    /// A server with one page, which depends on the `Accept` header.
    pub(crate) fn with_page(page: impl Fn(&str) -> (String, Vec<u8>) + Send + 'static) -> Self {
        Self::start(move |request| {
            let (content_type, body) = page(request.header("accept"));
            ("200 OK", content_type, body)
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // The connection wakes the server's thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn the_page_sees_the_accept_header_and_the_client_sees_the_page() {
    let server =
        TestServer::with_page(|accept| ("text/plain".into(), format!("<{accept}>").into()));
    let url = format!("http://{}/anything", server.address());
    let response = get_with(&url, &[("accept", "application/openmetrics-text")]).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "text/plain");
    assert_eq!(response.text(), "<application/openmetrics-text>");
    drop(server);
    assert!(get(&url).is_err());
}

#[test]
fn query_strings_are_encoded() {
    assert_eq!(
        query_string(&[("query", "a{b=\"c\"} + 1"), ("t", "1")]),
        "query=a%7Bb%3D%22c%22%7D%20%2B%201&t=1"
    );
}
