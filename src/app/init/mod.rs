//! The files to start with: a configuration, rules, routes for alerts and a deployment. Their content comes
//! from sample records and from a few answers. The functions here return texts; they write nothing.

mod compose;
mod configuration;
mod findings;
mod opening_hours;
mod priorities;
mod routes;
mod sample_targets;
mod topic_samples;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use configuration::{NO_TARGETS, configuration, mapping_of_table};
pub use findings::{SampleFindings, find};
pub use opening_hours::{OpeningHours, OpeningHoursError};
pub use routes::routes;
pub use sample_targets::{SampleTargets, sample_targets};
pub use topic_samples::{TopicSamplesError, topic_samples};

use crate::alerting::{self, Links, RuleOptions};
use crate::config::{self, Config, ConfigErrors, LoadedConfig};
use crate::domain::named::named_enum;

pub const CONFIGURATION_FILE: &str = "ticket-exporter.yaml";
const ROUTES_FILE: &str = "alertmanager.yml";
const RULES_FOLDER: &str = "rules";

named_enum! {
    /// The way to run the exporter.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Deployment {
        Compose = "compose",
        Helm = "helm",
        None = "none",
    }
}

/// The answers that no sample can give.
#[derive(Clone, Debug, PartialEq)]
pub struct StarterAnswers {
    pub brokers: Vec<String>,
    pub topic: String,
    /// The name of a time zone.
    pub zone: String,
    pub hours: OpeningHours,
    pub deployment: Deployment,
}

/// Texts of files by their paths below one folder.
pub type StarterFiles = BTreeMap<PathBuf, String>;

/// All files. `yaml` is the text of the configuration, `config` its content.
pub fn files(yaml: String, config: &Config, deployment: Deployment) -> StarterFiles {
    let teams = &config.rules.known_teams;
    let mut files = StarterFiles::from([
        (CONFIGURATION_FILE.into(), yaml),
        (ROUTES_FILE.into(), routes(teams)),
    ]);
    let mut add = |name: &str, text: String| {
        files.insert(name.into(), text);
    };
    match deployment {
        Deployment::Compose => compose::files(&mut add),
        Deployment::Helm => add(
            "values.yaml",
            include_str!("templates/values.yaml").to_owned(),
        ),
        Deployment::None => {}
    }
    files.extend(rules(config, deployment));
    files
}

/// The same rules as the command `rules` writes.
fn rules(config: &Config, deployment: Deployment) -> StarterFiles {
    let mut options = RuleOptions {
        urgent: config
            .rules
            .priorities
            .first()
            .cloned()
            .into_iter()
            .collect(),
        ..RuleOptions::default()
    };
    if deployment == Deployment::Compose {
        options.links = Links {
            dashboards: compose::GRAFANA.to_owned(),
            ..options.links
        };
    }
    let (files, _) = alerting::prometheus(&config.rules, &config.objectives, &options);
    let files = files.iter();
    let path = |name| Path::new(RULES_FOLDER).join(name);
    files
        .map(|file| (path(file.name), file.text(&options.links)))
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
