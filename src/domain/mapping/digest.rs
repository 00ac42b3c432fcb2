//! Short texts that change with a mapping or a lookup table. The checkpoint holds them, so that the next
//! start can name the settings that changed.

use xxhash_rust::xxh3::xxh3_64;

use super::lookup_table::LookupTable;
use super::rules::{Mapping, Mappings};

const KEY: &str = "mapping";
/// Stands for the mapping of canonical events.
const CANONICAL: &str = "canonical";

impl Mappings {
    /// The preset of a topic's records.
    pub fn preset_of(&self, topic: &str) -> &str {
        self.of(topic).map_or(CANONICAL, |mapping| &mapping.preset)
    }

    /// A short text that changes with the configuration of a topic's mapping.
    pub fn written_for(&self, topic: &str) -> &str {
        self.of(topic).map_or(CANONICAL, |mapping| &mapping.written)
    }

    /// The settings by key, each with a short text that changes with it. `contents` are the lookup tables,
    /// in order. Canonical events have no settings.
    pub fn described(&self, contents: &[LookupTable]) -> Vec<(String, String)> {
        let mut described = Vec::new();
        if let Some(mapping) = &self.general {
            described.push((KEY.to_owned(), words(mapping)));
        }
        for (topic, mapping) in &self.topics {
            let words = mapping.as_deref().map_or(CANONICAL.to_owned(), words);
            described.push((format!("{KEY}.topics.{topic}"), words));
        }
        for (file, table) in self.tables.iter().zip(contents) {
            let name = file.path.file_name().unwrap_or_default();
            let key = format!("{KEY}.tables, file {}", name.to_string_lossy());
            let words = format!(
                "{} entries ({})",
                table.len(),
                digest(&format!("{table:?}"))
            );
            if !described
                .iter()
                .any(|known| known.0 == key && known.1 == words)
            {
                described.push((key, words));
            }
        }
        described
    }
}

fn words(mapping: &Mapping) -> String {
    format!(
        "preset {} ({})",
        mapping.preset,
        digest(&format!("{mapping:?}"))
    )
}

/// A short hash that distinguishes versions of a text.
pub fn digest(text: &str) -> String {
    let mut digest = format!("{:016x}", xxh3_64(text.as_bytes()));
    digest.truncate(8);
    digest
}
