//! The web configuration file: who may connect to the HTTP server, and how. Its keys are those of
//! the Prometheus exporter-toolkit, so that one file serves every exporter of a machine.
//!
//! It is stricter than the toolkit where that would start without the protection that is meant:
//! see `docs/reference/web-configuration.md`. Pure: certificates that it names are read by the server.

mod headers;
mod rate_limit;
mod reading;
#[cfg(test)]
mod tests;
mod tls;
mod users;

pub use headers::HttpServer;
pub use rate_limit::RateLimit;
pub use tls::{CipherSuite, ClientAuth, Curve, Pem, PemSource, ServerTls, TlsVersion};
pub use users::{PasswordHash, User};

use std::path::Path;

use super::problem::{Errors, Place, Problem};
use super::tree;
use super::view::View;
use reading::only;

/// A validated web configuration file. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebFile {
    /// `None`: plain HTTP.
    pub tls: Option<ServerTls>,
    pub http: HttpServer,
    /// Empty: whoever connects may read.
    pub users: Vec<User>,
    pub rate_limit: Option<RateLimit>,
}

impl WebFile {
    /// Reads the text of the file at `path`; files that it names lie beside it. An empty text is
    /// a file without any protection. With it come warnings.
    ///
    /// # Errors
    /// Every problem found, not only the first, in the order of the file.
    pub fn parse(path: &Path, text: &str) -> Result<(Self, Vec<Problem>), Errors> {
        let mut errors = Errors::default();
        let name = path.display().to_string();
        let root = tree::parse(text, &tree::in_file(&name), &mut errors);
        let directory = path.parent().unwrap_or(Path::new(""));
        let file = match root {
            Some(root) => Self::read(&View::root(&root), directory, &mut errors),
            None => Self::default(),
        };
        errors.sort();
        if errors.errors.is_empty() {
            Ok((file, errors.warnings))
        } else {
            Err(errors)
        }
    }

    fn read(view: &View<'_>, directory: &Path, errors: &mut Errors) -> Self {
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
        let http = HttpServer::read(&view.key("http_server_config"), errors);
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
                "without tls_server_config passwords go over the network as they are",
            );
        }
        file
    }

    /// Every file that it names.
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

/// A problem with a file as a whole, which no line of it can be blamed for.
pub fn file_problem(path: &Path, message: impl Into<String>) -> Problem {
    Problem {
        place: Place::Missing,
        path: "web.config_file".to_owned(),
        message: format!("{}: {}", path.display(), message.into()),
    }
}
