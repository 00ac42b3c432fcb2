//! `tls_server_config`: certificates, who has to have one, and which TLS is spoken.

use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use super::super::problem::{Errors, Place, Problem};
use super::super::view::View;
use super::reading::{boolean, only, word, words};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The server's certificate, and those between it and its root.
    pub certificate: Pem,
    pub key: Pem,
    /// There where client certificates are verified; may be there otherwise.
    pub client_ca: Option<Pem>,
    pub client_auth: ClientAuth,
    /// A client's certificate has to have one of these as a subject alternative name. `None`: it
    /// may have any.
    pub allowed_names: Option<Vec<String>>,
    pub minimum: TlsVersion,
    pub maximum: TlsVersion,
    /// For TLS 1.2, in order of preference; none: every one there is. Empty only where 1.3 may be
    /// spoken.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// In order of preference, at least one; none: every one there is.
    pub curves: Option<Vec<Curve>>,
    /// The server's order of suites goes before the client's.
    pub prefers_own_order: bool,
}

/// PEM, and where it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    pub source: PemSource,
    place: Place,
    path: String,
}

/// A file, or the PEM itself. `Debug` hides that.
#[derive(Clone, PartialEq, Eq)]
pub enum PemSource {
    File(PathBuf),
    Text(String),
}

/// What a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    None,
    /// It is asked for a certificate, and any or none will do.
    Request,
    /// Any certificate.
    RequireAny,
    /// None, or one that the client CA has signed.
    VerifyIfGiven,
    /// One that the client CA has signed.
    RequireAndVerify,
}

/// What is spoken; there is no older one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// Suites of TLS 1.2 that are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    EcdsaAes128,
    EcdsaAes256,
    EcdsaChaCha20,
    RsaAes128,
    RsaAes256,
    RsaChaCha20,
}

/// Elliptic curves that are supported.
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
    ("RequireClientCert", ClientAuth::RequireAny), // the toolkit's earlier name
];

/// Go's names of suites that it holds for secure, and what we have of them: suites of TLS 1.3 are
/// always offered.
const SUITES: [(&str, Known<CipherSuite>); 13] = [
    ("TLS_AES_128_GCM_SHA256", Known::Always),
    ("TLS_AES_256_GCM_SHA384", Known::Always),
    ("TLS_CHACHA20_POLY1305_SHA256", Known::Always),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Known::Never),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Known::Never),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Known::Never),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Known::Never),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Known::Here(CipherSuite::EcdsaAes128),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Known::Here(CipherSuite::EcdsaAes256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Known::Here(CipherSuite::RsaAes128),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Known::Here(CipherSuite::RsaAes256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Known::Here(CipherSuite::RsaChaCha20),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Known::Here(CipherSuite::EcdsaChaCha20),
    ),
];

const CURVES: [(&str, Known<Curve>); 7] = [
    ("CurveP256", Known::Here(Curve::P256)),
    ("CurveP384", Known::Here(Curve::P384)),
    ("CurveP521", Known::Never),
    ("X25519", Known::Here(Curve::X25519)),
    ("X25519MLKEM768", Known::Never),
    ("SecP256r1MLKEM768", Known::Never),
    ("SecP384r1MLKEM1024", Known::Never),
];

/// What becomes of a name that the toolkit knows.
#[derive(Clone, Copy)]
enum Known<T> {
    Here(T),
    /// There whether it is named or not.
    Always,
    /// Not supported here.
    Never,
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
    /// A problem with what it holds, which names its file.
    pub fn problem(&self, message: impl fmt::Display) -> Problem {
        Problem {
            place: self.place.clone(),
            path: self.path.clone(),
            message: match &self.source {
                PemSource::File(path) => format!("{}: {message}", path.display()),
                PemSource::Text(_) => message.to_string(),
            },
        }
    }

