//! Reads the metrics of a running exporter, as a scraper does, without retries.

use std::time::Duration;

/// The classic text format.
const ACCEPT: &str = "text/plain; version=0.0.4";
/// Longer than any scrape may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A large exposition has tens of megabytes.
const LARGEST_ANSWER: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
#[error("cannot read {url}: {reason}")]
pub struct GetError {
    /// Without user name and password.
    url: String,
    reason: String,
}

/// The text at an address such as `http://localhost:10047/metrics`.
///
/// # Errors
/// No server answers, the status is not success, or the answer is not text.
pub fn text(url: &str) -> Result<String, GetError> {
    ask(url).map_err(|error| {
        let shown = without_login(url);
        GetError {
            // The error may contain the address as given.
            reason: error.to_string().replace(url, &shown),
            url: shown,
        }
    })
}

fn ask(url: &str) -> Result<String, ureq::Error> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .build()
        .new_agent();
    let mut answer = agent.get(url).header("Accept", ACCEPT).call()?;
    let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
    body.read_to_string()
}

/// The address without user name and password.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that sends one answer. Returns its address and the request.
    fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (url, thread)
    }

    #[test]
    fn reads_text() {
        let (url, request) = server("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n");
        assert_eq!(text(&url).unwrap(), "a 1\n");
        let request = request.join().unwrap().to_lowercase();
        assert!(request.starts_with("get /metrics http/1.1"), "{request}");
        assert!(
            request.contains("accept: text/plain; version=0.0.4"),
            "{request}"
        );
    }

    #[test]
    fn another_status_is_an_error() {
        let (url, _) = server("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
        let error = text(&url).unwrap_err().to_string();
        assert!(error.contains(&url) && error.contains("503"), "{error}");
    }

    #[test]
    fn a_login_is_not_shown() {
        for (url, shown) in [
            ("http://a:hunter2@host:1/m?x=@", "http://host:1/m?x=@"),
            ("http://host", "http://host"),
            ("a:hunter2@host", "host"),
        ] {
            assert_eq!(without_login(url), shown);
        }
        for url in [
            "http://a:hunter2@127.0.0.1:1/",
            "http://a:hunter2@ /",
            "a:hunter2@b",
        ] {
            let error = text(url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
