//! Reads the web configuration file: TLS, client certificates and users of the HTTP server. Its keys are
//! those of the Prometheus exporter-toolkit, so that one file works for every exporter on a machine.
//!
//! This code is stricter than the toolkit where the toolkit would start without the intended protection, see
//! `docs/reference/web-configuration.md`. The HTTP server reads the certificates that the file names.

mod headers;
mod rate_limit;
mod reading;
#[cfg(test)]
mod tests;
mod tls;
mod users;

pub use headers::HttpServerSettings;
pub use rate_limit::RateLimit;
pub use tls::{CipherSuite, ClientAuth, Curve, Pem, PemSource, ServerTls, TlsVersion};
pub use users::{PasswordHash, WebUser};

use std::path::Path;

use super::problem::{ConfigErrors, ConfigPlace, ConfigProblem};
use super::tree;
use super::view::YamlView;
use reading::only;

/// A validated web configuration file. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebFile {
    /// `None` means plain HTTP.
    pub tls: Option<ServerTls>,
    pub http: HttpServerSettings,
    /// Empty means that no login is needed.
    pub users: Vec<WebUser>,
    pub rate_limit: Option<RateLimit>,
}

impl WebFile {
    /// Parses the text of the file at `path`, and returns warnings too. Paths in the file are relative to
    /// its folder. An empty file means no protection.
    ///
    /// # Errors
    /// All mistakes, in the order of the file.
    pub fn parse(path: &Path, text: &str) -> Result<(Self, Vec<ConfigProblem>), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let name = path.display().to_string();
        let root = tree::parse(text, &tree::in_file(&name), &mut errors);
        let directory = path.parent().unwrap_or(Path::new(""));
        let file = match root {
            Some(root) => Self::read(&YamlView::root(&root), directory, &mut errors),
            None => Self::default(),
        };
        errors.sort();
        if errors.errors.is_empty() {
            Ok((file, errors.warnings))
        } else {
            Err(errors)
        }
    }

    fn read(view: &YamlView<'_>, directory: &Path, errors: &mut ConfigErrors) -> Self {
        only(
            view,
            &[
                "tls_server_config",
                "http_server_config",
                "basic_auth_users",
                "rate_limit",
            ],
            errors,
        );
        let http = HttpServerSettings::read(&view.key("http_server_config"), errors);
        let tls = ServerTls::read(
            &view.key("tls_server_config"),
            directory,
            http.http2,
            errors,
        );
        let users = view.key("basic_auth_users");
        let file = Self {
            tls,
            http,
            users: users::read(&users, errors),
            rate_limit: RateLimit::read(&view.key("rate_limit"), errors),
        };
        if file.tls.is_none() && !file.users.is_empty() {
            users.warning(
                errors,
                "clients send passwords unencrypted over the network; add tls_server_config",
            );
        }
        file
    }

    /// Every file that the web configuration file names.
    pub fn named_files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter();
        tls.flat_map(|tls| {
            [
                Some(&tls.certificate),
                Some(&tls.key),
                tls.client_ca.as_ref(),
            ]
        })
        .flatten()
        .filter_map(|pem| match &pem.source {
            PemSource::File(path) => Some(path.as_path()),
            PemSource::Text(_) => None,
        })
    }
}

/// A problem with a whole web configuration file.
pub fn file_problem(path: &Path, message: impl Into<String>) -> ConfigProblem {
    ConfigProblem {
        place: ConfigPlace::Missing,
        path: "web.config_file".to_owned(),
        message: format!("{}: {}", path.display(), message.into()),
    }
}
