//! The files of a stack on one machine, for Docker Compose.

use crate::dashboards::Dashboard;

/// Grafana on this machine.
pub(super) const GRAFANA: &str = "http://localhost:3000";

const FILES: [(&str, &str); 4] = [
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
];

pub(super) fn files() -> Vec<(String, String)> {
    let files = FILES.into_iter();
    let mut files: Vec<(String, String)> = files
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    let dashboards = Dashboard::all(None).into_iter();
    files.extend(dashboards.map(|one| (format!("dashboards/{}", one.file_name()), one.text)));
    files
}
