//! Every kind of client certificate with every `client_auth_type`.

use super::{CLIENT, Site, TLS};
use crate::harness::Exporter;

/// Whether curl gets an answer as that client; `""` sends no certificate.
fn is_let_in(site: &Site, exporter: &Exporter, client: &str) -> bool {
    let answer = match client {
        "" => site.curl(exporter, "/metrics", &[]),
        client => site.curl_as(client, exporter, "/metrics"),
    };
    match answer.status {
        200 => true,
        0 => {
            assert_ne!(answer.exit, 0, "{answer:?}");
            false
        }
        other => panic!("{client}: {other}: {answer:?}"),
    }
}

#[test]
fn every_type() {
    let site = Site::new();
    let ca = "  client_ca_file: ca.crt\n";
    for (kind, more, none, client, stranger) in [
        ("NoClientCert", "", true, true, true),
        ("RequestClientCert", "", true, true, true),
        ("RequireAnyClientCert", "", false, true, true),
        ("RequireClientCert", "", false, true, true),
        ("VerifyClientCertIfGiven", ca, true, true, false),
        ("RequireAndVerifyClientCert", ca, false, true, false),
    ] {
        let exporter = site.start(&format!("{TLS}  client_auth_type: {kind}\n{more}"));
        for (who, is_welcome) in [("", none), ("client", client), ("stranger", stranger)] {
            assert_eq!(
                is_let_in(&site, &exporter, who),
                is_welcome,
                "{kind}: {who:?}"
            );
        }
    }
}

#[test]
fn names_that_are_allowed() {
    let site = Site::new();
    let verify =
        format!("{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n");
    for (names, client, other) in [
        (CLIENT, true, false),
        ("other.example", false, true),
        ("127.0.0.1", true, true),
        ("unknown.example", false, false),
    ] {
        let exporter = site.start(&format!("{verify}  client_allowed_sans: [\"{names}\"]\n"));
        for (who, is_welcome) in [
            ("client", client),
            ("other", other),
            // The right name, but an unknown authority.
            ("stranger", false),
            ("", false),
        ] {
            assert_eq!(
                is_let_in(&site, &exporter, who),
                is_welcome,
                "{names}: {who:?}"
            );
        }
    }
}
