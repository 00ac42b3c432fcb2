//! Reads how the exporter connects to Kafka: protocol, certificates and login.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;
use super::secret::Secret;
use super::url::read_url;
use super::view::YamlView;
use crate::domain::named::named_enum;

const KERBEROS: &str = "GSSAPI (Kerberos) is not built in; use plain, scram-sha-256, \
                        scram-sha-512 or oauthbearer, or certificates (kafka.tls)";
const OIDC: &str = "is not built in; use kafka.sasl.oauth, which does the same";

/// The security settings of the connections to Kafka. For `None`, librdkafka properties or their defaults
/// apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    pub protocol: Option<SecurityProtocol>,
    pub tls: KafkaTls,
    pub sasl: KafkaSasl,
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SecurityProtocol {
        Plaintext = "plaintext",
        Ssl = "ssl",
        SaslPlaintext = "sasl_plaintext",
        SaslSsl = "sasl_ssl",
    }
}

/// The key `kafka.tls`. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaTls {
    /// CA certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub identity: Option<KafkaCertificate>,
}

/// The client certificate for mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaCertificate {
    /// The certificate, followed by its intermediate certificates.
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub key_password: Option<Secret>,
}

/// The key `kafka.sasl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSasl {
    pub mechanism: Option<SaslMechanism>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// For OAUTHBEARER.
    pub oauth: Option<OAuth>,
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SaslMechanism {
        Plain = "plain",
        ScramSha256 = "scram-sha-256",
        ScramSha512 = "scram-sha-512",
        OauthBearer = "oauthbearer",
    }
}

/// The key `kafka.sasl.oauth`: the token server for the OAuth client credentials grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// Contains no login and no query.
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub scope: Option<String>,
    /// SASL extensions, which some Kafka services require.
    pub extensions: BTreeMap<String, String>,
    /// CA certificates (PEM) to trust for the token server instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl SecurityProtocol {
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub const fn has_login(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl KafkaSecurity {
    /// Paths are relative to `directory`. `properties` override these settings and may contain missing
    /// ones.
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        properties: &BTreeMap<String, String>,
        errors: &mut ConfigErrors,
    ) -> Self {
        let reader = SecurityReader {
            directory,
            properties,
        };
        let tls = reader.tls(&view.key("tls"), errors);
        let sasl = reader.sasl(&view.key("sasl"), errors);
        let protocol = reader.protocol(view, errors);
        reader.refuse_unsupported_properties(view, errors);
        Self {
            protocol,
            tls,
            sasl,
        }
    }
}

/// Whether any key in the map has a value.
fn is_used(view: &YamlView<'_>) -> bool {
    if !view.is_map() {
        return view.is_set();
    }
    let entries = view.entries(&mut ConfigErrors::default());
    entries.iter().any(|(_, value)| is_used(value))
}

struct SecurityReader<'a> {
    directory: &'a Path,
    properties: &'a BTreeMap<String, String>,
}

