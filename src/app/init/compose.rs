//! The files of a stack on one machine, for Docker Compose.

/// Grafana on this machine.
pub(super) const GRAFANA: &str = "http://localhost:3000";

/// Passes the path and the text of each file to `add`.
pub(super) fn files(add: &mut dyn FnMut(&str, String)) {
    for (path, text) in [
        ("compose.yaml", include_str!("templates/compose.yaml")),
        ("prometheus.yml", include_str!("templates/prometheus.yml")),
        (
            "grafana/datasources/prometheus.yaml",
            include_str!("templates/datasource.yaml"),
        ),
        (
            "grafana/dashboards/tickets.yaml",
            include_str!("templates/dashboards.yaml"),
        ),
    ] {
        add(path, text.to_owned());
    }
}
