//! The HTTP side of a question. Plain blocking calls; nothing is tried twice.
//!
//! Source: Confluent's Schema Registry API, `GET /schemas/ids/{id}`,
//! `GET /schemas/guids/{id}` and `GET /subjects/{subject}/versions/{version}`, and its error codes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::config::{Login, SchemaRegistry, Secret};
use crate::decode::{SchemaId, SchemaLanguage, SchemaText};
use crate::edge::certificates;

const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, application/json";
/// Schemas are kilobytes; what is larger than this is none.
const LARGEST_ANSWER: u64 = 16 << 20;
/// A schema of more parts than this is a circle.
const MOST_REFERENCES: usize = 1_000;
/// "Schema not found": the registry has none of this id. Another 404 may be a wrong address.
const SCHEMA_NOT_FOUND: u64 = 40_403;

/// Why a registry cannot be asked at all.
#[derive(Debug, thiserror::Error)]
#[error("schema_registry.ca_file: {path}: {reason}", path = path.display())]
pub struct SchemaRegistryClientError {
    path: PathBuf,
    reason: String,
}

/// Why there is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaLookupError {
    /// The registry has none of this id.
    #[error("the registry does not know it")]
    Unknown,
    /// The registry has something else.
    #[error("{0}")]
    Unusable(String),
    /// Nobody can tell: to be asked again.
    #[error("{reason}")]
    Failed {
        failure: SchemaRegistryFailure,
        reason: String,
    },
}

/// How a question failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaRegistryFailure {
    /// Nobody there, or no TLS with it.
    Connection,
    Timeout,
    /// The login is missing or wrong.
    Unauthorized,
    /// Another status than success.
    Status,
    /// An answer that is none of a registry.
    Answer,
}

impl SchemaRegistryFailure {
    pub const ALL: [Self; 5] = [
        Self::Connection,
        Self::Timeout,
        Self::Unauthorized,
        Self::Status,
        Self::Answer,
    ];

    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Status => "status",
            Self::Answer => "answer",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct SchemaRegistryClient {
    agent: ureq::Agent,
    url: String,
    login: Option<Login>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaResponse {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<SchemaReference>>,
}

#[derive(Deserialize)]
struct SchemaReference {
    name: String,
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct ErrorResponse {
    error_code: Option<u64>,
    message: Option<String>,
}

impl SchemaRegistryClient {
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(settings: &SchemaRegistry) -> Result<Self, SchemaRegistryClientError> {
        let roots = match &settings.ca_file {
            None => RootCerts::PlatformVerifier,
            Some(path) => {
                certificates::trusted(path).map_err(|error| SchemaRegistryClientError {
                    path: path.clone(),
                    reason: error.to_string(),
                })?
            }
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(roots)
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(settings.timeout.unsigned_abs())))
            .http_status_as_error(false)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: settings.url.clone(),
            login: settings.login.clone(),
        })
    }

    /// The schema of an id with all that it refers to.
    ///
    /// # Errors
    /// Why there is none.
    pub fn schema(&self, id: SchemaId) -> Result<SchemaText, SchemaLookupError> {
        let collection = match id {
            SchemaId::Number(_) => "ids",
            SchemaId::Global(_) => "guids",
        };
        let schema = self.get(&format!("/schemas/{collection}/{id}"), true)?;
        let kind = schema.schema_type.as_deref();
        let Some(language) = SchemaLanguage::from_name(kind) else {
            let kind = kind.unwrap_or_default();
            return Err(SchemaLookupError::Unusable(format!(
                "schemas of type {kind:?} are not supported"
            )));
        };
        let mut references = Vec::new();
        // What a JSON schema refers to says no more about the document than it does itself.
        if language != SchemaLanguage::JsonSchema {
            self.gather(schema.references, &mut references)?;
        }
        Ok(SchemaText {
            language,
            text: schema.schema,
            references,
        })
    }

    /// Adds what is referred to, what it needs itself first, each once.
    fn gather(
        &self,
        wanted: Option<Vec<SchemaReference>>,
        found: &mut Vec<(String, String)>,
    ) -> Result<(), SchemaLookupError> {
        // A list in place of recursion: `true` where the needs were added before it.
        let mut open: Vec<(SchemaReference, Option<String>)> = Vec::new();
        let push = |open: &mut Vec<_>, wanted: Option<Vec<SchemaReference>>| {
            let wanted = wanted.unwrap_or_default().into_iter().rev();
            open.extend(wanted.map(|one| (one, None)));
        };
        push(&mut open, wanted);
        let mut asked = 0;
        while let Some((reference, text)) = open.pop() {
            if found.iter().any(|(name, _)| *name == reference.name) {
                continue;
            }
            if let Some(text) = text {
                found.push((reference.name, text));
                continue;
            }
            asked += 1;
            if asked > MOST_REFERENCES {
                let reason = "the schema refers to itself, or to far too many others";
                return Err(SchemaLookupError::Unusable(reason.to_owned()));
            }
            let (subject, version) = (in_path(&reference.subject), reference.version);
            let path = format!("/subjects/{subject}/versions/{version}?deleted=true");
            let schema = self.get(&path, false)?;
            open.push((reference, Some(schema.schema)));
            push(&mut open, schema.references);
        }
        Ok(())
    }

    /// `by_id`: that there is no such schema is an answer.
    fn get(&self, path: &str, by_id: bool) -> Result<SchemaResponse, SchemaLookupError> {
        let url = format!("{}{path}", self.url);
        let mut question = self.agent.get(&url).header("Accept", ACCEPT);
        if let Some(login) = &self.login {
            question = question.header("Authorization", authorization(login)?);
        }
        let unreachable = |error: &ureq::Error| {
            let failure = match error {
                ureq::Error::Timeout(_) => SchemaRegistryFailure::Timeout,
                _ => SchemaRegistryFailure::Connection,
            };
            failed(failure, format!("{url}: {error}"))
        };
        let mut answer = question.call().map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
        let text = body.read_to_string().map_err(|error| unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_str(&text)
                .map_err(|error| failed(SchemaRegistryFailure::Answer, format!("{url}: {error}")));
        }
        let complaint = serde_json::from_str::<ErrorResponse>(&text).ok();
        let code = complaint.as_ref().and_then(|one| one.error_code);
        if by_id && status == 404 && code == Some(SCHEMA_NOT_FOUND) {
            return Err(SchemaLookupError::Unknown);
        }
        let failure = match status.as_u16() {
            401 | 403 => SchemaRegistryFailure::Unauthorized,
            _ => SchemaRegistryFailure::Status,
        };
        let message = complaint.and_then(|one| one.message).unwrap_or_default();
        let message: String = message.chars().take(200).collect();
        Err(failed(failure, format!("{url}: {status} {message}")))
    }
}

fn failed(failure: SchemaRegistryFailure, reason: String) -> SchemaLookupError {
    SchemaLookupError::Failed { failure, reason }
}

/// The header of basic authentication. A file with the password is read now: it may have changed.
fn authorization(login: &Login) -> Result<String, SchemaLookupError> {
    let password = match &login.password {
        Secret::Text(text) => text.clone(),
        Secret::File(path) => {
            let text = fs::read_to_string(path).map_err(|error| {
                let path = path.display();
                failed(
                    SchemaRegistryFailure::Unauthorized,
                    format!("password_file {path}: {error}"),
                )
            })?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    let login = BASE64_STANDARD.encode(format!("{}:{password}", login.username));
    Ok(format!("Basic {login}"))
}

/// Text as one segment of a path.
fn in_path(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests;
