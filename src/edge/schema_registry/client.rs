//! The HTTP requests to a registry. They block, and none is repeated.
//!
//! They follow Confluent's Schema Registry API: `GET /schemas/ids/{id}`, `GET /schemas/guids/{id}` and
//! `GET /subjects/{subject}/versions/{version}`, and its error codes.

use std::time::Duration;

use serde::Deserialize;

use crate::config::{RegistryLogin, SchemaRegistry, Secret};
use crate::decode::{SchemaId, SchemaLanguage, SchemaText};
use crate::domain::named::named_enum;
use crate::edge::files;
use crate::edge::http_client::{
    CaFileError, HttpClient, HttpError, Request, RequestLimits, basic_authorization, trusted,
};

const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, application/json";
/// Schemas are kilobytes; a larger answer is not a schema.
const LARGEST_ANSWER: u64 = 16 << 20;
/// A schema with more references than this refers to itself.
const MOST_REFERENCES: usize = 1_000;
/// "Schema not found": the registry has no schema with this id. Another 404 may mean a wrong address.
const SCHEMA_NOT_FOUND: u64 = 40_403;

/// Certificates that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("schema_registry.ca_file: {0}")]
pub struct SchemaRegistryClientError(#[from] CaFileError);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaLookupError {
    #[error("the registry has no schema with this id")]
    Unknown,
    /// The registry has the schema, but the exporter cannot use it.
    #[error("{0}")]
    Unusable(String),
    /// The registry gave no answer; ask again.
    #[error("{reason}")]
    Failed {
        failure: SchemaRegistryFailure,
        reason: String,
    },
}

named_enum! {
    /// How a request failed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SchemaRegistryFailure {
        /// There is no server, or TLS with it failed.
        Connection = "connection",
        Timeout = "timeout",
        /// The login is missing or wrong.
        Unauthorized = "unauthorized",
        /// The status is not a success.
        Status = "status",
        /// The answer does not come from a schema registry.
        Answer = "answer",
    }
}

#[derive(Debug)]
pub struct SchemaRegistryClient {
    client: HttpClient,
    url: String,
    login: Option<RegistryLogin>,
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
    pub fn new(settings: &SchemaRegistry) -> Result<Self, SchemaRegistryClientError> {
        let limits = RequestLimits {
            timeout: Duration::from_millis(settings.timeout.unsigned_abs()),
            largest_answer: LARGEST_ANSWER,
            redirects: true,
        };
        Ok(Self {
            client: HttpClient::new(limits, trusted(settings.ca_file.as_deref())?),
            url: settings.url.clone(),
            login: settings.login.clone(),
        })
    }

    /// The schema with an id, and all schemas that it references.
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
        // The references of a JSON schema say nothing about the encoding of the document.
        if language != SchemaLanguage::JsonSchema {
            self.add_references(schema.references, &mut references)?;
        }
        Ok(SchemaText {
            language,
            text: schema.schema,
            references,
        })
    }

    /// Adds the references to `found`, each once and after its own references.
    fn add_references(
        &self,
        wanted: Option<Vec<SchemaReference>>,
        found: &mut Vec<(String, String)>,
    ) -> Result<(), SchemaLookupError> {
        // A stack instead of recursion. An entry with a text has its own references above it.
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
                let reason = "the schema references itself, or too many other schemas";
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

    /// With `by_id`, a missing schema is [`SchemaLookupError::Unknown`].
    fn get(&self, path: &str, by_id: bool) -> Result<SchemaResponse, SchemaLookupError> {
        let url = format!("{}{path}", self.url);
        let mut request = Request::get(&url).header("Accept", ACCEPT);
        if let Some(login) = &self.login {
            request = request.header("Authorization", authorization(login)?);
        }
        let request = request.body(()).map_err(HttpError::from);
        let answer = request.and_then(|request| self.client.send(request));
        let answer = answer.map_err(|error| {
            let failure = match error {
                HttpError::Timeout(_) => SchemaRegistryFailure::Timeout,
                _ => SchemaRegistryFailure::Connection,
            };
            failed(failure, format!("{url}: {error}"))
        })?;
        let (status, text) = (answer.status(), answer.body());
        if status.is_success() {
            return serde_json::from_str(text)
                .map_err(|error| failed(SchemaRegistryFailure::Answer, format!("{url}: {error}")));
        }
        let error = serde_json::from_str::<ErrorResponse>(text).ok();
        let code = error.as_ref().and_then(|one| one.error_code);
        if by_id && status == 404 && code == Some(SCHEMA_NOT_FOUND) {
            return Err(SchemaLookupError::Unknown);
        }
        let failure = match status.as_u16() {
            401 | 403 => SchemaRegistryFailure::Unauthorized,
            _ => SchemaRegistryFailure::Status,
        };
        let message = error.and_then(|one| one.message).unwrap_or_default();
        let message: String = message.chars().take(200).collect();
        Err(failed(failure, format!("{url}: {status} {message}")))
    }
}

fn failed(failure: SchemaRegistryFailure, reason: String) -> SchemaLookupError {
    SchemaLookupError::Failed { failure, reason }
}

/// The header of basic authentication. The password file is read each time, because it may have
/// changed.
fn authorization(login: &RegistryLogin) -> Result<String, SchemaLookupError> {
    let password = match &login.password {
        Secret::Text(text) => text,
        Secret::File(path) => &files::read_secret(path).map_err(|error| {
            let reason = format!("password_file {}: {error}", path.display());
            failed(SchemaRegistryFailure::Unauthorized, reason)
        })?,
    };
    Ok(basic_authorization(&login.username, password))
}

/// Encodes a text as one segment of a path.
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
