use super::super::load;
use super::*;
use crate::config::Config;

fn load_kafka(yaml: &str) -> Result<(Config, String), String> {
    let text = format!("kafka: {yaml}");
    let file = Path::new("/etc/helpdesk.yaml");
    load(Some(file), [], &[], &mut |_| Ok(text.clone()))
        .map(|loaded| {
            let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
            (loaded.config, warnings.join("\n"))
        })
        .map_err(|errors| errors.to_string())
}

fn read(yaml: &str) -> KafkaSecurity {
    load_kafka(yaml).unwrap().0.kafka.security
}

#[test]
fn valid_settings_are_read() {
    assert_eq!(read("{}"), KafkaSecurity::default());
    let read = read(
        "{tls: {ca_file: ca.pem, certificate_file: /c.pem, key_file: k.pem, key_password: hunter2}, \
         sasl: {oauth: {token_url: \"https://login/token\", client_id: 7, \
         client_secret_file: s, scope: kafka, extensions: {poolId: a b}, ca_file: o.pem}}}",
    );
    let expected = KafkaSecurity {
        protocol: Some(SecurityProtocol::SaslSsl),
        tls: KafkaTls {
            ca_file: Some("/etc/ca.pem".into()),
            identity: Some(KafkaCertificate {
                certificate_file: "/c.pem".into(),
                key_file: "/etc/k.pem".into(),
                key_password: Some(Secret::Text("hunter2".to_owned())),
            }),
        },
        sasl: KafkaSasl {
            mechanism: Some(SaslMechanism::OauthBearer),
            oauth: Some(OAuth {
                token_url: "https://login/token".to_owned(),
                client_id: "7".to_owned(),
                client_secret: Secret::File("/etc/s".into()),
                scope: Some("kafka".to_owned()),
                extensions: [("poolId".to_owned(), "a b".to_owned())].into(),
                ca_file: Some("/etc/o.pem".into()),
            }),
            ..KafkaSasl::default()
        },
    };
    assert_eq!(read, expected);
}

#[test]
fn the_protocol_follows_from_the_other_settings() {
    for (yaml, protocol) in [
        ("{}", None),
        ("{tls: {ca_file: a}}", Some(SecurityProtocol::Ssl)),
        ("{tls: {}, sasl: {password:, oauth: {scope:}}}", None),
        (
            "{sasl: {mechanism: PLAIN, username: a, password: b}}",
            Some(SecurityProtocol::SaslSsl),
        ),
        (
            "{security_protocol: sasl_plaintext, \
             sasl: {mechanism: scram-sha-512, username: a, password: b}}",
            Some(SecurityProtocol::SaslPlaintext),
        ),
        ("{security_protocol: SSL}", Some(SecurityProtocol::Ssl)),
        (
            "{tls: {ca_file: a}, properties: {security.protocol: sasl_ssl}}",
            None,
        ),
    ] {
        assert_eq!(read(yaml).protocol, protocol, "{yaml}");
    }
}

#[test]
fn properties_may_contain_missing_settings() {
    for yaml in [
        "{sasl: {mechanism: plain, username: a}, properties: {sasl.password: b}}",
        "{sasl: {mechanism: plain, password: b}, properties: {sasl.username: a}}",
        "{sasl: {username: a, password: b}, properties: {sasl.mechanism: PLAIN}}",
        "{security_protocol: sasl_ssl, \
         properties: {sasl.mechanisms: PLAIN, sasl.username: a, sasl.password: b}}",
    ] {
        load_kafka(yaml).unwrap();
    }
}

