//! A file provider: the part of Grafana's provisioning that reads dashboards from a folder.

use crate::domain::yaml::{Yaml, document};

/// The provider that shows the dashboards in `path` in a folder of Grafana.
pub fn file_provider(folder: &str, path: &str) -> String {
    let provider = vec![
        ("name", Yaml::text("tickets")),
        ("folder", Yaml::text(folder)),
        ("type", Yaml::text("file")),
        ("allowUiUpdates", Yaml::Literal("false".to_owned())),
        ("options", Yaml::map(vec![("path", Yaml::text(path))])),
    ];
    let remarks = [
        "Grafana reads this file from provisioning/dashboards. The path below is as Grafana sees it: change it if",
        "Grafana runs in a container.",
    ];
    document(
        &remarks,
        &Yaml::map(vec![
            ("apiVersion", Yaml::Literal("1".to_owned())),
            ("providers", Yaml::List(vec![Yaml::map(provider)])),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use saphyr::LoadableYamlNode;

    use super::*;

    #[test]
    fn folder_and_path_are_those_given() {
        let text = file_provider("Support: KPIs", "/var/lib/a b");
        let parsed = &saphyr::Yaml::load_from_str(&text).unwrap()[0];
        assert_eq!(parsed["apiVersion"].as_integer(), Some(1));
        let provider = &parsed["providers"][0];
        assert_eq!(provider["folder"].as_str(), Some("Support: KPIs"));
        assert_eq!(provider["options"]["path"].as_str(), Some("/var/lib/a b"));
    }
}
