//! The client library's security properties, secrets included.

use std::fs;
use std::io;
use std::path::Path;

use super::start_error::StartError;
use crate::config::{KafkaSecurity, SaslMechanism, Secret};
use crate::edge::files::read_secret;

/// Properties that name a file, and their configuration keys.
pub(super) const FILES: [(&str, &str); 3] = [
    ("ssl.ca.location", "kafka.tls.ca_file"),
    ("ssl.certificate.location", "kafka.tls.certificate_file"),
    ("ssl.key.location", "kafka.tls.key_file"),
];

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

/// Reads a secret.
///
/// # Errors
/// A file that cannot be read or is empty; `key` is its configuration key.
pub(super) fn reveal(key: &'static str, secret: &Secret) -> Result<String, StartError> {
    let path = match secret {
        Secret::Text(text) => return Ok(text.clone()),
        Secret::File(path) => path,
    };
    let text = read_secret(path).map_err(unreadable(key, path))?;
    if text.is_empty() {
        return Err(StartError::EmptyFile {
            key,
            path: path.clone(),
        });
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecurityProtocol;

    #[test]
    fn a_secret_is_read_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let mut security = KafkaSecurity {
            protocol: Some(SecurityProtocol::SaslPlaintext),
            ..KafkaSecurity::default()
        };
        security.sasl.mechanism = Some(SaslMechanism::Plain);
        security.sasl.password = Some(Secret::File(file.clone()));
        let error = properties(&security).unwrap_err().to_string();
        let expected = format!("kafka.sasl.password_file: {}: ", file.display());
        assert!(error.starts_with(&expected), "{error}");
        fs::write(&file, "\n").unwrap();
        let error = properties(&security).unwrap_err().to_string();
        assert!(error.ends_with("the file is empty"), "{error}");
        fs::write(&file, "hunter2\r\n").unwrap();
        let found = properties(&security).unwrap();
        assert!(
            found.contains(&("sasl.password", "hunter2".to_owned())),
            "{found:?}"
        );
        assert!(
            found.contains(&("sasl.mechanisms", "PLAIN".to_owned())),
            "{found:?}"
        );
    }
}
