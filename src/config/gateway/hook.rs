//! Reads one hook.

use std::path::Path;

use super::super::kafka::check_topic;
use super::super::mapping::read_path;
use super::super::problem::ConfigErrors;
use super::super::secret::Secret;
use super::super::url::read_url;
use super::super::view::YamlView;
use super::authentication::{self, is_header_name};
use crate::domain::mapping::{PathRoot, RecordPath};
use crate::domain::webhook::{HookAuthentication, SignedPart, WebhookSender};

/// Kafka's default limit for a record. The largest webhooks of helpdesks have some 100 KB.
const DEFAULT_BODY: usize = 1 << 20;
/// A JSON text shrinks to a tenth.
const DEFAULT_EXPANDED: usize = 8 << 20;
/// The exporter reads no larger record.
pub(super) const LARGEST_BODY: usize = 64 << 20;
/// Of the headers that become headers of records.
const MOST_HEADERS: usize = 32;

/// One hook: `POST /hooks/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub topic: String,
    /// `None`: the mapping of the topic finds the ticket.
    pub key: Option<RecordPath>,
    pub authentication: HookAuthentication,
    /// The current secret and the next one. Empty if anyone may send.
    pub secrets: Vec<Secret>,
    /// The public URL, for senders that sign it.
    pub url: Option<String>,
    /// Headers of requests that become headers of records, in lower case.
    pub headers: Vec<String>,
    pub max_body_bytes: usize,
    pub max_expanded_bytes: usize,
}

impl Hook {
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        topics: &[String],
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        view.entries(errors);
        let topic = read_topic(view, topics, errors);
        let key = read_key(&view.key("key"), errors);
        let auth = view.key("auth");
        let word = auth.text(errors);
        if word.is_none() && !auth.is_set() {
            auth.error(
                errors,
                "is required: the sender, or how requests prove who sent them",
            );
        }
        let word = word.unwrap_or_default();
        let authentication = authentication::read(view, &word, errors);
        let secrets = read_secrets(view, directory, &word, errors);
        let url = read_url(&view.key("url"), "use auth", errors);
        let sender = WebhookSender::find(&word);
        let headers = read_headers(&view.key("headers"), sender.as_ref(), errors);
        let count = |key: &str, default: usize, errors: &mut ConfigErrors| {
            let found = view.key(key).count(1, LARGEST_BODY, errors);
            found.unwrap_or(default)
        };
        let hook = Self {
            topic: topic?,
            key,
            authentication: authentication?,
            secrets,
            url,
            headers,
            max_body_bytes: count("max_body_bytes", DEFAULT_BODY, errors),
            max_expanded_bytes: count("max_expanded_bytes", DEFAULT_EXPANDED, errors),
        };
        hook.check_url(view, errors);
        Some(hook)
    }

    fn check_url(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) {
        let is_signed = matches!(&self.authentication, HookAuthentication::Signature(scheme)
            if scheme.signed.contains(&SignedPart::Url));
        if is_signed && self.url.is_none() && !view.key("url").is_set() {
            let key = view.key("auth");
            key.error(
                errors,
                "needs url, the address that the sender uses, because it signs it",
            );
        } else if !is_signed && self.url.is_some() {
            let key = view.key("url");
            key.error(
                errors,
                "has no effect: the signature does not cover it; remove it",
            );
        }
    }
}

fn read_topic(view: &YamlView<'_>, topics: &[String], errors: &mut ConfigErrors) -> Option<String> {
    let key = view.key("topic");
    if let Some(topic) = key.text(errors) {
        check_topic(&key, &topic, errors);
        return Some(topic);
    }
    match topics {
        [only] => Some(only.clone()),
        _ if key.is_set() => None,
        _ => {
            key.error(
                errors,
                "is required, because kafka.topics has several topics",
            );
            None
        }
    }
}

fn read_key(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<RecordPath> {
    if !view.is_set() {
        return None;
    }
    let path = read_path(view, errors)?;
    if !matches!(path.root, PathRoot::Record | PathRoot::Headers) {
        view.error(errors, "must start with a dot or $headers");
    }
    Some(path)
}

/// The current secret and the next one.
fn read_secrets(
    view: &YamlView<'_>,
    directory: &Path,
    word: &str,
    errors: &mut ConfigErrors,
) -> Vec<Secret> {
    let names = ["secret", "next_secret"];
    if word == authentication::NONE {
        for name in names.into_iter().filter(|name| Secret::is_set(view, name)) {
            let key = view.key(name);
            key.error(errors, "has no effect with auth: none; remove it");
        }
        return Vec::new();
    }
    if !Secret::is_set(view, "secret") {
        view.error(errors, "has no secret; add secret_file");
    }
    let mut secrets = Vec::new();
    for name in names {
        let secret = Secret::read(view, name, directory, errors);
        if secret == Some(Secret::Text(String::new())) {
            view.key(name).error(errors, "must not be empty");
        }
        secrets.extend(secret);
    }
    secrets
}

fn read_headers(
    view: &YamlView<'_>,
    sender: Option<&WebhookSender>,
    errors: &mut ConfigErrors,
) -> Vec<String> {
    let own = view.checked_texts(errors, |item, name, errors| {
        if !is_header_name(name) {
            item.error(errors, "must be the name of a header");
        } else if matches!(
            name.to_ascii_lowercase().as_str(),
            "authorization" | "cookie"
        ) {
            item.error(errors, "must not be a header with a secret");
        }
    });
    let own = own.unwrap_or_default();
    if own.len() > MOST_HEADERS {
        view.error(errors, format!("must be at most {MOST_HEADERS} headers"));
    }
    let known = sender.map_or(&[][..], |sender| sender.headers);
    let mut headers: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
    for name in own {
        let name = name.to_ascii_lowercase();
        if !headers.contains(&name) {
            headers.push(name);
        }
    }
    headers
}
