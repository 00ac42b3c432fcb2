//! One version of the web configuration file and its certificates, ready for use.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

use super::login::Logins;
use super::tls;
use super::watched::Watched;
use crate::config::web_file::{RateLimit, WebFile, file_problem};
use crate::config::{ConfigErrors, ConfigProblem};

/// See the module. The default is no protection at all.
#[derive(Debug, Default)]
pub(in crate::edge::http) struct Snapshot {
    /// `None`: plain HTTP.
    pub(in crate::edge::http) tls: Option<Arc<ServerConfig>>,
    /// Of every answer, over our own.
    pub(in crate::edge::http) headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: whoever connects may read.
    pub(super) logins: Option<Logins>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// A snapshot and what looks wrong all the same.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) warnings: Vec<ConfigProblem>,
}

/// What came of reading, and what to watch for changes whatever came of it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) watched: Watched,
    pub(super) result: Result<Loaded, ConfigErrors>,
}

/// Says whether the web configuration file at `path` and the certificates it names are sound; with
/// warnings.
///
/// # Errors
/// All that is wrong with them.
pub fn check(path: &Path) -> Result<Vec<ConfigProblem>, ConfigErrors> {
    read(path).result.map(|loaded| loaded.warnings)
}

/// Reads the file and the certificates it names. Blocks.
pub(super) fn read(path: &Path) -> Reading {
    let mut watched = Watched::default();
    watched.add(path);
    let result = match fs::read_to_string(path) {
        Ok(text) => WebFile::parse(path, &text),
        Err(error) => Err(ConfigErrors {
            errors: vec![file_problem(path, format!("cannot be read: {error}"))],
            warnings: Vec::new(),
        }),
    };
    let result = result.and_then(|(file, warnings)| {
        for named in file.named_files() {
            watched.add(named);
        }
        Ok(Loaded {
            snapshot: Snapshot::from(&file)?,
            warnings,
        })
    });
    Reading { watched, result }
}

impl Snapshot {
    fn from(file: &WebFile) -> Result<Self, ConfigErrors> {
        let tls = match &file.tls {
            None => None,
            Some(tls) => Some(Arc::new(tls::server_config(tls, file.http.http2)?)),
        };
        let headers = file.http.headers.iter().filter_map(|(name, value)| {
            // Both were found to be legal when the file was read.
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        Ok(Self {
            tls,
            headers: headers.collect(),
            logins: Logins::of(&file.users),
            rate_limit: file.rate_limit,
        })
    }

    /// Why this one must not be followed by `next` without a restart, if so. A file may be seen
    /// empty while it is being written.
    pub(super) fn refusal_of(&self, next: &Self, path: &Path) -> Option<ConfigProblem> {
        let message = match (&self.tls, &next.tls) {
            (Some(_), None) => "TLS is not switched off while running: restart for that",
            (None, Some(_)) => "TLS is not switched on while running: restart for that",
            _ if self.logins.is_some() && next.logins.is_none() => {
                "logins are not switched off while running: restart for that"
            }
            _ => return None,
        };
        Some(file_problem(path, message))
    }
}
