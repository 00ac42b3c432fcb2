//! What the user set: a YAML file, environment variables and flags, validated.
//!
//! Flag over environment over file over default. The tree that is read is not the configuration
//! that is used: every key is checked against one table ([`KEYS`]), every value is read with its
//! type, and all that is wrong is shown at once, each with its place. No I/O here: the environment
//! and the texts of files are arguments.

mod calendars;
mod changes;
mod cross_checks;
mod describe;
mod kafka;
mod kafka_security;
mod keys;
mod mapping;
mod objectives;
mod overrides;
mod policies;
mod problem;
mod reserved;
mod rules;
mod salvage;
mod schema_registry;
mod secret;
mod service;
mod tree;
mod url;
mod view;
mod web;
pub mod web_file; // the toolkit's own format
mod web_paths;

pub use changes::Changes;
pub use kafka::Kafka;
pub use kafka_security::{Identity, Mechanism, OAuth, Protocol, Sasl, Security, Tls};
pub use keys::{ENVIRONMENT_PREFIX, KEYS, Key, Kind, keys_table, limits_table};
pub use mapping::{CANONICAL, NO_PRESET, PRESETS, read_table};
pub use objectives::DEFAULT_OBJECTIVE;
pub use overrides::Flag;
pub use problem::{Errors, Place, Problem};
pub use reserved::{RESERVED_PROPERTIES, ReservedProperty};
pub use salvage::{Salvaged, SalvagedTls, salvage_tls, salvage_web};
pub use schema_registry::{Login, SchemaRegistry};
pub use secret::Secret;
pub use service::{Checkpoint, OnChangedRules, Otherwise, Stream};
pub use web::{ListenAddress, Web};
pub use web_paths::{RoutePrefix, TelemetryPath};

use std::io;
use std::path::Path;

use crate::domain::mapping::Mappings;
use crate::engine::Rules;
use calendars::Calendars;
use view::View;

/// The reference configuration: every key, explained for a newcomer.
pub const REFERENCE: &str = include_str!("reference.yaml");

/// Gives the text of a file.
pub type Read<'a> = dyn FnMut(&Path) -> io::Result<String> + 'a;

/// A validated configuration. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub kafka: Kafka,
    /// `None`: no record has a schema.
    pub schema_registry: Option<SchemaRegistry>,
    pub checkpoint: Checkpoint,
    pub stream: Stream,
    /// What the engine works by.
    pub rules: Rules,
    /// Share of the goals of each policy that is to be met, in the order of the policies. No part
    /// of the rules: it judges the numbers and changes none.
    pub objectives: Vec<f64>,
    pub web: Web,
    /// How records become events.
    pub mapping: Mappings,
}

/// A configuration that can be used, and what looks wrong in it all the same.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Problem>,
}

/// Loads a configuration.
///
/// `file`: the YAML file; none, or an empty one: nothing but defaults. Files it names lie
/// relative to it. `environment`: every variable of the process; those without
/// [`ENVIRONMENT_PREFIX`] are ignored. `flags`: what was set on the command line. `read` gives the text of a file.
///
/// # Errors
///
/// Every problem found, not only the first.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Flag],
    read: &mut Read<'_>,
) -> Result<Loaded, Errors> {
    let mut errors = Errors::default();
    let mut tree = read_tree(file, read, &mut errors, |text, name, errors| {
        tree::parse(text, &tree::in_file(name), errors)
    });
    if !errors.errors.is_empty() {
        // A missing key cannot be told from one that could not be read.
        return Err(errors);
    }
    View::root(&tree).entries(&mut errors);
    overrides::put_environment(&mut tree, environment, &mut errors);
    overrides::put_flags(&mut tree, flags, &mut errors);
    keys::find_unknown(&tree, &mut errors);
    let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let config = Config::read(&View::root(&tree), directory, read, &mut errors);
    errors.sort();
    if errors.errors.is_empty() {
        Ok(Loaded {
            config,
            warnings: errors.warnings,
        })
    } else {
        Err(errors)
    }
}

/// Reads a configuration file with `parse`, which gets its text and its name; no file gives an empty tree.
fn read_tree(
    file: Option<&Path>,
    read: &mut Read<'_>,
    errors: &mut Errors,
    parse: impl FnOnce(&str, &str, &mut Errors) -> Option<tree::Node>,
) -> tree::Node {
    let name = file.map(|path| path.display().to_string());
    let empty = overrides::nothing(name.as_deref());
    let (Some(path), Some(name)) = (file, &name) else {
        return empty;
    };
    match read(path) {
        Ok(text) => parse(&text, name, errors).unwrap_or(empty),
        Err(error) => {
            errors.error(&empty.place, "", format!("cannot be read: {error}"));
            empty
        }
    }
}

impl Config {
    fn read(view: &View<'_>, directory: &Path, read: &mut Read<'_>, errors: &mut Errors) -> Self {
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
        let mapping = mapping::read(&view.key("mapping"), directory, read, errors);
        rules.mapping_settings = mapping.described(&mapping.contents);
        let topics = kafka.topics.iter();
        rules.topic_mappings = topics
            .map(|topic| (topic.clone(), mapping.written_for(topic).to_owned()))
            .collect();
        Self {
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
