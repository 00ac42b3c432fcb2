//! Signatures from published examples, and others that Python's `hmac` module has computed:
//! `hmac.new(SECRET, SIGNED, ALGORITHM)`, then `hexdigest()` or `base64.b64encode(….digest())`.

use super::*;
use crate::decode::decoder::Decoder;
use crate::domain::mapping::RecordPath;
use crate::domain::timestamp::{MINUTE, Timestamp};
use crate::domain::webhook::{
    HmacAlgorithm, HookAuthentication, SignatureEncoding, SignatureScheme, SignedPart, SignedTime,
    WebhookSender,
};

const SECRET: &str = "s3cret-ü";
const BODY: &str = r#"{"ticket":{"id":7},"text":"café"}"#;
/// 2026-03-04T05:06:07Z
const NOW: Timestamp = Timestamp(1_772_600_767_000);

fn known(sender: &str) -> HookAuthentication {
    WebhookSender::find(sender)
        .unwrap()
        .authentication("helpdesk")
}

fn check_request(
    authentication: &HookAuthentication,
    secrets: &[&str],
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(), AuthenticationRefusal> {
    let secrets: Vec<Vec<u8>> = secrets.iter().map(|one| one.as_bytes().to_vec()).collect();
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let request = HookRequest {
        method: "POST",
        url: "https://hooks.example.com/hooks/hubspot?a=1",
        headers: &headers,
        body: body.as_bytes(),
    };
    authenticate(authentication, &secrets, &request, NOW)
}

#[test]
fn published_examples_are_accepted() {
    let secret = "It's a Secret to Everybody";
    // docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = [("x-hub-signature-256", signature)];
    assert_eq!(
        check_request(&known("github"), &[secret], &headers, "Hello, World!"),
        Ok(())
    );
    // developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks
    let signature = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    let headers = [("x-hub-signature", signature)];
    assert_eq!(
        check_request(&known("jira"), &[secret], &headers, "Hello World!"),
        Ok(())
    );
}

#[test]
fn every_sender_is_recognized() {
    let sha1 = "sha1=5e7be10421eb98046e046f17cc551d7ea95a0cef";
    let sha256 = "sha256=565c0e505e3c8395e30a5d5ed951ec663ca25825dc84d3a2a08b8c70ada6d4d7";
    let basic = ("authorization", "Basic aGVscGRlc2s6czNjcmV0LcO8");
    let cases: [(&str, &[(&str, &str)]); 11] = [
        (
            "zendesk",
            &[
                (
                    "x-zendesk-webhook-signature",
                    "6rwZGLv4SbDea4OWs1a1aE2iPKvwYiGwNF9FyrPptEs=",
                ),
                (
                    "x-zendesk-webhook-signature-timestamp",
                    "2026-03-04T05:06:07Z",
                ),
            ],
        ),
        (
            "hubspot",
            &[
                (
                    "x-hubspot-signature-v3",
                    "oTOz04BigDfuOWDf+hGcQXVvVHaDoZ9enNAubIHiz+I=",
                ),
                ("x-hubspot-request-timestamp", "1772600767000"),
            ],
        ),
        (
            "chatwoot",
            &[
                (
                    "x-chatwoot-signature",
                    "sha256=18739a816a50ddf9ecbeb9961df5dcc7aaeddb2ffff2989cfc70fdf7bbf88751",
                ),
                ("x-chatwoot-timestamp", "1772600767"),
            ],
        ),
        ("github", &[("x-hub-signature-256", sha256)]),
        ("jira", &[("x-hub-signature", sha256)]),
        ("intercom", &[("x-hub-signature", sha1)]),
        ("zammad", &[("x-hub-signature", sha1)]),
        ("gitlab", &[("x-gitlab-token", SECRET)]),
        ("freshdesk", &[basic]),
        ("freshservice", &[basic]),
        ("servicenow", &[basic]),
    ];
    for (sender, headers) in cases {
        let authentication = known(sender);
        let check = |secrets: &[&str], body| check_request(&authentication, secrets, headers, body);
        assert_eq!(check(&[SECRET], BODY), Ok(()), "{sender}");
        assert_eq!(check(&["next", SECRET], BODY), Ok(()), "{sender}");
        let wrong = if authentication.covers_body() {
            assert!(check(&[SECRET], "{}").is_err(), "{sender}: another body");
            AuthenticationRefusal::WrongSignature
        } else {
            AuthenticationRefusal::WrongSecret
        };
        assert_eq!(check(&["other"], BODY), Err(wrong.clone()), "{sender}");
        assert_eq!(check(&[], BODY), Err(wrong), "{sender}");
        let missing = check_request(&authentication, &[SECRET], &[], BODY);
        assert!(
            matches!(missing, Err(AuthenticationRefusal::Missing { .. })),
            "{sender}"
        );
    }
}

#[test]
fn a_generic_signature_has_every_part() {
    let scheme = HookAuthentication::Signature(SignatureScheme {
        header: "x-signature".to_owned(),
        algorithm: HmacAlgorithm::Sha512,
        encoding: SignatureEncoding::Hex,
        prefix: "v0=".to_owned(),
        time: Some(SignedTime {
            header: "x-time".to_owned(),
            tolerance: MINUTE,
        }),
        signed: SignedPart::parse("v0:{timestamp}:{body}").unwrap(),
    });
    let signature = "v0=98f36279d16a761ee941ae864e4d1249050a608f98cc6b9b32d028ed12e738c8\
                     2b8ef444cfecabacf154d16f8c7e7e0e7d8b33ad4de780d3f19a991916b77b42";
    let upper = signature.replace("v0=98f36279d16a", "v0=98F36279D16A");
    let check = |signature: &str, time: &str| {
        let headers = [("x-signature", signature), ("x-time", time)];
        check_request(&scheme, &[SECRET], &headers, BODY)
    };
    assert_eq!(check(signature, "1772600767"), Ok(()));
    assert_eq!(check(&upper, "1772600767"), Ok(()));
    let unreadable = |header: &str| {
        Err(AuthenticationRefusal::Unreadable {
            header: header.to_owned(),
        })
    };
    for wrong in [&signature[3..], "v0=9", "v0=zz", "x"] {
        assert_eq!(
            check(wrong, "1772600767"),
            unreadable("x-signature"),
            "{wrong}"
        );
    }
    assert_eq!(check(signature, "yesterday"), unreadable("x-time"));
    assert_eq!(
        check("v0=98f3", "1772600767"),
        Err(AuthenticationRefusal::WrongSignature)
    );
    // The signature covers the time, so another time within the tolerance does not fit.
    assert_eq!(
        check(signature, "1772600766"),
        Err(AuthenticationRefusal::WrongSignature)
    );
    for far in ["1772600700", "1772600828", "-9223372036854775808"] {
        let stale = AuthenticationRefusal::Stale {
            header: "x-time".to_owned(),
        };
        let found = check(signature, far);
        assert!(
            found == Err(stale) || found == unreadable("x-time"),
            "{far}"
        );
    }
}

#[test]
fn bearer_tokens_are_checked() {
    let check = |value| {
        check_request(
            &HookAuthentication::Bearer,
            &["token"],
            &[("authorization", value)],
            BODY,
        )
    };
    assert_eq!(check("Bearer token"), Ok(()));
    assert_eq!(check("bearer  token"), Ok(()));
    assert_eq!(
        check("Bearer token2"),
        Err(AuthenticationRefusal::WrongSecret)
    );
    for wrong in ["token", "Basic token", "Bearer"] {
        assert!(
            matches!(check(wrong), Err(AuthenticationRefusal::Unreadable { .. })),
            "{wrong}"
        );
    }
    let open = check_request(&HookAuthentication::None, &[], &[], BODY);
    assert_eq!(open, Ok(()));
}

#[test]
fn content_types() {
    for (name, format) in [
        (None, Some(BodyFormat::Json)),
        (
            Some("application/json; charset=utf-8"),
            Some(BodyFormat::Json),
        ),
        (Some("Application/CloudEvents+JSON"), Some(BodyFormat::Json)),
        (Some("application/x-ndjson"), Some(BodyFormat::Lines)),
        (Some("application/x-www-form-urlencoded"), None),
        (Some("text/xml"), None),
        (Some(""), None),
    ] {
        assert_eq!(BodyFormat::of(name), format, "{name:?}");
    }
}

#[test]
fn bodies_are_split_unchanged() {
    let texts = |body: &'static str, format| {
        let records = split(body.as_bytes(), format)?;
        Ok(records
            .into_iter()
            .map(|one| std::str::from_utf8(one).unwrap())
            .collect::<Vec<_>>())
    };
    use BodyFormat::{Json, Lines};
    assert_eq!(
        texts(" {\"a\": 1.0 }\n", Json),
        Ok(vec![" {\"a\": 1.0 }\n"])
    );
    assert_eq!(
        texts("[ {\"a\" : 1}, [2],\n\"x\\u00e9\" ]", Json),
        Ok(vec!["{\"a\" : 1}", "[2]", "\"x\\u00e9\""])
    );
    assert_eq!(texts("[]", Json), Ok(vec![]));
    assert_eq!(
        texts("\u{feff}{\"a\":1}\r\n\n{\"b\":2}", Lines),
        Ok(vec!["{\"a\":1}", "{\"b\":2}"])
    );
    assert_eq!(texts("\u{feff} [1]", Json), Ok(vec!["1"]));
    for (body, format, refusal) in [
        ("", Json, BodyRefusal::Empty),
        (" \n", Json, BodyRefusal::Empty),
        (" \n", Lines, BodyRefusal::Empty),
        ("{\"a\":1", Json, BodyRefusal::NotJson),
        ("{} {}", Json, BodyRefusal::NotJson),
        ("[1,]", Json, BodyRefusal::NotJson),
        ("payload=%7B%7D", Json, BodyRefusal::NotJson),
        ("{}\n{", Lines, BodyRefusal::LineNotJson(2)),
    ] {
        assert_eq!(texts(body, format), Err(refusal), "{body}");
    }
    assert_eq!(split(b"\"\xff\"", Json), Err(BodyRefusal::NotJson));
    let many = format!("[{}1]", "1,".repeat(10_000));
    assert_eq!(
        split(many.as_bytes(), Json),
        Err(BodyRefusal::TooManyRecords)
    );
    assert_eq!(split(&[b'['; 100_000], Json), Err(BodyRefusal::NotJson));
}

