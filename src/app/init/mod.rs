//! The files to start with: a configuration, rules, routes for alerts and a deployment. Their content comes
//! from sample records and from a few answers. Nothing here writes files.

mod answers;
mod compose;
mod configuration;
mod findings;
mod opening_hours;
mod priorities;
mod routes;
mod sample_targets;
mod topic_samples;

use std::path::Path;

pub use answers::{Deployment, StarterAnswers};
pub use configuration::{NO_TARGETS, configuration, mapping_of_table};
pub use findings::{SampleFindings, find};
pub use opening_hours::{OpeningHours, OpeningHoursError};
pub use routes::routes;
pub use sample_targets::{SampleTargets, sample_targets};
pub use topic_samples::{TopicSamplesError, topic_samples};

use crate::alerting::{self, RuleOptions};
use crate::config::{self, Config, ConfigErrors, LoadedConfig};

pub const CONFIGURATION_FILE: &str = "ticket-exporter.yaml";
const ROUTES_FILE: &str = "alertmanager.yml";
const RULES_FOLDER: &str = "rules";

/// All files: the path below one folder, and the text. `yaml` is the text of the configuration, `config` its
/// content.
pub fn files(yaml: String, config: &Config, deployment: Deployment) -> Vec<(String, String)> {
    let mut files = vec![
        (CONFIGURATION_FILE.to_owned(), yaml),
        (ROUTES_FILE.to_owned(), routes(&config.rules.known_teams)),
    ];
    files.extend(rules(config, deployment));
    match deployment {
        Deployment::Compose => files.extend(compose::files()),
        Deployment::Helm => {
            let values = include_str!("templates/values.yaml");
            files.push(("values.yaml".to_owned(), values.to_owned()));
        }
        Deployment::None => {}
    }
    files
}

/// The same rules as the command `rules` writes.
fn rules(config: &Config, deployment: Deployment) -> Vec<(String, String)> {
    let mut options = RuleOptions::of(&config.rules);
    if deployment == Deployment::Compose {
        compose::GRAFANA.clone_into(&mut options.links.dashboards);
    }
    let (files, _) = alerting::prometheus(&config.rules, &config.objectives, &options);
    let files = files.iter();
    files
        .map(|file| {
            let path = format!("{RULES_FOLDER}/{}", file.name);
            (path, file.text(&options.links))
        })
        .collect()
}

/// Checks the text of a configuration as the exporter would.
///
/// # Errors
/// An answer, such as the name of a topic, is not valid in a configuration.
pub fn load(yaml: &str) -> Result<LoadedConfig, ConfigErrors> {
    let mut read = |_: &Path| Ok(yaml.to_owned());
    config::load(Some(Path::new(CONFIGURATION_FILE)), [], &[], &mut read)
}

#[cfg(test)]
mod tests;
