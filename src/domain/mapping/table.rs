//! Look-up tables: from an id or word of another system to a name. Their files change while the
//! exporter runs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;

use super::words::small;

/// Where a table comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFile {
    pub path: PathBuf,
    /// Names of columns in a CSV file; without one, the first and the second.
    pub key: Option<String>,
    pub value: Option<String>,
}

/// What is in it. Keys are found without regard to case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Table(HashMap<String, String>);

impl Table {
    pub fn put(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_lowercase(), value.to_owned());
    }

    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(&*small(key)).map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// In order: the same entries are shown as the same text.
impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: BTreeMap<&String, &String> = self.0.iter().collect();
        formatter.debug_tuple("Table").field(&entries).finish()
    }
}
