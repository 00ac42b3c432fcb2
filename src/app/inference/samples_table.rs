//! The samples as a table: a row for each record, a column for each path.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::column::{CellKind, SampleCell, SampleColumn};
use super::names::{step, words};
use crate::decode::{Record, without_byte_order_mark};

/// More records say no more.
const MOST_ROWS: usize = 2_000;
/// A record with more paths has content in its names.
const MOST_COLUMNS: usize = 1_000;
const MOST_DEPTH: usize = 8;
/// A longer text is free text. Its content is not kept.
const MOST_TEXT_BYTES: usize = 120;

/// A record with its headers and its wrappers.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) record: Value,
    pub(super) headers: Vec<(String, String)>,
    /// `$cloudevent`, `$source` and `$op`, once the record is unwrapped.
    pub(super) roots: Vec<(&'static str, Value)>,
}

impl SampleRow {
    pub(super) fn has_cloud_event_headers(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name == "ce_specversion")
    }
}

/// The samples that are JSON, and the number of those that are not.
pub(super) fn rows(samples: &[Record<'_>]) -> (Vec<SampleRow>, usize) {
    let mut rows = Vec::new();
    let mut unreadable = 0;
    let header = |(name, value): &(&str, &[u8])| {
        let value = std::str::from_utf8(value).ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    };
    for sample in samples.iter().take(MOST_ROWS) {
        let text = without_byte_order_mark(sample.value.unwrap_or_default());
        match serde_json::from_slice(text) {
            Ok(Value::Null) => {}
            Ok(record) => rows.push(SampleRow {
                record,
                headers: sample.headers.iter().filter_map(header).collect(),
                roots: Vec::new(),
            }),
            Err(_) if text.is_empty() => {}
            Err(_) => unreadable += 1,
        }
    }
    (rows, unreadable)
}

#[derive(Debug, Default)]
pub(super) struct SamplesTable {
    pub(super) rows: usize,
    pub(super) columns: Vec<SampleColumn>,
    /// The paths of lists of objects.
    pub(super) lists: BTreeSet<String>,
    indexes: BTreeMap<String, usize>,
}

impl SamplesTable {
    pub(super) fn new(rows: &[SampleRow]) -> Self {
        let mut table = Self {
            rows: rows.len(),
            ..Self::default()
        };
        for (number, row) in rows.iter().enumerate() {
            table.walk(&row.record, number, &mut Vec::new());
            for (root, value) in &row.roots {
                table.walk(value, number, &mut vec![(*root).to_owned()]);
            }
        }
        for column in &mut table.columns {
            column.times = column.read_times();
        }
        table
    }

    pub(super) fn column(&self, path: &str) -> Option<&SampleColumn> {
        self.indexes.get(path).map(|index| &self.columns[*index])
    }

    /// `steps`: the steps of the path to the value.
    fn walk(&mut self, value: &Value, row: usize, steps: &mut Vec<String>) {
        let cell = match value {
            Value::Object(members) => {
                if steps.len() < MOST_DEPTH {
                    for (name, value) in members {
                        let Some(step) = step(name) else { continue };
                        steps.push(step);
                        self.walk(value, row, steps);
                        steps.pop();
                    }
                }
                return;
            }
            // The order of a list has no meaning, so no path leads into one.
            Value::Array(items) => {
                if items.first().is_some_and(Value::is_object) && !steps.is_empty() {
                    self.lists.insert(steps.concat());
                }
                return;
            }
            Value::Null => None,
            Value::Bool(truth) => Some((CellKind::Bool, truth.to_string())),
            Value::Number(number) => Some((CellKind::Number, number.to_string())),
            Value::String(text) if text.is_empty() => None,
            Value::String(text) if text.len() > MOST_TEXT_BYTES => {
                Some((CellKind::LongText, String::new()))
            }
            Value::String(text) => Some((CellKind::Text, text.clone())),
        };
        let Some(column) = self.column_of(steps) else {
            return;
        };
        match cell {
            Some((kind, text)) => {
                column.cells.insert(row, SampleCell { kind, text });
            }
            None => {
                column.empty.insert(row);
            }
        }
    }

    /// `None`: there are too many columns, or the value is a record of its own.
    fn column_of(&mut self, steps: &[String]) -> Option<&mut SampleColumn> {
        let (name, around) = steps.split_last()?;
        let path = steps.concat();
        let index = match self.indexes.get(&path) {
            Some(index) => *index,
            None if self.columns.len() >= MOST_COLUMNS => return None,
            None => {
                let (parent, outer) = around.split_last().unzip();
                self.indexes.insert(path.clone(), self.columns.len());
                self.columns.push(SampleColumn {
                    path,
                    object: around.concat(),
                    outer: outer.map(<[String]>::concat).unwrap_or_default(),
                    name: words(name),
                    parent: parent.map(|name| words(name)).unwrap_or_default(),
                    cells: BTreeMap::new(),
                    empty: BTreeSet::new(),
                    times: None,
                });
                self.columns.len() - 1
            }
        };
        self.columns.get_mut(index)
    }
}
