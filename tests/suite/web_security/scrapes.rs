//! A real Prometheus that scrapes through TLS, with client certificates and passwords.

use super::{HASH, PASSWORD, PATIENCE, Site, TLS};
use crate::harness::{Prometheus, PrometheusOptions, eventually};

/// A Prometheus with these lines in its scrape job.
fn prometheus(target: &str, job: &str) -> Prometheus {
    let options = PrometheusOptions {
        job: job.to_owned(),
        ..PrometheusOptions::default()
    };
    Prometheus::start(&[target.to_owned()], &options)
}

#[test]
fn prometheus_with_right_and_wrong_settings() {
    let site = Site::new();
    let exporter = site.start(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n\
         basic_auth_users: {{ prometheus: {HASH} }}\n"
    ));
    let target = exporter.address();
    let tls = |client: &str| {
        format!(
            "scheme: https\ntls_config:\n  ca_file: {}\n  cert_file: {}\n  key_file: {}\n",
            site.text("ca.crt"),
            site.text(&format!("{client}.crt")),
            site.text(&format!("{client}.key")),
        )
    };
    let login =
        |password: &str| format!("basic_auth:\n  username: prometheus\n  password: {password}\n");
    let good = prometheus(&target, &(tls("client") + &login(PASSWORD)));
    good.wait_until_up(PATIENCE);
    assert_eq!(
        good.value("ticket_exporter_web_config_last_reload_successful"),
        1.0
    );
    // Its connection stays open, and its password is checked once.
    good.wait_for("count_over_time(up[1m])", PATIENCE, |scrapes| {
        scrapes >= 4.0
    });
    assert_eq!(good.value("min_over_time(up[1m])"), 1.0);
    let failed = "ticket_exporter_web_refused_total{reason=~\"login|handshake\"}";
    assert_eq!(good.value(&format!("sum({failed})")), 0.0);

    for (job, said) in [
        (tls("client") + &login("wrong"), "401"),
        (tls("stranger") + &login(PASSWORD), "tls:"),
        (tls("client"), "401"),
        (login(PASSWORD), "malformed HTTP response"),
    ] {
        let wrong = prometheus(&target, &job);
        eventually("a failed scrape", PATIENCE, || {
            let targets = wrong.targets();
            let mut all = targets.iter();
            let is_down = !targets.is_empty()
                && all.all(|target| target.health == "down" && target.last_error.contains(said));
            if is_down {
                Ok(())
            } else {
                Err(format!("{said}: {targets:?}"))
            }
        });
    }
    good.wait_for(&format!("sum({failed})"), PATIENCE, |refused| {
        refused >= 3.0
    });
}