    /// `<key>_file` or `<key>`.
    pub(in crate::config) fn read(
        tls: &View<'_>,
        key: &str,
        directory: &Path,
        errors: &mut Errors,
    ) -> Option<Self> {
        let (inline, file) = (tls.key(key), tls.key(&format!("{key}_file")));
        let source = match (word(&inline, errors), word(&file, errors)) {
            (Some(_), Some(_)) => {
                file.error(errors, format!("must not stand beside {key}"));
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
    /// Whether there has to be a certificate, whoever has signed it.
    pub fn requires_one(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    /// Whether the client CA has to have signed it.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

impl ServerTls {
    /// `None`: plain HTTP. `http2`: whether that is to be offered.
    pub(super) fn read(
        view: &View<'_>,
        directory: &Path,
        http2: bool,
        errors: &mut Errors,
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
                view.error(errors, "needs a certificate: cert_file or cert is missing");
            }
            if key.is_none() {
                view.error(errors, "needs a key: key_file or key is missing");
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
            .is_some_and(|curves| curves.here.is_empty() && curves.never > 0)
        {
            key_curves.error(
                errors,
                "none of these is supported: X25519, CurveP256 and CurveP384 are",
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
                .filter(|suites| suites.named > 0)
                .map(|suites| suites.here),
            curves: curves
                .map(|curves| curves.here)
                .filter(|curves| !curves.is_empty()),
            prefers_own_order: prefers.unwrap_or(true),
        })
    }
}

fn client_auth(
    view: &View<'_>,
    client_ca: Option<&Pem>,
    errors: &mut Errors,
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
            "has no effect without a client_auth_type, such as RequireAndVerifyClientCert",
        );
    }
    let is_given = ["client_ca", "client_ca_file"]
        .iter()
        .any(|name| view.key(name).is_set());
    if client_auth.verifies() && client_ca.is_none() && !is_given {
        key.error(
            errors,
            "needs a client_ca_file or client_ca: who else should have signed the certificates?",
        );
    }
    Some(client_auth)
}

fn allowed_names(
    view: &View<'_>,
    client_auth: Option<ClientAuth>,
    errors: &mut Errors,
) -> Option<Vec<String>> {
    let key = view.key("client_allowed_sans");
    let names = words(&key, errors)?;
    if key.is_empty_list() {
        key.error(
            errors,
            "must name at least one: an empty list lets nobody in",
        );
    }
    if client_auth.is_some_and(|client_auth| !client_auth.requires_one()) {
        key.error(
            errors,
            "needs a client_auth_type of RequireAndVerifyClientCert or RequireAnyClientCert",
        );
    }
    Some(names.into_iter().map(|(name, _)| name).collect())
}

fn versions(view: &View<'_>, errors: &mut Errors) -> (TlsVersion, TlsVersion) {
    let mut read = |name: &str, older: fn(&View<'_>, &mut Errors), default| {
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
        |key, errors| key.warning(errors, "TLS older than 1.2 is not spoken: this is as TLS12"),
        TlsVersion::Tls12,
    );
    let maximum = read(
        "max_version",
        |key, errors| {
            key.error(
                errors,
                "TLS older than 1.2 is not spoken: must be TLS12 or TLS13",
            );
        },
        TlsVersion::Tls13,
    );
    if minimum > maximum {
        let key = view.key("max_version");
        key.error(errors, "must not be older than min_version");
    }
    (minimum, maximum)
}

/// Names of a list that the toolkit knows.
struct Names<T> {
    here: Vec<T>,
    /// All of them.
    named: usize,
    /// Known, but not supported.
    never: usize,
}

fn known_names<T: Copy + PartialEq>(
    view: &View<'_>,
    known: &[(&str, Known<T>)],
    what: &str,
    errors: &mut Errors,
) -> Option<Names<T>> {
    let words = words(view, errors)?;
    let mut names = Names {
        here: Vec::new(),
        named: words.len(),
        never: 0,
    };
    for (text, item) in words {
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, Known::Here(one))) if !names.here.contains(one) => names.here.push(*one),
            Some((_, Known::Here(_) | Known::Always)) => {}
            Some((_, Known::Never)) => {
                names.never += 1;
                item.warning(errors, format!("this {what} is not supported and left out"));
            }
            None => item.error(errors, format!("unknown {what} \"{text}\"")),
        }
    }
    Some(names)
}

fn check_suites(
    view: &View<'_>,
    suites: &Names<CipherSuite>,
    minimum: TlsVersion,
    maximum: TlsVersion,
    http2: bool,
    errors: &mut Errors,
) {
    let key = view.key("cipher_suites");
    if suites.named == 0 {
        return;
    }
    if suites.here.is_empty() && maximum == TlsVersion::Tls12 {
        key.error(errors, "none of these is a supported suite of TLS 1.2");
    }
    let required = [CipherSuite::RsaAes128, CipherSuite::EcdsaAes128];
    if http2
        && minimum < TlsVersion::Tls13
        && !required.iter().any(|suite| suites.here.contains(suite))
    {
        key.error(
            errors,
            "HTTP/2 needs TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 among these, or http_server_config.http2: \
             false",
        );
    }
}
