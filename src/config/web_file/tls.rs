//! Reads `tls_server_config`: certificates, client authentication and TLS versions.

use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use super::super::problem::{ConfigErrors, ConfigPlace, ConfigProblem};
use super::super::view::YamlView;
use super::reading::{boolean, only, word, words};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The server's certificate, followed by its intermediate certificates.
    pub certificate: Pem,
    pub key: Pem,
    /// Always set if client certificates are verified.
    pub client_ca: Option<Pem>,
    pub client_auth: ClientAuth,
    /// A client's certificate must have one of these subject alternative names. `None` means any.
    pub allowed_names: Option<Vec<String>>,
    pub minimum: TlsVersion,
    pub maximum: TlsVersion,
    /// For TLS 1.2, in order of preference. `None` means all. Empty only if TLS 1.3 is allowed.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// In order of preference, at least one. `None` means all.
    pub curves: Option<Vec<Curve>>,
    /// Whether the server's order of cipher suites has priority over the client's.
    pub prefers_own_order: bool,
}

/// A PEM setting with its position in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    pub source: PemSource,
    place: ConfigPlace,
    path: String,
}

/// A path, or the PEM text itself. `Debug` hides the text.
#[derive(Clone, PartialEq, Eq)]
pub enum PemSource {
    File(PathBuf),
    Text(String),
}

/// The certificate that a client must present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    None,
    /// The server requests a certificate and accepts any or none.
    Request,
    /// Any certificate.
    RequireAny,
    /// None, or one that the client CA signed.
    VerifyIfGiven,
    /// One that the client CA signed.
    RequireAndVerify,
}

/// Older versions are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// The supported cipher suites of TLS 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    EcdsaAes128,
    EcdsaAes256,
    EcdsaChaCha20,
    RsaAes128,
    RsaAes256,
    RsaChaCha20,
}

/// The supported elliptic curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    X25519,
    P256,
    P384,
}

const CLIENT_AUTH: [(&str, ClientAuth); 6] = [
    ("NoClientCert", ClientAuth::None),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
    ("RequireClientCert", ClientAuth::RequireAny), // an old name in the toolkit
];

/// Go's names of its secure cipher suites. Those of TLS 1.3 are always offered.
const SUITES: [(&str, Known<CipherSuite>); 13] = [
    ("TLS_AES_128_GCM_SHA256", Known::Always),
    ("TLS_AES_256_GCM_SHA384", Known::Always),
    ("TLS_CHACHA20_POLY1305_SHA256", Known::Always),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Known::Unsupported),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Known::Unsupported),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Known::Unsupported),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Known::Unsupported),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Known::Supported(CipherSuite::EcdsaAes128),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Known::Supported(CipherSuite::EcdsaAes256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Known::Supported(CipherSuite::RsaAes128),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Known::Supported(CipherSuite::RsaAes256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Known::Supported(CipherSuite::RsaChaCha20),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Known::Supported(CipherSuite::EcdsaChaCha20),
    ),
];

const CURVES: [(&str, Known<Curve>); 7] = [
    ("CurveP256", Known::Supported(Curve::P256)),
    ("CurveP384", Known::Supported(Curve::P384)),
    ("CurveP521", Known::Unsupported),
    ("X25519", Known::Supported(Curve::X25519)),
    ("X25519MLKEM768", Known::Unsupported),
    ("SecP256r1MLKEM768", Known::Unsupported),
    ("SecP384r1MLKEM1024", Known::Unsupported),
];

/// The support for a name that the toolkit knows.
#[derive(Clone, Copy)]
enum Known<T> {
    Supported(T),
    /// Always enabled, whether it is named or not.
    Always,
    Unsupported,
}

impl fmt::Debug for PemSource {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(formatter),
            Self::Text(_) => formatter.write_str("<inline>"),
        }
    }
}

impl Pem {
    /// A problem with the content. The message contains the name of the file.
    pub fn problem(&self, message: impl fmt::Display) -> ConfigProblem {
        ConfigProblem {
            place: self.place.clone(),
            path: self.path.clone(),
            message: match &self.source {
                PemSource::File(path) => format!("{}: {message}", path.display()),
                PemSource::Text(_) => message.to_string(),
            },
        }
    }

