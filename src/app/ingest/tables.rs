//! Look-up tables of mappings: their files change while the exporter runs.

use std::fs;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::config;
use crate::decode::Decoder;
use crate::domain::mapping::{Table, TableFile};
use crate::edge::files::Watch;

/// Time between two looks at the files.
const PACE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Tables {
    decoder: Decoder,
    watches: Vec<Watch>,
    contents: Vec<Table>,
    next_look: Instant,
}

impl Tables {
    pub fn new(decoder: Decoder) -> Self {
        let mappings = decoder.mappings();
        let watches = mappings.tables.iter().map(|file| Watch::new(&file.path));
        Self {
            watches: watches.collect(),
            contents: mappings.contents.clone(),
            decoder,
            next_look: Instant::now(),
        }
    }

    /// Reads records by the tables as they are now.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reads the files again that have changed, if it is time to look. What cannot be read stays
    /// as it was. Where there is something new: how records are read now, in words.
    pub fn look(&mut self) -> Option<Vec<(String, String)>> {
        if self.watches.is_empty() || Instant::now() < self.next_look {
            return None;
        }
        self.next_look = Instant::now() + PACE;
        let files: Vec<TableFile> = self.decoder.mappings().tables.clone();
        let mut changed = false;
        for ((file, watch), content) in files.iter().zip(&mut self.watches).zip(&mut self.contents)
        {
            if !watch.has_changed() {
                continue;
            }
            match read(file) {
                Ok(table) if table == *content => {}
                Ok(table) => {
                    info!(file = %file.path.display(), entries = table.len(), "look-up table has changed; this applies from now on");
                    *content = table;
                    changed = true;
                }
                Err(error) => {
                    warn!(file = %file.path.display(), error, "look-up table stays as it was");
                }
            }
        }
        if !changed {
            return None;
        }
        self.decoder = self.decoder.with_tables(self.contents.clone());
        Some(self.decoder.mappings().described(&self.contents))
    }
}

fn read(file: &TableFile) -> Result<Table, String> {
    let text = fs::read_to_string(&file.path).map_err(|error| error.to_string())?;
    config::read_table(file, &text)
}