#[test]
fn expansion_has_a_limit() {
    use std::io::Write;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(expand(&gzip(b"{}"), 2), Ok(b"{}".to_vec()));
    assert_eq!(
        expand(&gzip(b"{} "), 2),
        Err(BodyRefusal::TooLarge { limit: 2 })
    );
    let bomb = gzip(&vec![b' '; 10_000_000]);
    assert!(bomb.len() < 20_000);
    assert_eq!(
        expand(&bomb, 1_000),
        Err(BodyRefusal::TooLarge { limit: 1_000 })
    );
    assert_eq!(expand(b"{}", 1_000), Err(BodyRefusal::NotGzip));
    assert_eq!(
        expand(&bomb[..50], 1_000_000_000),
        Err(BodyRefusal::NotGzip)
    );
}

#[test]
fn keys_come_from_a_path_or_from_the_mapping() {
    let decoder = Decoder::default();
    let by = |path: &str| RecordKeys::new("t", Some(&RecordPath::parse(path).unwrap()), &decoder);
    let headers: [(&str, &[u8]); 1] = [("x-ticket", b"9")];
    assert_eq!(
        by(".ticket.id").key(BODY.as_bytes(), &headers, NOW),
        Some("7".to_owned())
    );
    assert_eq!(
        by("$headers.X-Ticket").key(BODY.as_bytes(), &headers, NOW),
        Some("9".to_owned())
    );
    for none in [".ticket", ".nothing", "$headers.other"] {
        assert_eq!(by(none).key(BODY.as_bytes(), &headers, NOW), None, "{none}");
    }
    let canonical = RecordKeys::new("t", None, &decoder);
    let event = br#"{"ticket_id":"T-1","type":"created","at":5,"event_id":"e"}"#;
    assert_eq!(canonical.key(event, &[], NOW), Some("T-1".to_owned()));
    assert_eq!(canonical.key(b"{}", &[], NOW), None);
}
