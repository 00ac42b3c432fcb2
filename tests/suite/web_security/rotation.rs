//! New and broken certificates and users at run time.

use std::fs;
use std::os::unix::fs::symlink;

use super::certificates::Authority;
use super::{HASH, OTHER_HASH, OTHER_PASSWORD, PASSWORD, PATIENCE, Site, TLS};
use crate::harness::{Exporter, eventually};

/// Waits for this status of a request with the present files of the folder.
#[track_caller]
fn wait_for(site: &Site, exporter: &Exporter, login: &str, status: u16) {
    let what = format!("{status} for {login}");
    eventually(&what, PATIENCE, || {
        let answer = site.curl(exporter, "/-/healthy", &["--user", login]);
        if answer.status == status {
            Ok(())
        } else {
            Err(format!("{answer:?}; log\n{}", exporter.logs()))
        }
    });
}

/// Waits until the metric says whether the present files are in force.
#[track_caller]
fn wait_until_successful(site: &Site, exporter: &Exporter, login: &str, successful: bool) {
    let name = "ticket_exporter_web_config_last_reload_successful";
    eventually(name, PATIENCE, || {
        let metrics = site.metrics(exporter, &["--user", login]);
        let (found, wanted) = (metrics.metric(name).value(), f64::from(successful));
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{found}; log\n{}", exporter.logs()))
        }
    });
}

#[test]
fn certificates_are_replaced_at_run_time() {
    let site = Site::new();
    let exporter = site.start(TLS);
    assert_eq!(site.curl(&exporter, "/", &[]).status, 200);

    // The files change one by one. In between they do not fit together, and the old ones stay in force.
    let authority = Authority::new("next year's");
    let (certificate, key) = authority.issue(&["localhost"]);
    site.write("server.crt", &certificate);
    wait_until_successful(&site, &exporter, ":", false);
    let problem = "is not the key of the certificate";
    assert!(exporter.logs().contains(problem), "{}", exporter.logs());
    site.write("server.key", &key);
    site.write("ca.crt", authority.certificate());
    wait_for(&site, &exporter, ":", 200);
    wait_until_successful(&site, &exporter, ":", true);

    // A file that is no certificate, and a missing file.
    site.write("server.crt", "-----BEGIN CERTIFICATE-----\n");
    wait_until_successful(&site, &exporter, ":", false);
    fs::remove_file(site.path("server.crt")).unwrap();
    wait_until_successful(&site, &exporter, ":", false);
    site.write("server.crt", &certificate);
    wait_until_successful(&site, &exporter, ":", true);
    // Each broken state is logged once, however many clients connect.
    let said = exporter.logs().matches(problem).count();
    assert_eq!(said, 1, "{}", exporter.logs());
}

/// Kubernetes replaces a symbolic link to a folder and touches no file.
#[test]
fn certificates_behind_a_link() {
    let site = Site::new();
    let put = |version: &str, authority: &Authority| {
        fs::create_dir(site.path(version)).unwrap();
        site.issue(authority, &format!("{version}/server"), &["localhost"]);
        let new = site.path("new");
        symlink(version, &new).unwrap();
        fs::rename(new, site.path("current")).unwrap();
        site.write("ca.crt", authority.certificate());
    };
    put("first", &Authority::new("first"));
    let exporter = site.start(
        "tls_server_config: { cert_file: current/server.crt, key_file: current/server.key }\n",
    );
    assert_eq!(site.curl(&exporter, "/", &[]).status, 200);
    put("second", &Authority::new("second"));
    wait_for(&site, &exporter, ":", 200);
}

#[test]
fn users_are_added_and_removed_at_run_time() {
    let site = Site::new();
    let users = |users: &str| format!("{TLS}basic_auth_users:\n{users}");
    let old = format!("prometheus:{PASSWORD}");
    let new = format!("prometheus:{OTHER_PASSWORD}");
    let exporter = site.start(&users(&format!("  prometheus: {HASH}\n")));
    wait_for(&site, &exporter, &old, 200);
    wait_for(&site, &exporter, &new, 401);

    site.write("web.yml", users(&format!("  prometheus: {OTHER_HASH}\n")));
    wait_for(&site, &exporter, &new, 200);
    // Although the login was cached as good.
    wait_for(&site, &exporter, &old, 401);

    // No error in the file opens the access.
    for broken in [
        "",
        TLS,
        "basic_auth_users: {}\n",
        "basic_auth_users: { prometheus: hunter2 }\n",
        "]",
        &users("  prometheus:\n"),
        &format!("basic_auth_users: {{ prometheus: {OTHER_HASH} }}\n"),
    ] {
        site.write("web.yml", broken);
        wait_until_successful(&site, &exporter, &new, false);
        for (login, status) in [(new.as_str(), 200), (&old, 401), (":", 401)] {
            let answer = site.curl(&exporter, "/-/healthy", &["--user", login]);
            assert_eq!(answer.status, status, "{broken:?}: {answer:?}");
        }
        site.write("web.yml", users(&format!("  prometheus: {OTHER_HASH}\n")));
        wait_until_successful(&site, &exporter, &new, true);
    }
    fs::remove_file(site.path("web.yml")).unwrap();
    wait_until_successful(&site, &exporter, &new, false);
    assert!(!exporter.logs().contains("hunter2"));
}

#[test]
fn protection_added_later_applies_if_possible() {
    let site = Site::new();
    let exporter = site.start("");
    assert_eq!(exporter.get("/-/healthy").status, 200);
    // TLS needs a restart; passwords do not.
    site.write("web.yml", TLS);
    let name = "ticket_exporter_web_config_last_reload_successful";
    let failed = |scrape: &crate::harness::Scrape| scrape.metric(name).check(0.0);
    exporter.wait_for_metrics("a refusal", PATIENCE, failed);
    assert!(
        exporter
            .logs()
            .contains("TLS cannot be switched on while the exporter runs")
    );
    site.write(
        "web.yml",
        format!("basic_auth_users: {{ prometheus: {HASH} }}\n"),
    );
    eventually("a request for a password", PATIENCE, || {
        match exporter.get("/-/healthy").status {
            401 => Ok(()),
            other => Err(other.to_string()),
        }
    });
}