#[test]
fn mistakes_are_reported_with_their_key() {
    let login = "mechanism: plain, username: a, password: hunter2";
    let oauth = "client_id: a, client_secret: hunter2";
    for (yaml, said) in [
        (
            "{security_protocol: tls}",
            "kafka.security_protocol: must be plaintext, ssl",
        ),
        (
            "{security_protocol: sasl_ssl}",
            "kafka.security_protocol: needs kafka.sasl",
        ),
        (
            "{security_protocol: plaintext, tls: {ca_file: a}}",
            "kafka.tls: has no effect with security_protocol: plaintext",
        ),
        (
            &format!("{{security_protocol: ssl, sasl: {{{login}}}}}"),
            "kafka.sasl: has no effect with security_protocol: ssl",
        ),
        (
            "{tls: {certificate_file: a}}",
            "kafka.tls.certificate_file: needs kafka.tls.key_file",
        ),
        (
            "{tls: {key_file: a}}",
            "kafka.tls.key_file: needs kafka.tls.certificate_file",
        ),
        (
            "{tls: {key_password: hunter2}}",
            "kafka.tls: has a key_password but no key_file",
        ),
        (
            "{tls: {certificate_file: a, key_file: b, key_password: hunter2, key_password_file: c}}",
            "kafka.tls.key_password_file: conflicts with key_password",
        ),
        ("{tls: {ca: a}}", "kafka.tls.ca: unknown key"),
        (
            "{sasl: {username: a, password: hunter2}}",
            "kafka.sasl: needs kafka.sasl.mechanism",
        ),
        (
            "{sasl: {mechanism: plain, username: a}}",
            "kafka.sasl.username: needs kafka.sasl.password",
        ),
        (
            "{sasl: {mechanism: plain, password: hunter2}}",
            "kafka.sasl: needs kafka.sasl.username",
        ),
        (
            "{sasl: {mechanism: plain, username: a, password: hunter2, password_file: b}}",
            "kafka.sasl.password_file: conflicts with password",
        ),
        (
            "{sasl: {mechanism: md5}}",
            "kafka.sasl.mechanism: must be plain, scram-sha-256",
        ),
        (
            "{sasl: {mechanism: GSSAPI}}",
            "kafka.sasl.mechanism: GSSAPI (Kerberos) is not built in",
        ),
        (
            "{properties: {sasl.mechanisms: GSSAPI}}",
            "kafka.properties.sasl.mechanisms: GSSAPI (Kerberos) is not built in",
        ),
        (
            "{properties: {sasl.oauthbearer.method: oidc}}",
            "kafka.properties.sasl.oauthbearer.method: is not built in; use kafka.sasl.oauth",
        ),
        (
            "{sasl: {mechanism: oauthbearer}}",
            "kafka.sasl.mechanism: oauthbearer needs kafka.sasl.oauth",
        ),
        (
            &format!("{{sasl: {{{login}, oauth: {{token_url: \"https://t\", {oauth}}}}}}}"),
            "kafka.sasl.oauth: requires kafka.sasl.mechanism: oauthbearer",
        ),
        (
            &format!("{{sasl: {{oauth: {{{oauth}}}}}}}"),
            "kafka.sasl.oauth: needs kafka.sasl.oauth.token_url",
        ),
        (
            "{sasl: {oauth: {token_url: \"https://t\", client_id: a}}}",
            "kafka.sasl.oauth: needs client_secret or client_secret_file",
        ),
        (
            &format!("{{sasl: {{oauth: {{token_url: \"https://u:hunter2@t\", {oauth}}}}}}}"),
            "kafka.sasl.oauth.token_url: must not contain a login",
        ),
        (
            &format!(
                "{{sasl: {{oauth: {{token_url: \"https://t\", {oauth}, extensions: {{a_b: c}}}}}}}}"
            ),
            "kafka.sasl.oauth.extensions.a_b: is not a valid name of an extension",
        ),
    ] {
        let errors = load_kafka(yaml).unwrap_err();
        assert!(errors.contains(said), "{yaml}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn unencrypted_secrets_cause_warnings() {
    let oauth = "client_id: a, client_secret: b";
    for (yaml, warned) in [
        ("{security_protocol: sasl_plaintext, sasl: {mechanism: plain, username: a, password: b}}".to_owned(), true),
        ("{security_protocol: sasl_plaintext, sasl: {mechanism: scram-sha-256, username: a, password: b}}".to_owned(), false),
        (format!("{{sasl: {{oauth: {{token_url: \"http://login/t\", {oauth}}}}}}}"), true),
        (format!("{{sasl: {{oauth: {{token_url: \"http://127.0.0.1:1/t\", {oauth}}}}}}}"), false),
        (format!("{{sasl: {{oauth: {{token_url: \"http://[::1]:1/t\", {oauth}}}}}}}"), false),
    ] {
        let (_, warnings) = load_kafka(&yaml).unwrap();
        assert_eq!(warnings.contains("unencrypted over the network"), warned, "{yaml}: {warnings}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let (config, _) = load_kafka(
        "{tls: {certificate_file: c, key_file: k, key_password: hunter2}, \
         sasl: {mechanism: plain, username: me, password: hunter2}}",
    )
    .unwrap();
    for shown in [format!("{config:?}"), config.summary()] {
        assert!(
            shown.contains("me") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
    let (config, _) = load_kafka(
        "{sasl: {oauth: {token_url: \"https://t\", client_id: me, client_secret: hunter2}}}",
    )
    .unwrap();
    for shown in [format!("{config:?}"), config.summary()] {
        assert!(
            shown.contains("me") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
