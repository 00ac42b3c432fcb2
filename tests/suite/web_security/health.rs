//! `healthcheck` with exporters whose configuration is valid, or became invalid after their start.

use super::{HASH, NO_KAFKA, PASSWORD, Site, TLS};
use crate::harness::{Exporter, command, free_port};

/// The exit code and the printed line.
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
    assert!(said.contains("does not respond"), "{said}");

    let exporter = Exporter::start(&["serve", &listen], NO_KAFKA);
    assert_eq!(check(&[&listen]), (0, "healthy\n".to_owned()));
    let url = exporter.url("/");
    assert_eq!(check(&["--url", &url]).0, 0);
    // Without a broker it is healthy, but never ready.
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
    assert!(said.contains("requires a client certificate"), "{said}");
    let (code, said) = with(&["--ready"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--cert"), "{said}");

    let (certificate, key) = (site.text("client.crt"), site.text("client.key"));
    let shown = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let (code, said) = with(&shown);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("requires a password"), "{said}");
    site.write("good", format!("{PASSWORD}\n"));
    site.write("bad", "wrong");
    let login = |file: &str| {
        let file = site.text(file);
        let login = ["--username", "probe", "--password-file", file.as_str()];
        with(&[shown.as_slice(), &login].concat())
    };
    assert_eq!(login("good"), (0, "healthy\n".to_owned()));
    let (code, said) = login("bad");
    assert_eq!(
        (code, said.as_str()),
        (1, "the exporter rejects the name or password\n")
    );

    // The password needs our certificate.
    site.write("other.yml", web.replace("server.", "other."));
    let other = format!("--web.config.file={}", site.text("other.yml"));
    let good = site.text("good");
    let login = ["--username", "probe", "--password-file", &good];
    let (code, said) = check(&[[listen.as_str(), &other].as_slice(), &shown, &login].concat());
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("does not respond: invalid peer certificate"),
        "{said}"
    );
}

/// A liveness probe must not kill a process because its configuration file became invalid.
#[test]
fn a_broken_configuration_file_is_not_a_broken_exporter() {
    let config = |more: &str| format!("{NO_KAFKA}{more}web:\n  listen: [\":{}\"]\n", free_port());
    let sound = config("");
    let exporter = Exporter::start(&["serve", "--web.route-prefix=/kpi"], &sound);
    let file = format!(
        "--config.file={}",
        exporter.folder().join("config.yaml").display()
    );
    let listen = format!("--web.listen-address={}", exporter.address());
    let prefix = "--web.route-prefix=/kpi";
    let healthy = |arguments: &[&str]| {
        let (code, said) = check(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert!(said.starts_with("healthy\n"), "{said}");
        said
    };
    assert_eq!(healthy(&[&file, &listen, prefix]), "healthy\n");
    for broken in [
        "no_such_key: 1\n",
        "stream: { grace: soon }\nkafka: { topic: t }\n",
        "kafka: [\n",
        "web: { listen: [nonsense] }\n",
    ] {
        exporter.write_config(broken);
        healthy(&[&file, &listen, prefix]);
    }
    std::fs::remove_file(exporter.folder().join("config.yaml")).unwrap();
    let said = healthy(&[&file, &listen, prefix]);
    assert!(
        said.contains("note:") && said.contains("config.yaml"),
        "{said}"
    );

    // With a URL the command reads no file.
    let url = format!("http://{}/kpi", exporter.address());
    assert_eq!(healthy(&["--url", &url]), "healthy\n");
    assert_eq!(healthy(&["--url", &url, &file]), "healthy\n");
    assert_eq!(
        healthy(&["--url", &url, "--web.config.file=/nowhere/web.yml"]),
        "healthy\n"
    );
}

/// Only the file has the address, and another place in it is invalid.
#[test]
fn the_address_is_found_in_a_file_that_is_invalid_elsewhere() {
    let port = free_port();
    let web = format!(
        "web:\n  listen: [\"127.0.0.1:{port}\"]\n  external_url: https://example.com/kpi\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ticket-exporter.yaml");
    let file = format!("--config.file={}", path.display());
    let address = format!("127.0.0.1:{port}");
    let arguments = ["serve", "--web.external-url=https://example.com/kpi"];
    let listen = format!("--web.listen-address={address}");
    let _exporter = Exporter::start(&[arguments.as_slice(), &[&listen]].concat(), NO_KAFKA);
    for (broken, note) in [
        (format!("{web}kafka: [\n"), true),
        (
            format!("kafka: {{ brokers: [\n{web}exemplars: false\n"),
            true,
        ),
        (format!("{web}no_such_key: 1\n"), false),
    ] {
        std::fs::write(&path, &broken).unwrap();
        let (code, said) = check(&[&file]);
        assert_eq!(code, 0, "{broken}{said}");
        assert_eq!(said.contains("note:"), note, "{said}");
    }
}

#[test]
fn a_broken_web_configuration_file_is_not_a_broken_exporter() {
    let site = Site::new();
    let listen = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let web = format!("{TLS}basic_auth_users: {{ probe: {HASH} }}\n");
    let flag = site.flag(&web);
    let _exporter = Exporter::start(&["serve", &listen, &flag], NO_KAFKA);
    site.write("password", PASSWORD);
    let password = site.text("password");
    let login = ["--username", "probe", "--password-file", &password];
    let with = |more: &[&str]| check(&[&[listen.as_str(), flag.as_str()], more].concat());
    assert_eq!(with(&login), (0, "healthy\n".to_owned()));
    for (broken, logs_in) in [
        (
            format!("{TLS}basic_auth_users: {{ probe: hunter2 }}\n"),
            true,
        ),
        (format!("{TLS}basic_auth_users: {{\n"), true),
        ("tls_server_config: [\n".to_owned(), false),
    ] {
        site.write("web.yml", &broken);
        let (code, said) = with(&[]);
        assert_eq!(code, 0, "{broken}{said}");
        assert!(said.contains("requires a password"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let (code, said) = with(&login);
        assert_eq!(code, 0, "{broken}{said}");
        assert_eq!(said.starts_with("healthy\n"), logs_in, "{broken}{said}");
    }
    std::fs::remove_file(site.path("web.yml")).unwrap();
    let (code, said) = with(&login);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("requires a password"), "{said}");
}
