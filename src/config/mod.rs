//! Reads and validates the configuration: a YAML file, environment variables and flags.
//!
//! A flag overrides an environment variable, which overrides the file, which overrides the default. The
//! table [`KEYS`] has every key. All mistakes are reported at once, with their positions. This layer does
//! no I/O: the environment and the contents of files are arguments.

mod attributes;
mod calendars;
mod changes;
mod cross_checks;
mod describe;
mod gateway;
mod kafka;
mod kafka_security;
mod keys;
mod mapping;
mod names;
mod objectives;
mod overrides;
mod policies;
mod problem;
mod reserved;
mod rules;
mod salvage;
mod schema_registry;
mod secret;
mod series;
mod service;
mod source;
mod tree;
mod url;
mod view;
mod web;
pub mod web_file; // the web configuration file of Prometheus exporters
mod web_paths;

pub use attributes::is_attribute_name;
pub use changes::ConfigChanges;
pub use gateway::{Gateway, GatewayChanges, Hook};
pub use kafka::Kafka;
pub use kafka_security::{
    KafkaCertificate, KafkaSasl, KafkaSecurity, KafkaTls, OAuth, SaslMechanism, SecurityProtocol,
};
pub use keys::{ConfigKey, ENVIRONMENT_PREFIX, KEYS, KeyKind, keys_table, limits_table};
pub use mapping::{CANONICAL, NO_PRESET, PRESETS, TableError, read_table};
pub use names::is_reserved_name;
pub use objectives::DEFAULT_OBJECTIVE;
pub use overrides::Flag;
pub use problem::{ConfigErrors, ConfigPlace, ConfigProblem};
pub use reserved::{RESERVED_PROPERTIES, ReservedProperty};
pub use salvage::{Salvaged, SalvagedTls, salvage_tls, salvage_web};
pub use schema_registry::{RegistryLogin, SchemaRegistry};
pub use secret::Secret;
pub use service::{Checkpoint, FailOrRebuild, OnChangedRules, Stream};
pub use source::ReadFile;
pub use web::{ListenAddress, Web};
pub use web_paths::{RoutePrefix, TelemetryPath};

use std::path::Path;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::domain::mapping::Mappings;
use crate::engine::Rules;
use calendars::Calendars;
use source::read_tree;
use view::YamlView;

/// The reference configuration, which explains every key.
pub const REFERENCE: &str = include_str!("reference.yaml");

/// A validated configuration. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub kafka: Kafka,
    /// For the command `gateway`. `None`: there are no hooks.
    pub gateway: Option<Gateway>,
    /// `None`: no record has a schema.
    pub schema_registry: Option<SchemaRegistry>,
    pub checkpoint: Checkpoint,
    pub stream: Stream,
    /// The settings of the engine, which decide what it counts.
    pub rules: Rules,
    /// The share of goals that must be met, for each policy in order. It is not part of `rules`, because
    /// it changes no number.
    pub objectives: Vec<f64>,
    pub web: Web,
    /// How records become events.
    pub mapping: Mappings,
}

/// A valid configuration with its warnings.
#[derive(Clone, Debug, Default)]
pub struct LoadedConfig {
    pub config: Config,
    pub warnings: Vec<ConfigProblem>,
    /// Of the contents of all files that were read.
    pub checksum: u64,
}

/// Loads a configuration.
///
/// `file` is the YAML file; paths in it are relative to its folder. Variables in `environment` without
/// [`ENVIRONMENT_PREFIX`] are ignored. `read` returns the text of a file.
///
/// # Errors
///
/// All mistakes, not only the first.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Flag],
    read: &mut ReadFile<'_>,
) -> Result<LoadedConfig, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let mut checksum = Xxh3::new();
    let read: &mut ReadFile<'_> = &mut |path: &Path| {
        let text = read(path)?;
        checksum.update(&xxh3_64(text.as_bytes()).to_le_bytes());
        Ok(text)
    };
    let mut tree = read_tree(file, read, &mut errors, |text, name, errors| {
        tree::parse(text, &tree::in_file(name), errors)
    });
    if !errors.errors.is_empty() {
        // Without the file, checks for missing keys would report false errors.
        return Err(errors);
    }
    YamlView::root(&tree).entries(&mut errors);
    overrides::put_environment(&mut tree, environment, &mut errors);
    overrides::put_flags(&mut tree, flags, &mut errors);
    keys::find_unknown(&tree, &mut errors);
    let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let config = Config::read(&YamlView::root(&tree), directory, read, &mut errors);
    errors.sort();
    if errors.errors.is_empty() {
        Ok(LoadedConfig {
            config,
            warnings: errors.warnings,
            checksum: checksum.digest(),
        })
    } else {
        Err(errors)
    }
}

impl Config {
    fn read(
        view: &YamlView<'_>,
        directory: &Path,
        read: &mut ReadFile<'_>,
        errors: &mut ConfigErrors,
    ) -> Self {
        let calendars = Calendars::read(&view.key("calendars"), directory, read, errors);
        let stream = Stream::read(&view.key("stream"), errors);
        let sla = view.key("sla");
        let policies = policies::read(&sla, &calendars, errors);
        let objectives = objectives::read(&sla, policies.len(), errors);
        let mut rules = rules::read(view, &calendars, policies, errors);
        let kafka = Kafka::read(&view.key("kafka"), directory, errors);
        cross_checks::check(view, &calendars, &rules, &kafka.topics, errors);
        rules.lateness = stream.lateness;
        rules.calendars = calendars.compiled;
        rules.calendar_names = calendars.names;
        let attributes = rules.attributes.iter().map(|one| one.name.clone());
        let attributes = attributes.collect();
        let mapping = mapping::read(&view.key("mapping"), attributes, directory, read, errors);
        cross_checks::check_attributes(&view.key("attributes"), &mapping, &kafka.topics, errors);
        rules.mapping_settings = mapping.described(&mapping.contents);
        let topics = kafka.topics.iter();
        rules.topic_mappings = topics
            .map(|topic| (topic.clone(), mapping.written_for(topic).to_owned()))
            .collect();
        series::read(&view.key("limits").key("series"), &mut rules, errors);
        Self {
            gateway: Gateway::read(&view.key("gateway"), directory, &kafka.topics, errors),
            kafka,
            schema_registry: SchemaRegistry::read(&view.key("schema_registry"), directory, errors),
            checkpoint: Checkpoint::read(&view.key("checkpoint"), errors),
            stream,
            rules,
            objectives,
            web: Web::read(&view.key("web"), directory, errors),
            mapping,
        }
    }
}

#[cfg(test)]
mod tests;