impl SecurityReader<'_> {
    fn has(&self, properties: &[&str]) -> bool {
        properties
            .iter()
            .any(|property| self.properties.contains_key(*property))
    }

    fn file(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<PathBuf> {
        Some(self.directory.join(view.text(errors)?))
    }

    fn tls(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> KafkaTls {
        view.entries(errors);
        let ca_file = self.file(&view.key("ca_file"), errors);
        let (certificate, key) = (view.key("certificate_file"), view.key("key_file"));
        let password = Secret::read(view, "key_password", self.directory, errors);
        let files = (self.file(&certificate, errors), self.file(&key, errors));
        let identity = match files {
            (Some(certificate_file), Some(key_file)) => Some(KafkaCertificate {
                certificate_file,
                key_file,
                key_password: password,
            }),
            (Some(_), None) if !key.is_set() => {
                certificate.error(errors, "needs kafka.tls.key_file");
                None
            }
            (None, Some(_)) if !certificate.is_set() => {
                key.error(errors, "needs kafka.tls.certificate_file");
                None
            }
            _ => {
                if Secret::is_set(view, "key_password") && !key.is_set() {
                    view.error(errors, "has a key_password but no key_file; add key_file");
                }
                None
            }
        };
        KafkaTls { ca_file, identity }
    }

    fn sasl(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> KafkaSasl {
        view.entries(errors);
        let oauth = view.key("oauth");
        let mechanism = read_mechanism(&view.key("mechanism"), errors).or_else(|| {
            // Only this mechanism uses the keys in `oauth`.
            let derived = !view.key("mechanism").is_set() && is_used(&oauth);
            derived.then_some(SaslMechanism::OauthBearer)
        });
        let sasl = KafkaSasl {
            mechanism,
            username: view.key("username").raw(errors),
            password: Secret::read(view, "password", self.directory, errors),
            oauth: self.oauth(&oauth, errors),
        };
        self.check_login(view, &sasl, errors);
        sasl
    }

    /// Checks that the login is complete and has no settings of another mechanism.
    fn check_login(&self, view: &YamlView<'_>, sasl: &KafkaSasl, errors: &mut ConfigErrors) {
        let username = view.key("username");
        let has_password = Secret::is_set(view, "password");
        if sasl.mechanism == Some(SaslMechanism::OauthBearer) {
            if !is_used(&view.key("oauth")) {
                let key = view.key("mechanism");
                key.error(errors, "oauthbearer needs kafka.sasl.oauth");
            }
            if username.is_set() || has_password {
                view.error(
                    errors,
                    "username and password have no effect with oauthbearer; use oauth.client_id and \
                     oauth.client_secret",
                );
            }
            return;
        }
        let mechanism = view.key("mechanism");
        if is_used(&view.key("oauth")) && mechanism.is_set() {
            let key = view.key("oauth");
            key.error(errors, "requires kafka.sasl.mechanism: oauthbearer");
        }
        let known = sasl.mechanism.is_some();
        let complete = |is_set: bool, property: &str| is_set || self.has(&[property]);
        let has_username = complete(username.is_set(), "sasl.username");
        let has_password = complete(has_password, "sasl.password");
        if (known || username.is_set()) && !has_password {
            let key = if username.is_set() {
                &username
            } else {
                &mechanism
            };
            key.error(
                errors,
                "needs kafka.sasl.password or kafka.sasl.password_file",
            );
        }
        if (known || has_password) && !has_username && is_used(view) {
            view.error(errors, "needs kafka.sasl.username");
        }
        let named = mechanism.is_set() || self.has(&["sasl.mechanism", "sasl.mechanisms"]);
        if is_used(view) && !named && !is_used(&view.key("oauth")) {
            view.error(
                errors,
                "needs kafka.sasl.mechanism: plain, scram-sha-256, scram-sha-512 or oauthbearer, \
                 as the brokers require",
            );
        }
    }

    fn oauth(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<OAuth> {
        view.entries(errors);
        if !is_used(view) {
            return None;
        }
        let url_key = view.key("token_url");
        let token_url = read_url(&url_key, "use client_id and client_secret_file", errors);
        let client_id = view.key("client_id").raw(errors);
        let client_secret = Secret::read(view, "client_secret", self.directory, errors);
        if view.is_map() {
            for name in ["token_url", "client_id"] {
                if !view.key(name).is_set() {
                    view.error(errors, format!("needs {}.{name}", view.path));
                }
            }
            if !Secret::is_set(view, "client_secret") {
                let message = "needs client_secret or client_secret_file";
                view.error(errors, message);
            }
        }
        if token_url.as_deref().is_some_and(is_readable_by_others) {
            url_key.warning(
                errors,
                "sends the client secret unencrypted over the network; use https",
            );
        }
        let mut extensions = BTreeMap::new();
        for (name, value) in view.key("extensions").entries(errors) {
            let is_legal = name.bytes().all(|byte| byte.is_ascii_alphabetic()) && name != "auth";
            if !is_legal || name.is_empty() {
                value.error(
                    errors,
                    "is not a valid name of an extension; use only letters, and not auth",
                );
            }
            match value.raw(errors) {
                Some(text) if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                    extensions.insert(name.to_owned(), text);
                }
                Some(_) => value.error(errors, "must consist of printable ASCII characters"),
                None => {}
            }
        }
        let scope = view.key("scope").text(errors);
        let ca_file = self.file(&view.key("ca_file"), errors);
        Some(OAuth {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            scope,
            extensions,
            ca_file,
        })
    }

    /// The configured protocol, or the one that the other settings imply. A login implies TLS.
    fn protocol(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<SecurityProtocol> {
        let (key, tls, sasl) = (
            view.key("security_protocol"),
            view.key("tls"),
            view.key("sasl"),
        );
        if !key.is_set() {
            if self.has(&["security.protocol"]) {
                return None;
            }
            return match (is_used(&tls), is_used(&sasl)) {
                (_, true) => Some(SecurityProtocol::SaslSsl),
                (true, false) => Some(SecurityProtocol::Ssl),
                (false, false) => None,
            };
        }
        let protocol = read_protocol(&key, errors)?;
        let name = protocol.name();
        if is_used(&tls) && !protocol.is_encrypted() {
            tls.error(
                errors,
                format!("has no effect with security_protocol: {name}; remove one of them"),
            );
        }
        if is_used(&sasl) && !protocol.has_login() {
            sasl.error(
                errors,
                format!("has no effect with security_protocol: {name}; remove one of them"),
            );
        }
        let has_mechanism = self.has(&["sasl.mechanism", "sasl.mechanisms"]);
        if protocol.has_login() && !is_used(&sasl) && !has_mechanism {
            key.error(errors, "needs kafka.sasl");
        }
        let mechanism = sasl.key("mechanism");
        let sends_secret = mechanism
            .raw(&mut ConfigErrors::default())
            .is_some_and(|text| {
                text.eq_ignore_ascii_case("plain") || text.eq_ignore_ascii_case("oauthbearer")
            });
        if protocol == SecurityProtocol::SaslPlaintext
            && (sends_secret || is_used(&sasl.key("oauth")))
        {
            key.warning(
                errors,
                "sends the password or token unencrypted over the network; use sasl_ssl",
            );
        }
        Some(protocol)
    }

    fn refuse_unsupported_properties(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) {
        let view = view.key("properties");
        for (name, value) in self.properties {
            let is = |names: &[&str], wanted: &str| {
                names.contains(&name.as_str()) && value.eq_ignore_ascii_case(wanted)
            };
            if is(&["sasl.mechanism", "sasl.mechanisms"], "gssapi") {
                view.key(name).error(errors, KERBEROS);
            }
            if is(&["sasl.oauthbearer.method"], "oidc") {
                view.key(name).error(errors, OIDC);
            }
        }
    }
}

fn read_mechanism(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<SaslMechanism> {
    let text = view.text(errors)?;
    let found = SaslMechanism::ALL
        .into_iter()
        .find(|one| text.eq_ignore_ascii_case(one.name()));
    if found.is_none() {
        view.error(
            errors,
            if text.eq_ignore_ascii_case("gssapi") {
                KERBEROS
            } else {
                "must be plain, scram-sha-256, scram-sha-512 or oauthbearer"
            },
        );
    }
    found
}

fn read_protocol(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<SecurityProtocol> {
    let text = view.text(errors)?;
    let found = SecurityProtocol::ALL
        .into_iter()
        .find(|one| text.eq_ignore_ascii_case(one.name()));
    if found.is_none() {
        view.error(errors, "must be plaintext, ssl, sasl_plaintext or sasl_ssl");
    }
    found
}

/// Whether the URL is plain HTTP to another machine.
fn is_readable_by_others(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.strip_prefix('[').map_or_else(
        || authority.split(':').next().unwrap_or_default(),
        |rest| rest.split(']').next().unwrap_or_default(),
    );
    let is_local = host == "localhost" || host == "::1" || host.starts_with("127.");
    !is_local
}

#[cfg(test)]
mod tests;
