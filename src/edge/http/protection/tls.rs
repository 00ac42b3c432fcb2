//! Builds the configuration of rustls from certificates and settings.

use std::fs;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::{self, cipher_suite as suites, kx_group as groups};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::client_certificates;
use crate::config::web_file::{CipherSuite, Curve, Pem, PemSource, ServerTls, TlsVersion};
use crate::config::{ConfigErrors, ConfigProblem};

/// Reads the certificates. Blocks.
///
/// # ConfigErrors
/// All certificates that cannot be read or used.
pub(super) fn server_config(tls: &ServerTls, http2: bool) -> Result<ServerConfig, ConfigErrors> {
    let mut problems = Vec::new();
    let mut note = |problem| problems.push(problem);
    let certificate = certificates(&tls.certificate).map_err(&mut note).ok();
    let key = private_key(&tls.key).map_err(&mut note).ok();
    let client_ca = match &tls.client_ca {
        Some(pem) => certificates(pem).map_err(&mut note).ok(),
        None => Some(Vec::new()),
    };
    let provider = Arc::new(provider(tls));
    let build = || {
        let verifier = client_certificates::verifier(tls, client_ca?, &provider)
            .map_err(&mut note)
            .ok()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(tls))
            .map_err(|error| note(tls.certificate.problem(error)))
            .ok()?;
        builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificate?, key?)
            .map_err(|error| note(unfit(tls, &error)))
            .ok()
    };
    let Some(mut config) = build() else {
        return Err(ConfigErrors {
            errors: problems,
            warnings: Vec::new(),
        });
    };
    config.ignore_client_order = tls.prefers_own_order;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(config)
}

/// The server's own certificate, in DER.
///
/// # ConfigErrors
/// The certificate cannot be read.
pub fn leaf_certificate(pem: &Pem) -> Result<Vec<u8>, ConfigProblem> {
    let first = certificates(pem)?.into_iter().next();
    Ok(first.map(|first| first.to_vec()).unwrap_or_default())
}

/// The certificates in a PEM: at least one.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, ConfigProblem> {
    let bytes = bytes(pem)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(pem.problem("contains no certificate in PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(pem.problem(format!("is not valid PEM: {error}"))),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, ConfigProblem> {
    PrivateKeyDer::from_pem_slice(&bytes(pem)?)
        .map_err(|_| pem.problem("contains no private key in PEM, or only one with a password"))
}

fn bytes(pem: &Pem) -> Result<Vec<u8>, ConfigProblem> {
    match &pem.source {
        PemSource::Text(text) => Ok(text.clone().into_bytes()),
        PemSource::File(path) => {
            fs::read(path).map_err(|error| pem.problem(format!("cannot be read: {error}")))
        }
    }
}

/// Why certificate and key cannot be used together.
fn unfit(tls: &ServerTls, error: &Error) -> ConfigProblem {
    match error {
        Error::InconsistentKeys(_) => tls.key.problem("is not the key of the certificate"),
        Error::InvalidCertificate(_) => tls.certificate.problem(format!("cannot be used: {error}")),
        _ => tls.key.problem(format!("cannot be used: {error}")),
    }
}

/// The algorithms that rustls may use.
fn provider(tls: &ServerTls) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(chosen) = &tls.cipher_suites {
        let is_of_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        provider.cipher_suites.retain(is_of_13);
        provider
            .cipher_suites
            .extend(chosen.iter().copied().map(suite));
    }
    if let Some(chosen) = &tls.curves {
        provider.kx_groups = chosen.iter().copied().map(group).collect();
    }
    provider
}

/// The versions of TLS: at least one.
fn versions(tls: &ServerTls) -> Vec<&'static SupportedProtocolVersion> {
    let mut versions = Vec::new();
    let has_suites = tls
        .cipher_suites
        .as_ref()
        .is_none_or(|chosen| !chosen.is_empty());
    if tls.minimum == TlsVersion::Tls12 && has_suites {
        versions.push(&TLS12);
    }
    if tls.maximum == TlsVersion::Tls13 {
        versions.push(&TLS13);
    }
    versions
}

fn suite(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::EcdsaAes128 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes128 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes256 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaChaCha20 => suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519 => groups::X25519,
        Curve::P256 => groups::SECP256R1,
        Curve::P384 => groups::SECP384R1,
    }
}
