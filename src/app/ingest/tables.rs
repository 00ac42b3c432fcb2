//! Look-up tables of mappings: their files change while the exporter runs.

use std::fs;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::config;
use crate::decode::Decoder;
use crate::domain::mapping::{LookupTable, LookupTableFile};
use crate::edge::files::Watch;

/// Time between two looks at the files.
const PACE: Duration = Duration::from_secs(10);

/// The tables as the records are read by them, and their files.
#[derive(Debug)]
pub struct Tables {
    decoder: Decoder,
    files: Vec<WatchedTable>,
    next_look: Instant,
}

/// A table and its file.
#[derive(Debug)]
struct WatchedTable {
    file: LookupTableFile,
    watch: Watch,
    /// The last content that could be read.
    content: LookupTable,
    /// Why the file cannot be read now.
    problem: Option<String>,
}

/// What a look at a file shows.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// Nothing that was not known.
    Same,
    /// It has another content.
    Changed,
    /// It cannot be read, for this reason.
    Broken(String),
    /// It can be read again, and has the content that is in use.
    Repaired,
}

impl Tables {
    pub fn new(decoder: Decoder) -> Self {
        let mappings = decoder.mappings();
        let files = mappings.tables.iter().zip(&mappings.contents);
        let files = files.map(|(file, content)| WatchedTable {
            watch: Watch::new(&file.path),
            file: file.clone(),
            content: content.clone(),
            problem: None,
        });
        Self {
            files: files.collect(),
            decoder,
            next_look: Instant::now(),
        }
    }

    /// Reads records by the tables as they are now.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reads the files again that have changed, if it is time to look. A table whose file cannot be
    /// read stays as it was. Where there is something new: how records are read now, in words.
    pub fn look(&mut self) -> Option<Vec<(String, String)>> {
        if self.files.is_empty() || Instant::now() < self.next_look {
            return None;
        }
        self.next_look = Instant::now() + PACE;
        let mut has_changed = false;
        for table in &mut self.files {
            let look = table.look();
            has_changed |= look == Look::Changed;
            table.log(&look);
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
    fn look(&mut self) -> Look {
        if !self.watch.has_changed() {
            return Look::Same;
        }
        match read(&self.file) {
            Ok(table) => {
                let was_broken = self.problem.take().is_some();
                if table != self.content {
                    self.content = table;
                    Look::Changed
                } else if was_broken {
                    Look::Repaired
                } else {
                    Look::Same
                }
            }
            Err(problem) if self.problem.as_ref() == Some(&problem) => Look::Same,
            Err(problem) => {
                self.problem = Some(problem.clone());
                Look::Broken(problem)
            }
        }
    }

    fn log(&self, look: &Look) {
        let file = self.file.path.display();
        let entries = self.content.len();
        match look {
            Look::Same => {}
            Look::Changed => {
                info!(%file, entries, "look-up table has changed; this applies from now on");
            }
            Look::Broken(error) => {
                warn!(%file, error, entries, "look-up table cannot be read; it stays as it was");
            }
            Look::Repaired => {
                info!(%file, entries, "look-up table can be read again; it is as it was");
            }
        }
    }
}

fn read(file: &LookupTableFile) -> Result<LookupTable, String> {
    let text = fs::read_to_string(&file.path).map_err(|error| error.to_string())?;
    config::read_table(file, &text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The one table of a mapping whose file is at `path`.
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
        Tables::new(decoder).files.remove(0)
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported_once_and_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups.csv");
        fs::write(&path, "id,name\n1,billing\n").unwrap();
        let mut table = table(&path);
        assert_eq!(table.look(), Look::Same);
        fs::remove_file(&path).unwrap();
        assert!(matches!(table.look(), Look::Broken(_)));
        assert_eq!([table.look(), table.look()], [Look::Same, Look::Same]);
        assert_eq!(table.content.len(), 1, "it is used all the same");

        fs::write(&path, "id,name\n1,billing\n").unwrap();
        assert_eq!(table.look(), Look::Repaired);
        assert_eq!(table.look(), Look::Same);
        fs::write(&path, "number,name\n1,billing\n").unwrap();
        assert!(matches!(table.look(), Look::Broken(_)));
        assert_eq!(table.look(), Look::Same);
        fs::write(&path, "id,name\n1,billing\n2,network\n").unwrap();
        assert_eq!(table.look(), Look::Changed);
        assert_eq!((table.look(), table.content.len()), (Look::Same, 2));
    }
}
