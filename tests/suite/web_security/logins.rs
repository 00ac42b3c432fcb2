//! Names and passwords, with curl.

use super::curl::curl;
use super::{HASH, OTHER_HASH, OTHER_PASSWORD, PASSWORD, Site, TLS, refused};

#[test]
fn every_path_requires_a_password() {
    let site = Site::new();
    let exporter = site.start(&format!(
        "{TLS}basic_auth_users:\n  prometheus: {HASH}\n  grafana: {OTHER_HASH}\n"
    ));
    let as_user = |path: &str, login: &str| site.curl(&exporter, path, &["--user", login]);
    let good = format!("prometheus:{PASSWORD}");
    for path in ["/", "/metrics", "/api/v1/kpis", "/-/healthy", "/nowhere"] {
        let answer = site.curl(&exporter, path, &[]);
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Basic realm="),
            "{answer:?}"
        );
        assert_eq!(answer.header("x-frame-options"), "deny");
        assert!(!answer.body.contains("ticket_"), "{path}: {answer:?}");
        assert_ne!(as_user(path, &good).status, 401, "{path}");
    }
    assert_eq!(
        as_user("/metrics", &format!("grafana:{OTHER_PASSWORD}")).status,
        200
    );
    for wrong in [
        "prometheus:wrong",
        "prometheus:",
        &format!("grafana:{PASSWORD}"),
        &format!("unknown:{PASSWORD}"),
        &format!("Prometheus:{PASSWORD}"),
        ":",
    ] {
        assert_eq!(as_user("/metrics", wrong).status, 401, "{wrong}");
    }
    let post = site.curl(
        &exporter,
        "/metrics",
        &["--user", &good, "--request", "POST"],
    );
    assert_eq!(post.status, 405, "{post:?}");
    for wrong in ["Basic", "Basic %%%", "Bearer x", "Basic cHJvbWV0aGV1cw=="] {
        let header = format!("authorization: {wrong}");
        let answer = site.curl(&exporter, "/metrics", &["--header", &header]);
        assert_eq!(answer.status, 401, "{wrong}");
    }
    let metrics = site.metrics(&exporter, &["--user", &good]);
    assert!(refused(&metrics, "login") >= 15.0);
    let logs = exporter.logs();
    for secret in [HASH, OTHER_HASH, PASSWORD, "cHJvbWV0aGV1cw"] {
        assert!(!logs.contains(secret), "{secret} in {logs}");
    }
}

#[test]
fn logins_without_tls() {
    let site = Site::new();
    let exporter = site.start(&format!("basic_auth_users: {{ prometheus: {HASH} }}\n"));
    let url = exporter.url("/metrics");
    assert_eq!(curl(&[&url]).status, 401);
    let good = format!("prometheus:{PASSWORD}");
    assert_eq!(curl(&["--user", &good, &url]).status, 200);
    assert!(
        exporter
            .logs()
            .contains("clients send passwords unencrypted over the network")
    );
}
