//! The HTTP client for the exporter's own questions: to schema registries, token servers and other
//! exporters. A request blocks, and is not repeated.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
pub use ureq::Error as HttpError;
use ureq::config::ConfigBuilder;
pub use ureq::http::{Request, Response, StatusCode};
pub use ureq::tls::RootCerts;
use ureq::tls::{PemItem, TlsConfig, TlsProvider, parse_pem};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::Connector;
use ureq::{Agent, AsSendBody};

/// Certificates that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct CaFileError {
    path: PathBuf,
    source: io::Error,
}

#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// For the whole request.
    pub timeout: Duration,
    /// In bytes. A larger answer is an error.
    pub largest_answer: u64,
    /// Whether to follow redirections. If not, a redirection is an answer.
    pub redirects: bool,
}

impl RequestLimits {
    fn config(self) -> ConfigBuilder<AgentScope> {
        Agent::config_builder()
            .user_agent("ticket-exporter")
            .timeout_global(Some(self.timeout))
            .http_status_as_error(false)
            .max_redirects(if self.redirects { 10 } else { 0 })
            .max_redirects_will_error(self.redirects)
    }
}

#[derive(Debug)]
pub struct HttpClient {
    agent: Agent,
    largest_answer: u64,
}

impl HttpClient {
    pub fn new(limits: RequestLimits, roots: RootCerts) -> Self {
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls);
        let config = limits.config().tls_config(tls.root_certs(roots).build());
        Self {
            agent: config.build().new_agent(),
            largest_answer: limits.largest_answer,
        }
    }

    /// A client with its own connections, and without a proxy.
    pub fn with_connector(limits: RequestLimits, connector: impl Connector) -> Self {
        let config = limits.config().proxy(None).build();
        Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            largest_answer: limits.largest_answer,
        }
    }

    /// The answer, whatever its status. No error contains the URL, which may have a password.
    ///
    /// # Errors
    /// There is no answer, or it is not text.
    pub fn send(&self, request: Request<impl AsSendBody>) -> Result<Response<String>, HttpError> {
        let answer = self.agent.run(request).map_err(|error| match error {
            HttpError::BadUri(_) => HttpError::BadUri("write http://host:port/path".to_owned()),
            error => error,
        })?;
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(self.largest_answer);
        Ok(Response::from_parts(head, body.read_to_string()?))
    }
}

/// The value of the header `Authorization` for basic authentication.
pub fn basic_authorization(name: &str, password: &str) -> String {
    let login = BASE64_STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {login}")
}

/// The certificates of `ca_file`, or those of the system.
///
/// # Errors
/// A file that cannot be read, or has no certificate.
pub fn trusted(ca_file: Option<&Path>) -> Result<RootCerts, CaFileError> {
    let Some(path) = ca_file else {
        return Ok(RootCerts::PlatformVerifier);
    };
    let failed = |source| CaFileError {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for item in parse_pem(&std::fs::read(path).map_err(failed)?) {
        let item = item.map_err(|error| failed(io::Error::other(error)))?;
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(failed(io::Error::other("the file contains no certificate")));
    }
    Ok(RootCerts::from(found))
}
