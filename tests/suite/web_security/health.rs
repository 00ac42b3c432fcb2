//! `healthcheck` against the exporter of its own configuration.

use super::{HASH, NO_KAFKA, PASSWORD, Site, TLS};
use crate::harness::{Exporter, command, free_port};

/// Exit code and the line it printed.
#[track_caller]
fn check(arguments: &[&str]) -> (i32, String) {
    let output = command()
        .arg("healthcheck")
        .args(arguments)
        .output()
        .unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(line.lines().count() <= 1, "{line}");
    (output.status.code().unwrap(), line + &error)
}

#[test]
fn the_address_is_that_of_the_configuration() {
    let port = free_port();
    let listen = format!("--web.listen-address=:{port}");
    let (code, said) = check(&[&listen]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("does not answer"), "{said}");

    let exporter = Exporter::start(&["serve", &listen], NO_KAFKA);
    assert_eq!(check(&[&listen]), (0, "healthy\n".to_owned()));
    let url = exporter.url("/");
    assert_eq!(check(&["--url", &url]).0, 0);
    // There is no broker: it is healthy, and never ready.
    let (code, said) = check(&[&listen, "--ready"]);
    assert_eq!(code, 1);
    assert!(said.starts_with("503 not ready - "), "{said}");
}

#[test]
fn through_tls_certificates_and_passwords() {
    let site = Site::new();
    let listen = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let web = format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n\
         basic_auth_users: {{ probe: {HASH} }}\n"
    );
    let flag = site.flag(&web);
    let _exporter = Exporter::start(&["serve", &listen, &flag], NO_KAFKA);
    let own = [listen.as_str(), flag.as_str()];
    let with = |more: &[&str]| check(&[own.as_slice(), more].concat());
    let (code, said) = with(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("asks for a client certificate"), "{said}");
    let (code, said) = with(&["--ready"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--cert"), "{said}");

    let (certificate, key) = (site.text("client.crt"), site.text("client.key"));
    let shown = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let (code, said) = with(&shown);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("asks for a password"), "{said}");
    site.write("good", format!("{PASSWORD}\n"));
    site.write("bad", "wrong");
    let login = |file: &str| {
        let file = site.text(file);
        let login = ["--username", "probe", "--password-file", file.as_str()];
        with(&[shown.as_slice(), &login].concat())
    };
    assert_eq!(login("good"), (0, "healthy\n".to_owned()));
    let (code, said) = login("bad");
    assert_eq!((code, said.as_str()), (1, "name or password is wrong\n"));

    // The password is for whoever has our certificate.
    site.write("other.yml", web.replace("server.", "other."));
    let other = format!("--web.config.file={}", site.text("other.yml"));
    let good = site.text("good");
    let login = ["--username", "probe", "--password-file", &good];
    let (code, said) = check(&[[listen.as_str(), &other].as_slice(), &shown, &login].concat());
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("does not answer: invalid peer certificate"),
        "{said}"
    );
}
