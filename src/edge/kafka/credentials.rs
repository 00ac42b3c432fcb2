//! The properties that the security of the configuration stands for, with the secrets in them, and
//! the files they come from.

use std::fs;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use super::{KafkaConnection, StartError};
use crate::config::{Mechanism, Secret, Security};

/// How soon a changed file is noticed. Reading a few small files costs nothing.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Properties with the path of a file, in the words of the configuration.
const FILES: [(&str, &str); 3] = [
    ("ssl.ca.location", "kafka.tls.ca_file"),
    ("ssl.certificate.location", "kafka.tls.certificate_file"),
    ("ssl.key.location", "kafka.tls.key_file"),
];

/// The properties, by the client library's names.
///
/// # Errors
/// A secret whose file cannot be read.
pub(super) fn properties(security: &Security) -> Result<Vec<(&'static str, String)>, StartError> {
    let mut found = Vec::new();
    if let Some(protocol) = security.protocol {
        found.push(("security.protocol", protocol.name().to_owned()));
    }
    let text = |path: &Path| path.display().to_string();
    if let Some(ca_file) = &security.tls.ca_file {
        found.push(("ssl.ca.location", readable("kafka.tls.ca_file", ca_file)?));
    }
    if let Some(identity) = &security.tls.identity {
        let (certificate, key) = (&identity.certificate_file, &identity.key_file);
        readable("kafka.tls.certificate_file", certificate)?;
        readable("kafka.tls.key_file", key)?;
        found.push(("ssl.certificate.location", text(certificate)));
        found.push(("ssl.key.location", text(key)));
        if let Some(secret) = &identity.key_password {
            let password = reveal("kafka.tls.key_password_file", secret)?;
            found.push(("ssl.key.password", password));
        }
    }
    let sasl = &security.sasl;
    if let Some(mechanism) = sasl.mechanism {
        found.push(("sasl.mechanisms", mechanism.name().to_uppercase()));
    }
    if let Some(username) = &sasl.username {
        found.push(("sasl.username", username.clone()));
    }
    if let Some(secret) = &sasl.password
        && sasl.mechanism != Some(Mechanism::OauthBearer)
    {
        let password = reveal("kafka.sasl.password_file", secret)?;
        found.push(("sasl.password", password));
    }
    Ok(found)
}

