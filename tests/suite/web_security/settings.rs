//! TLS and headers of the file, with curl.

use super::curl::curl;
use super::{NO_KAFKA, PATIENCE, Site, TLS, refused};
use crate::harness::{Exporter, command, eventually};

/// curl's exit codes.
const NO_CONNECTION: i32 = 35;
const UNKNOWN_ISSUER: i32 = 60;

#[test]
fn https_only() {
    let site = Site::new();
    let exporter = site.start(TLS);
    let answer = site.curl(&exporter, "/-/healthy", &[]);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "healthy\n"),
        "{answer:?}"
    );
    assert_eq!(answer.http, "2");
    let answer = site.curl(&exporter, "/-/healthy", &["--http1.1"]);
    assert_eq!(
        (answer.status, answer.http.as_str()),
        (200, "1.1"),
        "{answer:?}"
    );
    for version in ["1.2", "1.3"] {
        let answer = site.curl(&exporter, "/metrics", &["--tlsv1.2", "--tls-max", version]);
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
    }

    let unknown = curl(&[&format!("https://{}/", exporter.address())]);
    assert_eq!(unknown.exit, UNKNOWN_ISSUER, "{unknown:?}");
    let plain = curl(&[&exporter.url("/metrics")]);
    assert_eq!(plain.status, 0, "{plain:?}");
    let metrics = site.metrics(&exporter, &[]);
    assert!(refused(&metrics, "handshake") >= 2.0);
    metrics
        .metric("ticket_exporter_web_config_last_reload_successful")
        .is(1.0);
}

#[test]
fn versions_suites_and_curves() {
    let site = Site::new();
    let exporter = site.start(&format!("{TLS}  min_version: TLS13\n"));
    let old = site.curl(&exporter, "/", &["--tls-max", "1.2"]);
    assert_eq!(old.exit, NO_CONNECTION, "{old:?}");
    assert_eq!(site.curl(&exporter, "/", &[]).status, 200);

    let exporter = site.start(&format!(
        "{TLS}  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  \
         curve_preferences: [CurveP384]\nhttp_server_config: {{ http2: false }}\n"
    ));
    let with = |more: &[&str]| site.curl(&exporter, "/", more);
    let answer = with(&[]);
    assert_eq!(
        (answer.status, answer.http.as_str()),
        (200, "1.1"),
        "{answer:?}"
    );
    let right = [
        "--ciphers",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "--curves",
        // The certificate uses the other curve, which the client needs as well.
        "P-256:P-384",
    ];
    assert_eq!(with(&right).status, 200);
    for wrong in [
        ["--tlsv1.3", "--tls-max", "1.3"].as_slice(),
        &["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        &["--curves", "P-256:X25519"],
    ] {
        let answer = with(wrong);
        assert_eq!(answer.exit, NO_CONNECTION, "{wrong:?}: {answer:?}");
    }
}

#[test]
fn headers_of_ours_and_of_the_file() {
    let site = Site::new();
    let plain = Exporter::start(&[], NO_KAFKA);
    let page = curl(&[&plain.url("/")]);
    assert!(
        page.header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    for path in ["/", "/metrics", "/-/healthy", "/nowhere"] {
        let answer = curl(&[&plain.url(path)]);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "deny"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            // This header is sent only if the file has it.
            ("strict-transport-security", ""),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {answer:?}");
        }
    }

    let exporter = site.start(&format!(
        "{TLS}http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    \
         Strict-Transport-Security: max-age=86400\n    Content-Security-Policy: default-src 'self'\n"
    ));
    for path in ["/", "/metrics", "/nowhere"] {
        let answer = site.curl(&exporter, path, &[]);
        for (name, value) in [
            ("x-frame-options", "sameorigin"),
            ("strict-transport-security", "max-age=86400"),
            ("content-security-policy", "default-src 'self'"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {answer:?}");
        }
    }
}

#[test]
fn the_rate_limit_applies() {
    let site = Site::new();
    let exporter = site.start("rate_limit: { interval: 1h, burst: 3 }\n");
    let statuses: Vec<u16> = (0..5).map(|_| exporter.get("/-/healthy").status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let refused = exporter.get("/metrics");
    assert_eq!(refused.header("retry-after"), "5");
    // A new limit starts a new bucket.
    site.write("web.yml", "rate_limit: { interval: 1h, burst: 100 }\n");
    eventually("another limit", PATIENCE, || {
        match exporter.get("/metrics").status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    });
}

#[test]
fn a_broken_file_prevents_the_start() {
    let site = Site::new();
    for (web, said) in [
        (
            "tls_server_config: { cert_file: server.crt }\n",
            "add key_file or key",
        ),
        (
            "basic_auth_users: { prometheus: hunter2 }\n",
            "must be a bcrypt hash",
        ),
        (
            "tls_server_config: { cert_file: absent.crt, key_file: server.key }\n",
            "absent.crt: cannot be read",
        ),
    ] {
        let flag = site.flag(web);
        let (exporter, status) =
            Exporter::run_to_end(&["serve", &flag], NO_KAFKA, Default::default());
        let logs = exporter.logs();
        assert_eq!(status.code(), Some(78), "{logs}");
        assert!(logs.contains(said) && !logs.contains("hunter2"), "{logs}");
    }
    let absent = format!("--web.config.file={}", site.text("absent.yml"));
    let (exporter, status) =
        Exporter::run_to_end(&["serve", &absent], NO_KAFKA, Default::default());
    assert_eq!(status.code(), Some(78));
    assert!(
        exporter.logs().contains("absent.yml: cannot be read"),
        "{}",
        exporter.logs()
    );
}

/// A key or variable names a path relative to the configuration file, a flag one relative to the working
/// directory.
#[test]
fn the_path_of_the_file() {
    let site = Site::new();
    site.write("broken.yml", "nonsense: 1\n");
    site.write("config.yaml", "web: { config_file: broken.yml }\n");
    site.write("empty.yaml", "");
    let run = |config: &str, flag: &[&str], variable: Option<&str>| {
        let mut command = command();
        command.arg("check-config").current_dir(site.folder.path());
        command.arg(format!("--config.file={config}")).args(flag);
        if let Some(variable) = variable {
            command.env("TICKET_EXPORTER_WEB_CONFIG_FILE", variable);
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let config = site.text("config.yaml");
    let empty = site.text("empty.yaml");
    for (code, said) in [
        run(&config, &[], None),
        run(&empty, &[], Some("broken.yml")),
        run("empty.yaml", &["--web.config.file", "broken.yml"], None),
    ] {
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains("broken.yml:1:11: nonsense: unknown key"),
            "{said}"
        );
    }
    assert_eq!(run(&empty, &[], None).0, Some(0));
}
