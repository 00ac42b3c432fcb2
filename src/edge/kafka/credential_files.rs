//! Notices new contents of the files with secrets and certificates.

use std::fs;
use std::hash::Hasher as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use super::client_properties::KafkaConnection;
use super::credentials::FILES;
use crate::config::{KafkaSecurity, Secret};

/// Time between two checks for changed files. Reading a few small files costs nothing.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

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
    use std::path::Path;

    use super::*;
    use crate::config::{SaslMechanism, SecurityProtocol};

    fn connection(file: &Path) -> KafkaConnection {
        let mut connection = KafkaConnection::default();
        let sasl = &mut connection.security.sasl;
        sasl.mechanism = Some(SaslMechanism::Plain);
        sasl.username = Some("me".to_owned());
        sasl.password = Some(Secret::File(file.to_owned()));
        connection.security.protocol = Some(SecurityProtocol::SaslPlaintext);
        connection
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
