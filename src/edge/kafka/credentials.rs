//! The client library's security properties, secrets included, and the files that they come from.

use std::fs;
use std::hash::Hasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use super::client_properties::KafkaConnection;
use super::start_error::StartError;
use crate::config::{KafkaSecurity, SaslMechanism, Secret};

/// Time between two checks for changed files. Reading a few small files costs nothing.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Properties that name a file, and their configuration keys.
const FILES: [(&str, &str); 3] = [
    ("ssl.ca.location", "kafka.tls.ca_file"),
    ("ssl.certificate.location", "kafka.tls.certificate_file"),
    ("ssl.key.location", "kafka.tls.key_file"),
];

/// # Errors
/// A file that cannot be read.
pub(super) fn properties(
    security: &KafkaSecurity,
) -> Result<Vec<(&'static str, String)>, StartError> {
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
        && sasl.mechanism != Some(SaslMechanism::OauthBearer)
    {
        let password = reveal("kafka.sasl.password_file", secret)?;
        found.push(("sasl.password", password));
    }
    Ok(found)
}

/// Reads a secret, without the line break that editors leave at the end of a file.
///
/// # Errors
/// A file that cannot be read or is empty; `key` is its configuration key.
pub(super) fn reveal(key: &'static str, secret: &Secret) -> Result<String, StartError> {
    let path = match secret {
        Secret::Text(text) => return Ok(text.clone()),
        Secret::File(path) => path,
    };
    let text = fs::read_to_string(path).map_err(unreadable(key, path))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(StartError::EmptyFile {
            key,
            path: path.clone(),
        });
    }
    Ok(text.to_owned())
}

fn readable(key: &'static str, path: &Path) -> Result<String, StartError> {
    fs::metadata(path).map_err(unreadable(key, path))?;
    Ok(path.display().to_string())
}

fn unreadable(key: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::File {
        key,
        path: path.to_owned(),
        source,
    }
}

/// Replaces property names in the client library's reason with configuration keys.
pub(super) fn with_configuration_keys(reason: &str) -> String {
    let mut reason = reason.to_owned();
    for (property, key) in FILES {
        let begin = format!("{property} failed");
        reason = reason.replace(&begin, &format!("{key} ({property}) cannot be used"));
    }
    if reason.contains("No provider for SASL mechanism GSSAPI") {
        return "GSSAPI (Kerberos) is not built in, and is the client library's default: set \
                kafka.sasl.mechanism"
            .to_owned();
    }
    reason
}

/// Watches the files with secrets and certificates of a connection.
#[derive(Debug)]
pub struct CredentialFiles {
    connection: KafkaConnection,
    files: Vec<PathBuf>,
    /// Digest of the contents in use.
    used: u64,
    /// Digest of the last contents that could not be used.
    rejected: Option<u64>,
    next: Instant,
}

impl CredentialFiles {
    /// Call this before the clients are started, so that no change is missed. `None` if there are no
    /// files.
    pub fn watch(connection: &KafkaConnection) -> Option<Self> {
        let files = files(connection);
        if files.is_empty() {
            return None;
        }
        Some(Self {
            used: digest(&files),
            connection: connection.clone(),
            files,
            rejected: None,
            next: Instant::now() + CHECK_INTERVAL,
        })
    }

    /// Whether the files hold new credentials with which clients can be started. Checks every few
    /// seconds. While only a part is replaced, such as a certificate without its key, it logs one
    /// warning and waits.
    pub fn have_changed(&mut self) -> bool {
        if Instant::now() < self.next {
            return false;
        }
        self.next = Instant::now() + CHECK_INTERVAL;
        let now = digest(&self.files);
        if now == self.used || self.rejected == Some(now) {
            return false;
        }
        match self.connection.check_producer() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "new kafka credentials cannot be used; the old ones stay in use"
                );
                self.rejected = Some(now);
                false
            }
        }
    }
}

fn files(connection: &KafkaConnection) -> Vec<PathBuf> {
    let KafkaSecurity { tls, sasl, .. } = &connection.security;
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

/// A digest of the contents. A mounted secret is replaced by another file of the same name, whose
/// time stamp may be the same. A file that cannot be read counts as empty.
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
        sasl.mechanism = Some(SaslMechanism::Plain);
        sasl.username = Some("me".to_owned());
        sasl.password = Some(Secret::File(file.to_owned()));
        connection.security.protocol = Some(crate::config::SecurityProtocol::SaslPlaintext);
        connection
    }

    #[test]
    fn a_secret_is_read_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let connection = connection(&file);
        let error = properties(&connection.security).unwrap_err().to_string();
        let expected = format!("kafka.sasl.password_file: {}: ", file.display());
        assert!(error.starts_with(&expected), "{error}");
        fs::write(&file, "\n").unwrap();
        let error = properties(&connection.security).unwrap_err().to_string();
        assert!(error.ends_with("the file is empty"), "{error}");
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
    fn a_change_counts_once_it_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "one").unwrap();
        let mut watch = CredentialFiles::watch(&connection(&file)).unwrap();
        let mut check = || {
            watch.next = Instant::now();
            watch.have_changed()
        };
        assert!(!check());
        fs::write(&file, "").unwrap();
        assert!(!check());
        fs::write(&file, "one").unwrap();
        assert!(!check());
        fs::write(&file, "two").unwrap();
        assert!(check());
        assert!(CredentialFiles::watch(&KafkaConnection::default()).is_none());
    }
}
