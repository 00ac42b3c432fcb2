//! Dashboards as ConfigMaps for the sidecar of Grafana's chart.

use super::Dashboard;
use crate::domain::yaml::{Yaml, document};

/// The label that the sidecar looks for by default, and its value.
const LABEL: (&str, &str) = ("grafana_dashboard", "1");
/// The annotation with the folder, if the sidecar's `folderAnnotation` is this.
const FOLDER: &str = "grafana_folder";

/// One ConfigMap for each dashboard. All of them in one would not fit into the annotation in which
/// `kubectl apply` keeps a copy of the object (256 KiB).
pub fn config_maps(dashboards: &[Dashboard], folder: &str) -> String {
    let maps: Vec<String> = dashboards
        .iter()
        .map(|dashboard| document(&[], &config_map(dashboard, folder)))
        .collect();
    maps.join("---\n")
}

fn config_map(dashboard: &Dashboard, folder: &str) -> Yaml {
    let name = dashboard.uid.replacen("ticket-", "ticket-dashboard-", 1);
    let metadata = vec![
        ("name", Yaml::text(name)),
        ("labels", Yaml::map(vec![(LABEL.0, Yaml::text(LABEL.1))])),
        ("annotations", Yaml::map(vec![(FOLDER, Yaml::text(folder))])),
    ];
    let data = vec![(dashboard.file_name(), Yaml::text(&dashboard.text))];
    Yaml::map(vec![
        ("apiVersion", Yaml::text("v1")),
        ("kind", Yaml::text("ConfigMap")),
        ("metadata", Yaml::map(metadata)),
        ("data", Yaml::map(data)),
    ])
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode, Yaml as Parsed};

    use super::*;

    #[test]
    fn each_dashboard_arrives_byte_for_byte() {
        let dashboards = Dashboard::all(None);
        let text = config_maps(&dashboards, "Support: KPIs");
        let maps = Parsed::load_from_str(&text).unwrap();
        assert_eq!(maps.len(), dashboards.len());
        for (map, dashboard) in maps.iter().zip(&dashboards) {
            assert_eq!(map["kind"].as_str(), Some("ConfigMap"));
            let data = map["data"][dashboard.file_name().as_str()].as_str();
            assert_eq!(data, Some(dashboard.text.as_str()));
            let metadata = &map["metadata"];
            assert_eq!(metadata["labels"]["grafana_dashboard"].as_str(), Some("1"));
            let folder = metadata["annotations"]["grafana_folder"].as_str();
            assert_eq!(folder, Some("Support: KPIs"));
        }
    }

    /// `kubectl apply -k dashboards` and the program must not create two copies.
    #[test]
    fn names_and_labels_are_those_of_the_kustomization() {
        let kustomization = include_str!("../../dashboards/kustomization.yaml");
        let parsed = &Parsed::load_from_str(kustomization).unwrap()[0];
        let options = &parsed["generatorOptions"];
        assert_eq!(options["labels"]["grafana_dashboard"].as_str(), Some("1"));
        assert_eq!(
            options["annotations"]["grafana_folder"].as_str(),
            Some("Tickets")
        );
        let mut shipped: Vec<(&str, &str)> = parsed["configMapGenerator"]
            .as_vec()
            .unwrap()
            .iter()
            .map(|map| {
                (
                    map["name"].as_str().unwrap(),
                    map["files"][0].as_str().unwrap(),
                )
            })
            .collect();
        let text = config_maps(&Dashboard::all(None), "Tickets");
        let maps = Parsed::load_from_str(&text).unwrap();
        let mut names: Vec<(&str, &str)> = maps
            .iter()
            .map(|map| {
                let data = map["data"].as_mapping().unwrap().iter().next().unwrap();
                (
                    map["metadata"]["name"].as_str().unwrap(),
                    data.0.as_str().unwrap(),
                )
            })
            .collect();
        shipped.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, shipped);
    }
}