/// A secret, without the line break at its end that editors leave in files.
///
/// # Errors
/// A file that cannot be read, or has nothing in it. `key` names it.
pub(super) fn reveal(key: &'static str, secret: &Secret) -> Result<String, StartError> {
    let path = match secret {
        Secret::Text(text) => return Ok(text.clone()),
        Secret::File(path) => path,
    };
    let failed = |reason: String| StartError::File {
        key,
        path: path.clone(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(failed("there is nothing in it".to_owned()));
    }
    Ok(text.to_owned())
}

fn readable(key: &'static str, path: &Path) -> Result<String, StartError> {
    match fs::metadata(path) {
        Ok(_) => Ok(path.display().to_string()),
        Err(error) => Err(StartError::File {
            key,
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// The client library's words about its properties, in those of the configuration.
pub(super) fn in_our_words(reason: &str) -> String {
    let mut reason = reason.to_owned();
    for (property, key) in FILES {
        let begin = format!("{property} failed");
        reason = reason.replace(&begin, &format!("{key} ({property}) cannot be used"));
    }
    if reason.contains("No provider for SASL mechanism GSSAPI") {
        return "GSSAPI (Kerberos) is not built in, and is what the client library takes where no \
                mechanism is set: set kafka.sasl.mechanism"
            .to_owned();
    }
    reason
}

/// Watches the files with secrets and certificates of a connection.
#[derive(Debug)]
pub struct CredentialFiles {
    connection: KafkaConnection,
    files: Vec<PathBuf>,
    used: u64,
    /// What was looked at last and could not be used.
    refused: Option<u64>,
    next: Instant,
}

impl CredentialFiles {
    /// To be called before clients are started: a change after that is never missed. `None` where
    /// there are no files.
    pub fn watch(connection: &KafkaConnection) -> Option<Self> {
        let files = files(connection);
        if files.is_empty() {
            return None;
        }
        Some(Self {
            used: digest(&files),
            connection: connection.clone(),
            files,
            refused: None,
            next: Instant::now() + LOOK_INTERVAL,
        })
    }

    /// Whether there are other credentials than those in use, and clients can be started with
    /// them. Looks every few seconds. Half of a change, such as a certificate without its key, is
    /// waited out, and said once.
    pub fn have_changed(&mut self) -> bool {
        if Instant::now() < self.next {
            return false;
        }
        self.next = Instant::now() + LOOK_INTERVAL;
        let now = digest(&self.files);
        if now == self.used || self.refused == Some(now) {
            return false;
        }
        match self.connection.check_producer() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "kafka: the new credentials cannot be used; going on with the old ones"
                );
                self.refused = Some(now);
                false
            }
        }
    }
}

fn files(connection: &KafkaConnection) -> Vec<PathBuf> {
    let Security { tls, sasl, .. } = &connection.security;
    let mut files: Vec<PathBuf> = tls.ca_file.iter().cloned().collect();
    let mut secrets = vec![&sasl.password];
    if let Some(identity) = &tls.identity {
        files.push(identity.certificate_file.clone());
        files.push(identity.key_file.clone());
        secrets.push(&identity.key_password);
    }
    for secret in secrets.into_iter().flatten() {
        if let Secret::File(path) = secret {
            files.push(path.clone());
        }
    }
    let named = FILES.iter().map(|(property, _)| *property);
    for property in named.chain(["ssl.keystore.location"]) {
        files.extend(connection.properties.get(property).map(PathBuf::from));
    }
    files
}

/// Of the contents: a mounted secret changes by another file under the same name, and a time
/// stamp need not change with it. What cannot be read counts as empty.
fn digest(files: &[PathBuf]) -> u64 {
    let mut hasher = Xxh3::new();
    for file in files {
        let bytes = fs::read(file).unwrap_or_default();
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(file: &Path) -> KafkaConnection {
        let mut connection = KafkaConnection::default();
        let sasl = &mut connection.security.sasl;
        sasl.mechanism = Some(Mechanism::Plain);
        sasl.username = Some("me".to_owned());
        sasl.password = Some(Secret::File(file.to_owned()));
        connection.security.protocol = Some(crate::config::Protocol::SaslPlaintext);
        connection
    }

    #[test]
    fn secrets_are_read_when_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let connection = connection(&file);
        let error = properties(&connection.security).unwrap_err().to_string();
        let expected = format!("kafka.sasl.password_file: {}: ", file.display());
        assert!(error.starts_with(&expected), "{error}");
        fs::write(&file, "\n").unwrap();
        let error = properties(&connection.security).unwrap_err().to_string();
        assert!(error.ends_with("there is nothing in it"), "{error}");
        fs::write(&file, "hunter2\r\n").unwrap();
        let found = properties(&connection.security).unwrap();
        assert!(
            found.contains(&("sasl.password", "hunter2".to_owned())),
            "{found:?}"
        );
        assert!(
            found.contains(&("sasl.mechanisms", "PLAIN".to_owned())),
            "{found:?}"
        );
    }

    #[test]
    fn a_change_is_noticed_once_it_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "one").unwrap();
        let mut watch = CredentialFiles::watch(&connection(&file)).unwrap();
        let mut look = || {
            watch.next = Instant::now();
            watch.have_changed()
        };
        assert!(!look());
        fs::write(&file, "").unwrap();
        assert!(!look());
        fs::write(&file, "one").unwrap();
        assert!(!look());
        fs::write(&file, "two").unwrap();
        assert!(look());
        assert!(CredentialFiles::watch(&KafkaConnection::default()).is_none());
    }
}
