//! What mappings and their tables are, in a few words that change when they do. Numbers are counted
//! under them; a checkpoint keeps the words, so that the next start can tell what is different.

use xxhash_rust::xxh3::xxh3_64;

use super::{Mapping, Mappings, Table};

/// The key of the configuration.
const KEY: &str = "mapping";
/// The mapping of records that need none.
const CANONICAL: &str = "canonical";

impl Mappings {
    /// The preset of a topic's records.
    pub fn preset_of(&self, topic: &str) -> &str {
        let mapping = self.topics.get(topic).unwrap_or(&self.general);
        mapping
            .as_ref()
            .map_or(CANONICAL, |mapping| &mapping.preset)
    }

    /// What the configuration says of a topic's records, in a few words that change when it does.
    pub fn written_for(&self, topic: &str) -> &str {
        let mapping = self.topics.get(topic).unwrap_or(&self.general);
        let written = mapping.as_ref().map(|mapping| mapping.written.as_str());
        written.unwrap_or(CANONICAL)
    }

    /// Keys of settings and what they are. `contents`: of the tables, in their order. Nothing of
    /// canonical events, which mean the same everywhere.
    pub fn described(&self, contents: &[Table]) -> Vec<(String, String)> {
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

/// The preset, and a digest of all that the mapping says.
fn words(mapping: &Mapping) -> String {
    format!(
        "preset {} ({})",
        mapping.preset,
        digest(&format!("{mapping:?}"))
    )
}

/// Enough to tell two texts apart.
pub fn digest(text: &str) -> String {
    let mut digest = format!("{:016x}", xxh3_64(text.as_bytes()));
    digest.truncate(8);
    digest
}
