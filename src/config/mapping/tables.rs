//! Reads the lookup tables and their files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::config::problem::{ConfigErrors, ConfigPlace, ConfigProblem};
use crate::config::source::ReadFile;
use crate::config::tree::{self, YamlValue};
use crate::config::view::YamlView;
use crate::domain::mapping::{LookupTable, LookupTableFile};

/// The tables of one mapping by name. The files and contents are those of all mappings.
pub(super) struct LookupTables<'a> {
    files: &'a mut Vec<LookupTableFile>,
    contents: &'a mut Vec<LookupTable>,
    directory: &'a Path,
    names: BTreeMap<String, usize>,
}

impl<'a> LookupTables<'a> {
    pub(super) fn new(
        files: &'a mut Vec<LookupTableFile>,
        contents: &'a mut Vec<LookupTable>,
        directory: &'a Path,
    ) -> Self {
        Self {
            files,
            contents,
            directory,
            names: BTreeMap::new(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Reads the key `tables` and the files.
    pub(super) fn read(
        &mut self,
        view: &YamlView<'_>,
        read: &mut ReadFile<'_>,
        errors: &mut ConfigErrors,
    ) {
        for (name, view) in view.entries(errors) {
            let Some(file) = self.file(&view, errors) else {
                continue;
            };
            let text = read(&file.path).map_err(TableError::Unreadable);
            let table = text.and_then(|text| read_table(&file, &text));
            let table = table.unwrap_or_else(|error| {
                view.error(errors, format!("{}: {error}", file.path.display()));
                LookupTable::default()
            });
            self.names.insert(name.to_owned(), self.files.len());
            self.files.push(file);
            self.contents.push(table);
        }
    }

    fn file(&self, view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<LookupTableFile> {
        let (path, key, value) = if view.is_map() {
            for (key, view) in view.entries(errors) {
                if !["file", "key", "value"].contains(&key) {
                    view.error(errors, "unknown key; use one of: file, key, value");
                }
            }
            let mut text = |key: &str| view.key(key).text(errors);
            (text("file"), text("key"), text("value"))
        } else {
            (view.text(errors), None, None)
        };
        let Some(path) = path else {
            view.key("file").error(errors, "must be the name of a file");
            return None;
        };
        Some(LookupTableFile {
            path: self.directory.join(path),
            key,
            value,
        })
    }
}

/// Why a lookup table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot read the file: {0}")]
    Unreadable(#[source] io::Error),
    #[error("{0}")]
    Yaml(ConfigProblem),
    #[error("must be a map from text to text")]
    NotMap,
    #[error("{0}: must be text, because a lookup table is a map from text to text")]
    NotText(ConfigPlace),
    #[error("has no header line; the first line must name the columns")]
    NoHeader,
    #[error("has no column \"{column}\"; use one of: {}", .columns.join(", "))]
    NoColumn {
        column: String,
        columns: Vec<String>,
    },
    #[error("line {0} has no key or no value")]
    IncompleteLine(usize),
}

/// Parses the file of a table: CSV, or else a map in YAML or JSON.
///
/// # Errors
/// The text is not a valid table.
pub fn read_table(file: &LookupTableFile, text: &str) -> Result<LookupTable, TableError> {
    let is_csv = file
        .path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv {
        read_csv(file, text)
    } else {
        read_map(text)
    }
}

fn read_map(text: &str) -> Result<LookupTable, TableError> {
    let mut errors = ConfigErrors::default();
    let root = tree::parse(text, &tree::in_file("line"), &mut errors);
    if let Some(problem) = errors.errors.into_iter().next() {
        return Err(TableError::Yaml(problem));
    }
    let mut table = LookupTable::default();
    match root.map(|node| node.value) {
        None => Ok(table),
        Some(YamlValue::Map(entries)) => {
            for entry in entries {
                let YamlValue::Scalar(value, _) = &entry.node.value else {
                    return Err(TableError::NotText(entry.place));
                };
                table.put(&entry.key, value);
            }
            Ok(table)
        }
        Some(_) => Err(TableError::NotMap),
    }
}

fn read_csv(file: &LookupTableFile, text: &str) -> Result<LookupTable, TableError> {
    let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text)).into_iter();
    let Some((_, header)) = rows.next() else {
        return Err(TableError::NoHeader);
    };
    let column = |name: &Option<String>, default: usize| match name {
        None => Ok(default),
        Some(name) => {
            let position = header.iter().position(|column| column == name);
            position.ok_or_else(|| TableError::NoColumn {
                column: name.clone(),
                columns: header.clone(),
            })
        }
    };
    let (key, value) = (column(&file.key, 0)?, column(&file.value, 1)?);
    let mut table = LookupTable::default();
    for (line, row) in rows {
        match (row.get(key), row.get(value)) {
            (Some(key), Some(value)) if !key.is_empty() => table.put(key, value),
            _ => return Err(TableError::IncompleteLine(line)),
        }
    }
    Ok(table)
}

/// The non-empty rows of a CSV text (RFC 4180), each with the number of its first line.
fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut field = String::new();
    let (mut line, mut first_line) = (1, 1);
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    let mut end = |row: &mut Vec<String>, field: &mut String, line: usize| {
        if !row.is_empty() || !field.is_empty() {
            row.push(std::mem::take(field).trim().to_owned());
            rows.push((line, std::mem::take(row)));
        }
    };
    while let Some(character) = characters.next() {
        line += usize::from(character == '\n');
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field).trim().to_owned()),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                end(&mut row, &mut field, first_line);
                first_line = line;
            }
            _ => field.push(character),
        }
    }
    end(&mut row, &mut field, first_line);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, key: Option<&str>, value: Option<&str>) -> LookupTableFile {
        LookupTableFile {
            path: name.into(),
            key: key.map(str::to_owned),
            value: value.map(str::to_owned),
        }
    }

    #[test]
    fn csv_with_quotes_and_named_columns() {
        let text = "id,Name , team\r\n\r\n7,\"Doe, \"\"J\"\"\",Network\n8,x,\"Two\nlines\"\n";
        let table = read_table(&file("a.CSV", None, None), text).unwrap();
        assert_eq!(table.find("7"), Some("Doe, \"J\""));
        let table = read_table(&file("a.csv", Some("id"), Some("team")), text).unwrap();
        assert_eq!(table.find("8"), Some("Two\nlines"));
        assert_eq!(table.len(), 2);
        let wrong = |text: &str, key| {
            let error = read_table(&file("a.csv", key, None), text).unwrap_err();
            error.to_string()
        };
        assert!(wrong("", None).starts_with("has no header line"));
        assert_eq!(
            wrong("a,b\n", Some("c")),
            "has no column \"c\"; use one of: a, b"
        );
        assert_eq!(
            wrong("a,b\n1,2\n\n3\n", None),
            "line 4 has no key or no value"
        );
    }

    #[test]
    fn maps_in_yaml_and_json() {
        for text in ["7: Network\nAB: x\n", "{\"7\": \"Network\", \"ab\": \"x\"}"] {
            let table = read_table(&file("a.json", None, None), text).unwrap();
            assert_eq!(
                (table.find("7"), table.find("aB")),
                (Some("Network"), Some("x"))
            );
        }
        assert!(read_table(&file("a.yaml", None, None), "a: [1]").is_err());
        assert!(read_table(&file("a.yaml", None, None), "[1]").is_err());
    }
}
