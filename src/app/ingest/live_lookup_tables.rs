//! The mapping's lookup tables. Their files may change while the exporter runs.

use std::fs;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::config;
use crate::decode::Decoder;
use crate::domain::mapping::{LookupTable, LookupTableFile};
use crate::edge::files::FileWatch;

/// Time between two checks of the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// A decoder with the present lookup tables.
#[derive(Debug)]
pub(super) struct LiveLookupTables {
    decoder: Decoder,
    files: Vec<WatchedTable>,
    next_check: Instant,
}

#[derive(Debug)]
struct WatchedTable {
    file: LookupTableFile,
    watch: FileWatch,
    /// The last readable content.
    content: LookupTable,
    /// The reason why the file is unreadable.
    problem: Option<String>,
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
enum TableChange {
    Unchanged,
    Changed,
    /// The file is unreadable, for this reason.
    Broken(String),
    /// The file is readable again, and has the same content.
    Repaired,
}

impl LiveLookupTables {
    pub(super) fn new(decoder: Decoder) -> Self {
        let mappings = decoder.mappings();
        let files = mappings.tables.iter().zip(&mappings.contents);
        let files = files.map(|(file, content)| WatchedTable {
            watch: FileWatch::new(&file.path),
            file: file.clone(),
            content: content.clone(),
            problem: None,
        });
        Self {
            files: files.collect(),
            decoder,
            next_check: Instant::now(),
        }
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reads changed files, if it is time for a check. A table with an unreadable file keeps its
    /// content. After a change, returns the description of the mapping.
    pub(super) fn refresh(&mut self) -> Option<Vec<(String, String)>> {
        if self.files.is_empty() || Instant::now() < self.next_check {
            return None;
        }
        self.next_check = Instant::now() + CHECK_INTERVAL;
        let mut has_changed = false;
        for table in &mut self.files {
            let change = table.check();
            has_changed |= change == TableChange::Changed;
            table.log(&change);
        }
        if !has_changed {
            return None;
        }
        let contents = self.files.iter().map(|table| table.content.clone());
        let contents: Vec<LookupTable> = contents.collect();
        self.decoder = self.decoder.with_tables(contents.clone());
        Some(self.decoder.mappings().described(&contents))
    }
}

impl WatchedTable {
    fn check(&mut self) -> TableChange {
        if !self.watch.has_changed() {
            return TableChange::Unchanged;
        }
        match read(&self.file) {
            Ok(table) => {
                let was_broken = self.problem.take().is_some();
                if table != self.content {
                    self.content = table;
                    TableChange::Changed
                } else if was_broken {
                    TableChange::Repaired
                } else {
                    TableChange::Unchanged
                }
            }
            Err(problem) if self.problem.as_ref() == Some(&problem) => TableChange::Unchanged,
            Err(problem) => {
                self.problem = Some(problem.clone());
                TableChange::Broken(problem)
            }
        }
    }

    fn log(&self, change: &TableChange) {
        let file = self.file.path.display();
        let entries = self.content.len();
        match change {
            TableChange::Unchanged => {}
            TableChange::Changed => {
                info!(%file, entries, "lookup table changed; this applies from now on");
            }
            TableChange::Broken(error) => {
                warn!(%file, error, entries, "lookup table is unreadable; its last content stays in use");
            }
            TableChange::Repaired => {
                info!(%file, entries, "lookup table is readable again; its content is unchanged");
            }
        }
    }
}

fn read(file: &LookupTableFile) -> Result<LookupTable, String> {
    let text = fs::read_to_string(&file.path).map_err(|error| error.to_string())?;
    config::read_table(file, &text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The only lookup table of a mapping, with its file at `path`.
    fn table(path: &Path) -> WatchedTable {
        let yaml = format!(
            "mapping:\n  preset: zendesk\n  tables:\n    groups: {{ file: {}, key: id, value: name }}\n",
            path.display()
        );
        let mut read = |file: &Path| match file.to_str() {
            Some("a.yaml") => Ok(yaml.clone()),
            _ => fs::read_to_string(file),
        };
        let loaded = config::load(Some(Path::new("a.yaml")), [], &[], &mut read).unwrap();
        let decoder = Decoder::new(&loaded.config.mapping);
        LiveLookupTables::new(decoder).files.remove(0)
    }

    #[test]
    fn an_unreadable_file_is_reported_once_and_so_is_its_return() {
        use TableChange::{Broken, Changed, Repaired, Unchanged};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups.csv");
        fs::write(&path, "id,name\n1,billing\n").unwrap();
        let mut table = table(&path);
        assert_eq!(table.check(), Unchanged);
        fs::remove_file(&path).unwrap();
        assert!(matches!(table.check(), Broken(_)));
        assert_eq!([table.check(), table.check()], [Unchanged, Unchanged]);
        assert_eq!(table.content.len(), 1, "the last content stays in use");

        fs::write(&path, "id,name\n1,billing\n").unwrap();
        assert_eq!(table.check(), Repaired);
        assert_eq!(table.check(), Unchanged);
        fs::write(&path, "number,name\n1,billing\n").unwrap();
        assert!(matches!(table.check(), Broken(_)));
        assert_eq!(table.check(), Unchanged);
        fs::write(&path, "id,name\n1,billing\n2,network\n").unwrap();
        assert_eq!(table.check(), Changed);
        assert_eq!((table.check(), table.content.len()), (Unchanged, 2));
    }
}
