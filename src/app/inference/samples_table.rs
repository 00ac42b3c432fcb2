//! The samples as a table: a row for each record, a column for each path.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::column::{CellKind, SampleCell, SampleColumn};
use super::names;
use super::times;
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
    /// `$cloudevent` and `$source`, once the record is unwrapped.
    pub(super) roots: Vec<(&'static str, Value)>,
    /// `$op`, once the record is unwrapped.
    pub(super) operation: Option<String>,
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
                operation: None,
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

/// A path on the way through a record.
#[derive(Clone, Default)]
struct Spot {
    path: String,
    name: String,
    parent: String,
    around: Vec<String>,
}

impl SamplesTable {
    pub(super) fn new(rows: &[SampleRow]) -> Self {
        let mut table = Self {
            rows: rows.len(),
            ..Self::default()
        };
        for (number, row) in rows.iter().enumerate() {
            table.walk(&row.record, number, &Spot::default());
            for (root, value) in &row.roots {
                let spot = Spot {
                    path: (*root).to_owned(),
                    ..Spot::default()
                };
                table.walk(value, number, &spot);
            }
        }
        for column in &mut table.columns {
            column.times = times::read(column);
        }
        table
    }

    pub(super) fn column(&self, path: &str) -> Option<&SampleColumn> {
        self.indexes.get(path).map(|index| &self.columns[*index])
    }

    fn walk(&mut self, value: &Value, row: usize, spot: &Spot) {
        match value {
            Value::Object(members) if spot.around.len() < MOST_DEPTH => {
                for (name, value) in members {
                    let Some(step) = names::step(name) else {
                        continue;
                    };
                    let mut around = vec![spot.path.clone()];
                    around.extend_from_slice(&spot.around);
                    let inside = Spot {
                        path: format!("{}{step}", spot.path),
                        name: name.clone(),
                        parent: spot.name.clone(),
                        around,
                    };
                    self.walk(value, row, &inside);
                }
            }
            // The order of a list has no meaning, so no path leads into one.
            Value::Array(items) => {
                if items.first().is_some_and(Value::is_object) && !spot.path.is_empty() {
                    self.lists.insert(spot.path.clone());
                }
            }
            Value::Object(_) => {}
            Value::Null => self.add(row, spot, None),
            Value::Bool(truth) => self.add(row, spot, Some((CellKind::Bool, truth.to_string()))),
            Value::Number(number) => {
                self.add(row, spot, Some((CellKind::Number, number.to_string())));
            }
            Value::String(text) => {
                let cell = match text.len() {
                    0 => None,
                    1..=MOST_TEXT_BYTES => Some((CellKind::Text, text.clone())),
                    _ => Some((CellKind::LongText, String::new())),
                };
                self.add(row, spot, cell);
            }
        }
    }

    fn add(&mut self, row: usize, spot: &Spot, cell: Option<(CellKind, String)>) {
        if spot.name.is_empty() {
            return;
        }
        let index = match self.indexes.get(&spot.path) {
            Some(index) => *index,
            None if self.columns.len() >= MOST_COLUMNS => return,
            None => {
                self.columns.push(SampleColumn {
                    path: spot.path.clone(),
                    name: names::words(&spot.name),
                    parent: names::words(&spot.parent),
                    around: spot.around.clone(),
                    cells: BTreeMap::new(),
                    empty: BTreeSet::new(),
                    times: None,
                });
                let index = self.columns.len() - 1;
                self.indexes.insert(spot.path.clone(), index);
                index
            }
        };
        let column = &mut self.columns[index];
        match cell {
            Some((kind, text)) => {
                column.cells.insert(row, SampleCell { kind, text });
            }
            None => {
                column.empty.insert(row);
            }
        }
    }
}
