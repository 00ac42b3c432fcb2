//! Tests of values and defaults, and that no text causes a panic. `tests/web_config` tests messages.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const HASH: &str = "$2y$10$abcdefghijklmnopqrstuu1SwD0bzRjMCptAMfZGKFhzTGIE1aPuG";

fn parse(text: &str) -> Result<WebFile, String> {
    WebFile::parse(Path::new("/etc/web.yml"), text)
        .map(|(file, _)| file)
        .map_err(|errors| errors.to_string())
}

fn tls(more: &str) -> ServerTls {
    let text = format!("tls_server_config: {{cert_file: a/s.crt, key: secret-key, {more}}}");
    parse(&text).unwrap().tls.unwrap()
}

#[test]
fn an_empty_file_enables_nothing() {
    for text in [
        "",
        "# nothing\n",
        "tls_server_config: {}\nbasic_auth_users: {}\n",
    ] {
        assert_eq!(parse(text), Ok(WebFile::default()), "{text}");
    }
    assert!(WebFile::default().http.http2);
}

#[test]
fn defaults_of_tls() {
    let tls = tls("");
    assert_eq!(
        tls.certificate.source,
        PemSource::File(PathBuf::from("/etc/a/s.crt"))
    );
    assert_eq!(tls.key.source, PemSource::Text("secret-key".to_owned()));
    assert_eq!(tls.client_auth, ClientAuth::None);
    assert_eq!(
        (tls.minimum, tls.maximum),
        (TlsVersion::Tls12, TlsVersion::Tls13)
    );
    assert_eq!(
        (tls.cipher_suites, tls.curves, tls.allowed_names),
        (None, None, None)
    );
    assert!(tls.prefers_own_order);
}

#[test]
fn values_of_tls() {
    let tls = tls(
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: /ca.crt, \
         client_allowed_sans: [a, 10.0.0.1], min_version: TLS13, \
         cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256], \
         curve_preferences: [X25519, CurveP521, CurveP256], prefer_server_cipher_suites: no",
    );
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerify);
    let names = ["a", "10.0.0.1"].map(str::to_owned).to_vec();
    assert_eq!(tls.allowed_names, Some(names));
    assert_eq!(tls.minimum, TlsVersion::Tls13);
    assert_eq!(tls.cipher_suites, Some(vec![CipherSuite::RsaAes256]));
    assert_eq!(tls.curves, Some(vec![Curve::X25519, Curve::P256]));
    assert!(!tls.prefers_own_order);
}

#[test]
fn the_files_that_are_named() {
    let file = parse(
        "tls_server_config: {cert_file: s.crt, key_file: /k/s.key, client_ca: inline, \
         client_auth_type: RequireAnyClientCert}",
    );
    let file = file.unwrap();
    let named: Vec<&Path> = file.named_files().collect();
    assert_eq!(named, [Path::new("/etc/s.crt"), Path::new("/k/s.key")]);
}

#[test]
fn the_other_sections() {
    let text = format!(
        "http_server_config: {{http2: off, headers: {{X-Frame-Options: deny, X-XSS-Protection: ''}}}}\n\
         basic_auth_users: {{a: {HASH}}}\nrate_limit: {{interval: 250ms, burst: 2}}\n"
    );
    let file = parse(&text).unwrap();
    assert!(!file.http.http2);
    assert_eq!(file.http.headers, [("X-Frame-Options", "deny".to_owned())]);
    assert_eq!(
        (file.users[0].name.as_str(), file.users[0].hash.cost()),
        ("a", 10)
    );
    let limit = RateLimit {
        interval: Duration::from_millis(250),
        burst: 2,
    };
    assert_eq!(file.rate_limit, Some(limit));
    let shown = format!("{file:?} {:?}", tls(""));
    for secret in [HASH, &HASH[30..], "secret-key"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn all_problems_are_reported_in_order_and_without_secrets() {
    let said = parse(
        "basic_auth_users: {a: hunter2}\ntls_server_config: {key: hunter2, min_version: 1}\nx: 1\n",
    );
    let said = said.unwrap_err();
    let places: Vec<&str> = said
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "basic_auth_users.a",
            "tls_server_config",
            "tls_server_config.min_version",
            "x"
        ],
        "{said}"
    );
    assert!(said.starts_with("/etc/web.yml:1:23: "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z0-9_:{}\\[\\], \n$./#&*!'\"-]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&format!("tls_server_config: {text}"));
        let _ = PasswordHash::parse(&text);
    }
}
