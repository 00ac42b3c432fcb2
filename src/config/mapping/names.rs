//! The names that a mapping can refer to: lookup tables, value maps and attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::tables::LookupTables;
use crate::config::problem::ConfigErrors;
use crate::config::view::YamlView;
use crate::domain::mapping::WordMap;

/// The lookup tables, the value maps and the zone of one mapping, and the configured attributes.
pub(super) struct MappingNames<'a> {
    pub(super) zone: Option<Tz>,
    pub(super) attributes: &'a [String],
    pub(super) tables: &'a LookupTables<'a>,
    pub(super) words: BTreeMap<String, Arc<WordMap>>,
}

impl<'a> MappingNames<'a> {
    /// `base` and `user` are the keys `values` of the preset and of the user.
    pub(super) fn read(
        zone: Option<Tz>,
        attributes: &'a [String],
        tables: &'a LookupTables<'a>,
        base: &YamlView<'_>,
        user: &YamlView<'_>,
        errors: &mut ConfigErrors,
    ) -> Self {
        let mut maps: BTreeMap<String, WordMap> = BTreeMap::new();
        for view in [base, user] {
            for (name, map) in view.entries(errors) {
                read_words(&map, maps.entry(name.to_owned()).or_default(), errors);
            }
        }
        let words = maps.into_iter();
        Self {
            zone,
            attributes,
            tables,
            words: words.map(|(name, words)| (name, Arc::new(words))).collect(),
        }
    }
}

/// Adds the entries `our word: [their words]` to a map.
fn read_words(view: &YamlView<'_>, words: &mut WordMap, errors: &mut ConfigErrors) {
    let mut earlier: BTreeMap<String, &str> = BTreeMap::new();
    for (ours, list) in view.entries(errors) {
        for (theirs, place) in list.one_or_more(errors) {
            words.put(&theirs, ours);
            match earlier.insert(theirs.to_lowercase(), ours) {
                Some(before) if before != ours => {
                    place.error(errors, format!("\"{theirs}\" is already {before}"));
                }
                _ => {}
            }
        }
    }
}
