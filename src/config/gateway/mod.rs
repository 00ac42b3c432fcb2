//! Reads the section `gateway`: the hooks that receive webhooks, and the limits of the receiver.

mod authentication;
mod changes;
mod hook;
#[cfg(test)]
mod tests;

pub use changes::GatewayChanges;
pub use hook::Hook;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;
use super::view::YamlView;
use super::web::{ListenAddress, read_listen};
use crate::domain::timestamp::{Milliseconds, SECOND};

/// Next to the port of the exporter, so that one machine can run both.
const DEFAULT_PORT: u16 = 10048;
/// Intercom and HubSpot give up after 5 s, the other senders later.
const DEFAULT_TIMEOUT: Milliseconds = 4 * SECOND;
/// Below this, a new connection to Kafka would be too slow.
const SHORTEST_TIMEOUT: Milliseconds = 100;
/// No sender waits longer.
const LONGEST_TIMEOUT: Milliseconds = 60 * SECOND;
/// Some 30,000 webhooks of the usual 2 KB at the same time.
const DEFAULT_BUFFER: usize = 64 << 20;
const LARGEST_BUFFER: usize = 4 << 30;

/// The section `gateway`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// At least one; no duplicates.
    pub listen: Vec<ListenAddress>,
    /// TLS and rate limit of the hooks; `None` means plain HTTP.
    pub web_config_file: Option<PathBuf>,
    /// How long a request waits for Kafka.
    pub timeout: Milliseconds,
    /// Of the bodies in memory, over all requests.
    pub max_buffered_bytes: usize,
    /// By name, at least one.
    pub hooks: BTreeMap<String, Hook>,
}

impl Gateway {
    /// Returns `None` without hooks. Paths are relative to `directory`. `topics` are the topics of the
    /// exporter.
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        topics: &[String],
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        view.entries(errors);
        let listen = read_listen(&view.key("listen"), errors);
        let web_config_file = view.key("web_config_file").text(errors);
        let key = view.key("timeout");
        let timeout = key.duration(errors).unwrap_or(DEFAULT_TIMEOUT);
        if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&timeout) {
            key.error(errors, "must be from 100ms to 1m");
        }
        let key = view.key("max_buffered_bytes");
        let buffer = key.count(hook::LARGEST_BODY, LARGEST_BUFFER, errors);
        let max_buffered_bytes = buffer.unwrap_or(DEFAULT_BUFFER);
        let mut hooks = BTreeMap::new();
        for (name, view) in view.key("hooks").entries(errors) {
            check_name(name, &view, errors);
            if let Some(hook) = Hook::read(&view, directory, topics, errors) {
                hooks.insert(name.to_owned(), hook);
            }
        }
        (!hooks.is_empty()).then(|| Self {
            listen: listen.unwrap_or_else(|| vec![ListenAddress::Every(DEFAULT_PORT)]),
            web_config_file: web_config_file.map(|file| directory.join(file)),
            timeout,
            max_buffered_bytes,
            hooks,
        })
    }

    /// The topics that the hooks write, each once.
    pub fn topics(&self) -> Vec<String> {
        let mut topics: Vec<String> = Vec::new();
        for hook in self.hooks.values() {
            if !topics.contains(&hook.topic) {
                topics.push(hook.topic.clone());
            }
        }
        topics
    }
}

/// The name is a part of the URL, and the value of a label.
fn check_name(name: &str, view: &YamlView<'_>, errors: &mut ConfigErrors) {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(is_legal) {
        view.error(
            errors,
            "the name must be letters, digits, '.', '_' and '-', at most 64",
        );
    }
}
