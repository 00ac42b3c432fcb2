//! The dashboards for Grafana that the program contains, and the forms in which Grafana takes them.
//!
//! `dashboards/source` writes the files.

mod kubernetes;
mod provisioning;

pub use kubernetes::config_maps;
pub use provisioning::file_provider;

use serde_json::{Value, json};

/// The files in the folder `dashboards`, by uid.
macro_rules! embedded {
    ($($uid:literal),* $(,)?) => {
        [$(($uid, include_str!(concat!("../../dashboards/", $uid, ".json")))),*]
    };
}

/// In the order of `docs/how-to/dashboards.md`.
const EMBEDDED: [(&str, &str); 5] = embedded![
    "ticket-quality",
    "ticket-team",
    "ticket-sla",
    "ticket-capacity",
    "ticket-exporter",
];

/// The variable that names the data source.
const DATASOURCE: &str = "datasource";

/// A dashboard for Grafana.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    pub uid: &'static str,
    /// JSON.
    pub text: String,
}

impl Dashboard {
    /// All dashboards. `datasource` is the uid of the data source that they use at first.
    pub fn all(datasource: Option<&str>) -> Vec<Self> {
        let dashboard = |(uid, text): (&'static str, &str)| Self {
            uid,
            text: match datasource {
                Some(datasource) => with_datasource(text, datasource),
                None => text.to_owned(),
            },
        };
        EMBEDDED.into_iter().map(dashboard).collect()
    }

    pub fn uids() -> [&'static str; EMBEDDED.len()] {
        EMBEDDED.map(|(uid, _)| uid)
    }

    pub fn file_name(&self) -> String {
        format!("{}.json", self.uid)
    }

    pub fn model(&self) -> Value {
        model(&self.text)
    }
}

/// A test parses every embedded file, so the default is never used.
fn model(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn with_datasource(text: &str, datasource: &str) -> String {
    let mut model = model(text);
    let variables = model.pointer_mut("/templating/list");
    let variables = variables
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    for variable in variables.filter(|variable| variable["name"] == DATASOURCE) {
        // Grafana finds the name that it shows by the uid.
        variable["current"] = json!({"selected": true, "text": datasource, "value": datasource});
    }
    format!("{model:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_uid_and_a_variable_for_the_data_source() {
        for dashboard in Dashboard::all(None) {
            let model = dashboard.model();
            assert_eq!(model["uid"], dashboard.uid);
            let variables = model["templating"]["list"].as_array().unwrap().iter();
            let names: Vec<&Value> = variables.map(|variable| &variable["name"]).collect();
            assert_eq!(names[0], DATASOURCE, "{}", dashboard.uid);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        let mut names: Vec<String> = Dashboard::all(None)
            .iter()
            .map(Dashboard::file_name)
            .collect();
        files.sort();
        names.sort();
        assert_eq!(names, files);
    }

    #[test]
    fn the_data_source_is_the_only_difference() {
        let embedded = Dashboard::all(None);
        for (changed, dashboard) in Dashboard::all(Some("mimir")).iter().zip(&embedded) {
            let mut model = changed.model();
            let variable = &mut model["templating"]["list"][0];
            assert_eq!(variable["current"]["value"], "mimir");
            variable.as_object_mut().unwrap().remove("current");
            assert_eq!(model, dashboard.model());
            // The layout of the file stays, so that a comparison shows one change.
            let same = dashboard
                .text
                .lines()
                .filter(|line| changed.text.contains(line));
            assert!(same.count() + 2 > dashboard.text.lines().count());
        }
    }
}
