//! Rules and dashboards as a monitoring mixin (<https://monitoring.mixins.dev>): the Jsonnet package that tools such as
//! mixtool and kube-prometheus take.

use crate::alerting::{Links, RuleFile};
use crate::dashboards::Dashboard;

/// The folder of the dashboards in the mixin.
const DASHBOARDS: &str = "dashboards";

/// The files of a mixin, by path and text. Its content is JSON, because the configuration has decided everything that
/// a mixin usually has parameters for.
pub fn files(rules: &[RuleFile], links: &Links) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut jsonnet = "// Written by `ticket-exporter rules --format mixin`.\n{\n".to_owned();
    for file in rules {
        let name = format!("{}.json", file.name.trim_end_matches(".yml"));
        jsonnet.push_str(&format!(
            "  {}+:: {{\n    groups+: (import '{name}').groups,\n  }},\n",
            member_of(file)
        ));
        files.push((name, format!("{:#}\n", file.json(links))));
    }
    jsonnet.push_str("  grafanaDashboards+:: {\n");
    for dashboard in Dashboard::all(None) {
        let name = dashboard.file_name();
        let path = format!("{DASHBOARDS}/{name}");
        jsonnet.push_str(&format!("    '{name}': import '{path}',\n"));
        files.push((path, dashboard.text));
    }
    jsonnet.push_str("  },\n}\n");
    files.push(("mixin.libsonnet".to_owned(), jsonnet));
    files
}

/// The member of a mixin that has the rules of this file.
fn member_of(file: &RuleFile) -> &'static str {
    if file.has_alerts() {
        "prometheusAlerts"
    } else {
        "prometheusRules"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::alerting::{self, RuleOptions};
    use crate::engine::Rules;

    #[test]
    fn every_import_has_its_file_and_every_file_is_imported() {
        let options = RuleOptions::default();
        let (rules, _) = alerting::prometheus(&Rules::default(), &[], &options);
        let mut files = files(&rules, &options.links);
        let (name, jsonnet) = files.pop().unwrap();
        assert_eq!(name, "mixin.libsonnet");
        assert_eq!(jsonnet.matches("import '").count(), files.len());
        for (path, text) in &files {
            assert!(jsonnet.contains(&format!("import '{path}'")), "{path}");
            let content: Value = serde_json::from_str(text).unwrap();
            assert!(content.is_object(), "{path}");
        }
        assert!(
            jsonnet.contains("prometheusAlerts+:: {\n    groups+: (import 'alerts.json').groups")
        );
        assert!(
            jsonnet.contains("prometheusRules+:: {\n    groups+: (import 'recording.json').groups")
        );
    }
}
