//! All pages below a prefix, as behind a reverse proxy, with Prometheus' flags and keys.

use super::curl::curl;
use super::{NO_KAFKA, PATIENCE};
use crate::harness::{Exporter, Prometheus, PrometheusOptions, get, post};

/// The addresses that a page links to.
fn links(page: &str) -> Vec<&str> {
    let attributes = [" href=\"", " action=\"", " src=\""];
    let found = attributes
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1));
    let links = found.filter_map(|rest| rest.split_once('"').map(|(link, _)| link));
    links.filter(|link| *link != "data:,").collect()
}

/// The address that a browser opens for a link.
fn resolved(page: &str, link: &str) -> String {
    assert!(link.starts_with("./"), "{link} is not relative to its page");
    let folder = page.rsplit_once('/').unwrap().0;
    format!("{folder}/{}", &link[2..])
}

/// Asserts that every page exists, and every page that it links to.
fn walk(exporter: &Exporter, prefix: &str) {
    let pages = ["/", "/tickets"].map(|page| format!("{prefix}{page}"));
    for page in &pages {
        let text = exporter.get(page).text();
        let links = links(&text);
        assert!(links.len() >= 6, "{page}: {links:?}");
        for link in links {
            let address = resolved(page, link);
            let status = exporter.get(&address).status;
            // Without a broker some are not ready.
            assert!(
                [200, 503].contains(&status),
                "{page} links to {address}: {status}"
            );
        }
    }
}

#[test]
fn the_path_of_the_external_url_is_the_prefix() {
    let config = format!("{NO_KAFKA}web: {{ tickets: true, enable_lifecycle: true }}\n");
    let flag = "--web.external-url=https://example.com/desk/kpi/";
    let exporter = Exporter::start(&["serve", flag], &config);
    walk(&exporter, "/desk/kpi");
    for (path, status) in [
        ("/desk/kpi/metrics", 200),
        ("/desk/kpi/-/healthy", 200),
        ("/desk/kpi/-/ready", 503),
        ("/desk/kpi/api/v1/kpis", 503),
        ("/metrics", 404),
        ("/-/healthy", 404),
        ("/desk/metrics", 404),
    ] {
        assert_eq!(exporter.get(path).status, status, "{path}");
    }
    assert!(exporter.get("/metrics").text().contains("below /desk/kpi/"));
    let reloaded = post(&exporter.url("/desk/kpi/-/reload"), &[]).unwrap();
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(post(&exporter.url("/-/reload"), &[]).unwrap().status, 404);

    for (path, location) in [("/", "./desk/kpi/"), ("/desk/kpi", "./kpi/")] {
        let answer = curl(&[&exporter.url(path)]);
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, location),
            "{path}"
        );
        let page = get(&exporter.url(path)).unwrap();
        assert_eq!(page.status, 200);
        assert!(page.text().contains("ticket-exporter</a></h1>"), "{path}");
    }
}

#[test]
fn a_proxy_may_remove_the_path_of_the_external_url() {
    let config = format!(
        "{NO_KAFKA}web:\n  tickets: true\n  external_url: https://example.com/kpi\n  route_prefix: /\n"
    );
    let exporter = Exporter::start(&["serve"], &config);
    walk(&exporter, "");
    assert_eq!(exporter.get("/metrics").status, 200);
    assert_eq!(exporter.get("/kpi/metrics").status, 404);
}

#[test]
fn a_prefix_without_an_external_url_and_another_path_of_the_metrics() {
    let arguments = [
        "serve",
        "--web.route-prefix=kpi/",
        "--web.telemetry-path=/all",
    ];
    let exporter = Exporter::start(&arguments, &format!("{NO_KAFKA}web: {{ tickets: true }}\n"));
    walk(&exporter, "/kpi");
    assert_eq!(exporter.get("/kpi/all").status, 200);
    assert_eq!(exporter.get("/kpi/metrics").status, 404);
    let prometheus = Prometheus::start(
        &[exporter.address()],
        &PrometheusOptions {
            metrics_path: "/kpi/all".to_owned(),
            ..PrometheusOptions::default()
        },
    );
    prometheus.wait_until_up(PATIENCE);
}