    /// Reads `<key>_file` or `<key>`.
    pub(in crate::config) fn read(
        tls: &YamlView<'_>,
        key: &str,
        directory: &Path,
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        let (inline, file) = (tls.key(key), tls.key(&format!("{key}_file")));
        let source = match (word(&inline, errors), word(&file, errors)) {
            (Some(_), Some(_)) => {
                file.error(errors, format!("conflicts with {key}; remove one of them"));
                return None;
            }
            (Some(text), None) => PemSource::Text(text),
            (None, Some(path)) => PemSource::File(directory.join(path)),
            (None, None) => return None,
        };
        let view = match source {
            PemSource::File(_) => file,
            PemSource::Text(_) => inline,
        };
        Some(Self {
            source,
            place: view.place,
            path: view.path,
        })
    }
}

impl ClientAuth {
    /// Whether a client must present a certificate.
    pub fn requires_one(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    /// Whether the client CA must have signed the certificate.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

impl ServerTls {
    /// Returns `None` for plain HTTP. `http2` says whether the server offers HTTP/2.
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        http2: bool,
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        const KEYS: [&str; 13] = [
            "cert",
            "cert_file",
            "key",
            "key_file",
            "client_ca",
            "client_ca_file",
            "client_auth_type",
            "client_allowed_sans",
            "min_version",
            "max_version",
            "cipher_suites",
            "curve_preferences",
            "prefer_server_cipher_suites",
        ];
        only(view, &KEYS, errors);
        if !view.is_set() || view.is_empty() || !view.is_map() {
            return None;
        }
        let before = errors.errors.len();
        let certificate = Pem::read(view, "cert", directory, errors);
        let key = Pem::read(view, "key", directory, errors);
        if errors.errors.len() == before {
            if certificate.is_none() {
                view.error(errors, "needs a certificate; add cert_file or cert");
            }
            if key.is_none() {
                view.error(errors, "needs a key; add key_file or key");
            }
        }
        let client_ca = Pem::read(view, "client_ca", directory, errors);
        let client_auth = client_auth(view, client_ca.as_ref(), errors);
        let allowed_names = allowed_names(view, client_auth, errors);
        let (minimum, maximum) = versions(view, errors);
        let suites = known_names(&view.key("cipher_suites"), &SUITES, "cipher suite", errors);
        if let Some(suites) = &suites {
            check_suites(view, suites, minimum, maximum, http2, errors);
        }
        let key_curves = view.key("curve_preferences");
        let curves = known_names(&key_curves, &CURVES, "curve", errors);
        if curves
            .as_ref()
            .is_some_and(|curves| curves.supported.is_empty() && curves.unsupported > 0)
        {
            key_curves.error(
                errors,
                "has no supported curve; use X25519, CurveP256 or CurveP384",
            );
        }
        let prefers = boolean(&view.key("prefer_server_cipher_suites"), errors);
        Some(Self {
            certificate: certificate?,
            key: key?,
            client_ca,
            client_auth: client_auth?,
            allowed_names,
            minimum,
            maximum,
            cipher_suites: suites
                .filter(|suites| suites.count > 0)
                .map(|suites| suites.supported),
            curves: curves
                .map(|curves| curves.supported)
                .filter(|curves| !curves.is_empty()),
            prefers_own_order: prefers.unwrap_or(true),
        })
    }
}

fn client_auth(
    view: &YamlView<'_>,
    client_ca: Option<&Pem>,
    errors: &mut ConfigErrors,
) -> Option<ClientAuth> {
    let key = view.key("client_auth_type");
    let client_auth = match word(&key, errors) {
        None => ClientAuth::None,
        Some(text) => {
            let Some((_, found)) = CLIENT_AUTH.iter().find(|(name, _)| *name == text) else {
                let names: Vec<&str> = CLIENT_AUTH[..5].iter().map(|(name, _)| *name).collect();
                key.error(errors, format!("must be one of {}", names.join(", ")));
                return None;
            };
            *found
        }
    };
    if client_auth == ClientAuth::None
        && let Some(client_ca) = client_ca
    {
        errors.error(
            &client_ca.place,
            &client_ca.path,
            "has no effect without client_auth_type; set it, for example, to \
             RequireAndVerifyClientCert",
        );
    }
    let is_given = ["client_ca", "client_ca_file"]
        .iter()
        .any(|name| view.key(name).is_set());
    if client_auth.verifies() && client_ca.is_none() && !is_given {
        key.error(
            errors,
            "needs client_ca_file or client_ca, which signs the certificates",
        );
    }
    Some(client_auth)
}

fn allowed_names(
    view: &YamlView<'_>,
    client_auth: Option<ClientAuth>,
    errors: &mut ConfigErrors,
) -> Option<Vec<String>> {
    let key = view.key("client_allowed_sans");
    let names = words(&key, errors)?;
    if key.is_empty_list() {
        key.error(errors, "must not be empty, because no client could connect");
    }
    if client_auth.is_some_and(|client_auth| !client_auth.requires_one()) {
        key.error(
            errors,
            "needs client_auth_type: RequireAndVerifyClientCert or RequireAnyClientCert",
        );
    }
    Some(names.into_iter().map(|(name, _)| name).collect())
}

fn versions(view: &YamlView<'_>, errors: &mut ConfigErrors) -> (TlsVersion, TlsVersion) {
    let mut read = |name: &str, older: fn(&YamlView<'_>, &mut ConfigErrors), default| {
        let key = view.key(name);
        match word(&key, errors).as_deref() {
            None => default,
            Some("TLS13") => TlsVersion::Tls13,
            Some("TLS12") => TlsVersion::Tls12,
            Some("TLS11" | "TLS10") => {
                older(&key, errors);
                TlsVersion::Tls12
            }
            Some(_) => {
                key.error(errors, "must be TLS12 or TLS13");
                default
            }
        }
    };
    let minimum = read(
        "min_version",
        |key, errors| key.warning(errors, "TLS before 1.2 is not supported; using TLS12"),
        TlsVersion::Tls12,
    );
    let maximum = read(
        "max_version",
        |key, errors| {
            key.error(
                errors,
                "TLS before 1.2 is not supported; use TLS12 or TLS13",
            );
        },
        TlsVersion::Tls13,
    );
    if minimum > maximum {
        let key = view.key("max_version");
        key.error(errors, "must not be lower than min_version");
    }
    (minimum, maximum)
}

/// The valid names of a list.
struct KnownNames<T> {
    supported: Vec<T>,
    /// The number of all names in the list.
    count: usize,
    /// The number of unsupported names.
    unsupported: usize,
}

fn known_names<T: Copy + PartialEq>(
    view: &YamlView<'_>,
    known: &[(&str, Known<T>)],
    what: &str,
    errors: &mut ConfigErrors,
) -> Option<KnownNames<T>> {
    let words = words(view, errors)?;
    let mut names = KnownNames {
        supported: Vec::new(),
        count: words.len(),
        unsupported: 0,
    };
    for (text, item) in words {
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, Known::Supported(one))) if !names.supported.contains(one) => {
                names.supported.push(*one);
            }
            Some((_, Known::Supported(_) | Known::Always)) => {}
            Some((_, Known::Unsupported)) => {
                names.unsupported += 1;
                item.warning(
                    errors,
                    format!("this {what} is not supported and has no effect"),
                );
            }
            None => item.error(errors, format!("unknown {what} \"{text}\"")),
        }
    }
    Some(names)
}

fn check_suites(
    view: &YamlView<'_>,
    suites: &KnownNames<CipherSuite>,
    minimum: TlsVersion,
    maximum: TlsVersion,
    http2: bool,
    errors: &mut ConfigErrors,
) {
    let key = view.key("cipher_suites");
    if suites.count == 0 {
        return;
    }
    if suites.supported.is_empty() && maximum == TlsVersion::Tls12 {
        key.error(errors, "has no supported cipher suite of TLS 1.2; add one");
    }
    let required = [CipherSuite::RsaAes128, CipherSuite::EcdsaAes128];
    if http2
        && minimum < TlsVersion::Tls13
        && !required
            .iter()
            .any(|suite| suites.supported.contains(suite))
    {
        key.error(
            errors,
            "has no cipher suite for HTTP/2; add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, or set http_server_config.http2: false",
        );
    }
}
