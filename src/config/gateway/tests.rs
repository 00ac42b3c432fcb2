use std::path::{Path, PathBuf};

use super::super::{Config, LoadedConfig, load};
use super::*;
use crate::config::Secret;
use crate::domain::webhook::HookAuthentication;

fn loaded(yaml: &str) -> Result<LoadedConfig, String> {
    let file = Path::new("/etc/helpdesk.yaml");
    load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned())).map_err(|errors| errors.to_string())
}

fn gateway(yaml: &str) -> Gateway {
    let config: Config = loaded(yaml)
        .unwrap_or_else(|error| panic!("{error}"))
        .config;
    config.gateway.unwrap()
}

#[test]
fn a_sender_brings_its_headers() {
    let gateway = gateway(
        "kafka: { topics: [a] }\ngateway: { hooks: { gh: { auth: github, secret_file: s, headers: [X-Trace, X-GitHub-Event] } } }",
    );
    assert_eq!(gateway.listen, [ListenAddress::Every(10048)]);
    assert_eq!(gateway.topics(), ["a"]);
    let hook = &gateway.hooks["gh"];
    assert_eq!(
        hook.headers,
        ["x-github-event", "x-github-delivery", "x-trace"]
    );
    assert_eq!(hook.secrets, [Secret::File(PathBuf::from("/etc/s"))]);
    assert!(hook.authentication.covers_body());
}

#[test]
fn a_generic_signature_is_read() {
    let gateway = gateway(
        "gateway:\n  timeout: 2s\n  hooks:\n    own:\n      topic: b\n      key: .ticket.id\n      auth: hmac\n      \
         secret: hunter1\n      next_secret: hunter2\n      hmac:\n        header: X-Sig\n        algorithm: sha512\n        \
         encoding: base64\n        prefix: 'v0='\n        timestamp_header: X-Time\n        tolerance: 1m\n        \
         signed: 'v0:{timestamp}:{body}'\n",
    );
    assert_eq!(gateway.timeout, 2_000);
    let hook = &gateway.hooks["own"];
    assert_eq!(hook.secrets.len(), 2);
    let HookAuthentication::Signature(scheme) = &hook.authentication else {
        panic!("a signature")
    };
    assert_eq!(scheme.header, "x-sig");
    assert_eq!(scheme.time.as_ref().unwrap().tolerance, 60_000);
    assert!(!format!("{hook:?}").contains("hunter"), "{hook:?}");
}

#[test]
fn without_hooks_there_is_no_gateway() {
    assert_eq!(
        loaded("gateway: { timeout: 1s }").unwrap().config.gateway,
        None
    );
}

#[test]
fn an_open_hook_is_warned_about() {
    let warnings = loaded("gateway: { hooks: { a: { auth: none } } }")
        .unwrap()
        .warnings;
    assert_eq!(warnings.len(), 1);
    let text = warnings[0].to_string();
    assert!(
        text.contains("gateway.hooks.a.auth: everyone who reaches"),
        "{text}"
    );
}

#[test]
fn mistakes_are_reported_with_their_keys() {
    for (hook, expected) in [
        ("{ secret: x }", "gateway.hooks.a.auth: is required"),
        (
            "{ auth: gihub, secret: x }",
            "gateway.hooks.a.auth: no authentication \"gihub\"; did you mean github?",
        ),
        (
            "{ auth: github }",
            "gateway.hooks.a: has no secret; add secret_file",
        ),
        (
            "{ auth: github, secret: '' }",
            "gateway.hooks.a.secret: must not be empty",
        ),
        (
            "{ auth: github, secret: x, secret_file: y }",
            "gateway.hooks.a.secret_file: conflicts with secret",
        ),
        (
            "{ auth: none, secret: x }",
            "gateway.hooks.a.secret: has no effect with auth: none",
        ),
        (
            "{ auth: github, secret: x, username: u }",
            "gateway.hooks.a.username: has no effect with auth: github",
        ),
        (
            "{ auth: github, secret: x, hmac: { header: h } }",
            "gateway.hooks.a.hmac: has no effect",
        ),
        (
            "{ auth: github, secret: x, url: 'https://a.example' }",
            "gateway.hooks.a.url: has no effect",
        ),
        (
            "{ auth: hubspot, secret: x }",
            "gateway.hooks.a.auth: needs url",
        ),
        (
            "{ auth: freshdesk, secret: x }",
            "gateway.hooks.a: has no username",
        ),
        (
            "{ auth: basic, secret: x, username: 'a:b' }",
            "gateway.hooks.a.username: must not contain a colon",
        ),
        (
            "{ auth: header, secret: x }",
            "gateway.hooks.a.header: is required",
        ),
        (
            "{ auth: header, secret: x, header: 'a b' }",
            "gateway.hooks.a.header: must be the name of a header",
        ),
        (
            "{ auth: hmac, secret: x }",
            "gateway.hooks.a.hmac.header: is required",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, signed: '{timestamp}{body}' } }",
            "gateway.hooks.a.hmac.signed: contains {timestamp}",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, timestamp_header: t } }",
            "gateway.hooks.a.hmac.timestamp_header: is useless",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, signed: '{url}' } }",
            "gateway.hooks.a.hmac.signed: must contain {body}",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, signed: '{x}' } }",
            "gateway.hooks.a.hmac.signed: \"{x}\" is none of",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, tolerance: 5m } }",
            "gateway.hooks.a.hmac.tolerance: has no effect",
        ),
        (
            "{ auth: hmac, secret: x, hmac: { header: h, algorithm: md5 } }",
            "gateway.hooks.a.hmac.algorithm: must be sha1 or sha256 or sha512",
        ),
        (
            "{ auth: bearer, secret: x, key: $timestamp }",
            "gateway.hooks.a.key: must start with a dot or $headers",
        ),
        (
            "{ auth: bearer, secret: x, headers: [Authorization] }",
            "gateway.hooks.a.headers[0]: must not be a header with a secret",
        ),
        (
            "{ auth: bearer, secret: x, topic: '^a' }",
            "gateway.hooks.a.topic: must not be a pattern",
        ),
        (
            "{ auth: bearer, secret: x, max_body_bytes: 0 }",
            "gateway.hooks.a.max_body_bytes: must be a whole number",
        ),
        (
            "{ auth: bearer, secret: x, toppic: a }",
            "gateway.hooks.a.toppic: unknown key; did you mean topic?",
        ),
    ] {
        let yaml = format!("gateway: {{ hooks: {{ a: {hook} }} }}");
        let error = loaded(&yaml).unwrap_err();
        assert!(error.contains(expected), "{hook}\n{error}");
    }
    let error = loaded(
        "kafka: { topics: [a, b] }\ngateway: { hooks: { 'x/y': { auth: bearer, secret: x } } }",
    )
    .unwrap_err();
    assert!(
        error.contains("topic: is required, because kafka.topics has several"),
        "{error}"
    );
    assert!(error.contains("the name must be letters"), "{error}");
    let error = loaded("gateway: { timeout: 2m, hooks: {} }").unwrap_err();
    assert!(
        error.contains("gateway.timeout: must be from 100ms to 1m"),
        "{error}"
    );
}
