//! The settings that one version of the web configuration file gives.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

use super::login::Logins;
use super::tls;
use crate::config::web_file::{RateLimit, WebFile, file_problem};
use crate::config::{ConfigErrors, ConfigProblem};
use crate::edge::files::FileWatch;

/// The default is no protection.
#[derive(Debug, Default)]
pub(in crate::edge::http) struct ProtectionSettings {
    /// `None`: plain HTTP.
    pub(in crate::edge::http) tls: Option<Arc<ServerConfig>>,
    /// Added to every answer; they replace our own.
    pub(in crate::edge::http) headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: no login is required.
    pub(super) logins: Option<Logins>,
    pub(super) rate_limit: Option<RateLimit>,
}

#[derive(Debug)]
pub(super) struct LoadedWebFile {
    pub(super) settings: ProtectionSettings,
    pub(super) warnings: Vec<ConfigProblem>,
}

/// The result, and the files to watch for changes even after an error.
#[derive(Debug)]
pub(super) struct ReadWebFile {
    pub(super) watched: Vec<FileWatch>,
    pub(super) result: Result<LoadedWebFile, ConfigErrors>,
}

/// Checks the web configuration file at `path` and the certificates it names. Returns the warnings.
///
/// # ConfigErrors
/// All errors of the files.
pub fn check(path: &Path) -> Result<Vec<ConfigProblem>, ConfigErrors> {
    read(path).result.map(|loaded| loaded.warnings)
}

/// Reads the file and the certificates it names. Blocks.
pub(super) fn read(path: &Path) -> ReadWebFile {
    let mut watched = vec![FileWatch::from_now(path)];
    let result = match fs::read_to_string(path) {
        Ok(text) => WebFile::parse(path, &text),
        Err(error) => Err(ConfigErrors {
            errors: vec![file_problem(path, format!("cannot be read: {error}"))],
            warnings: Vec::new(),
        }),
    };
    let result = result.and_then(|(file, warnings)| {
        watched.extend(file.named_files().map(FileWatch::from_now));
        Ok(LoadedWebFile {
            settings: ProtectionSettings::from(&file)?,
            warnings,
        })
    });
    ReadWebFile { watched, result }
}

impl ProtectionSettings {
    fn from(file: &WebFile) -> Result<Self, ConfigErrors> {
        let tls = match &file.tls {
            None => None,
            Some(tls) => Some(Arc::new(tls::server_config(tls, file.http.http2)?)),
        };
        let headers = file.http.headers.iter().filter_map(|(name, value)| {
            // The parser of the file has checked both.
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

    /// Why `next` must not replace these settings without a restart, if so. The exporter may read a
    /// file that is half written.
    pub(super) fn refusal_of(&self, next: &Self, path: &Path) -> Option<ConfigProblem> {
        let message = match (&self.tls, &next.tls) {
            (Some(_), None) => "TLS cannot be switched off while the exporter runs; restart it",
            (None, Some(_)) => "TLS cannot be switched on while the exporter runs; restart it",
            _ if self.logins.is_some() && next.logins.is_none() => {
                "logins cannot be switched off while the exporter runs; restart it"
            }
            _ => return None,
        };
        Some(file_problem(path, message))
    }
}
