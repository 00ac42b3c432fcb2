//! One question to another HTTP server: the metrics of a running exporter, as a scraper asks for
//! them. Plain HTTP; nothing is tried twice.

use std::time::Duration;

/// The classic text format.
const ACCEPT: &str = "text/plain; version=0.0.4";
/// Longer than any scrape may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A large desk's exposition is tens of megabytes; what is larger than this is not one.
const LARGEST_ANSWER: u64 = 1 << 30;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {url}: {reason}")]
pub struct GetError {
    /// Without a login.
    url: String,
    reason: String,
}

/// The text at an address such as `http://localhost:10047/metrics`.
///
/// # Errors
/// No server there, a status other than success, or an answer that is no text.
pub fn text(url: &str) -> Result<String, GetError> {
    ask(url).map_err(|error| {
        let shown = without_login(url);
        GetError {
            // The address may be in it once more, as it was given.
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

/// An address without the name and password that may be in it.
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

    /// A server that gives one answer; its address, and what it was asked.
    fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let asked = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (url, asked)
    }

    #[test]
    fn asks_for_text_and_takes_it() {
        let (url, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n");
        assert_eq!(text(&url).unwrap(), "a 1\n");
        let asked = asked.join().unwrap().to_lowercase();
        assert!(asked.starts_with("get /metrics http/1.1"), "{asked}");
        assert!(
            asked.contains("accept: text/plain; version=0.0.4"),
            "{asked}"
        );
    }

    #[test]
    fn another_status_is_no_answer() {
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
