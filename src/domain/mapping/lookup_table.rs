//! Lookup tables from an id or word of another system to a name. Their files may change while the exporter
//! runs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;

use super::word_map::lower_case;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupTableFile {
    pub path: PathBuf,
    /// The names of the columns in a CSV file. By default they are the first and the second.
    pub key: Option<String>,
    pub value: Option<String>,
}

/// The content of a file. Case does not matter in keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LookupTable(HashMap<String, String>);

impl LookupTable {
    pub fn put(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_lowercase(), value.to_owned());
    }

    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(&*lower_case(key)).map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sorted, so that equal tables have the same output. Checkpoints hold a hash of it.
impl fmt::Debug for LookupTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: BTreeMap<&String, &String> = self.0.iter().collect();
        formatter.debug_tuple("Table").field(&entries).finish()
    }
}
