//! Proposes a mapping for JSON that nobody has described: from samples alone, by the names of
//! members, by what their values are, and by how they go on from record to record.
//!
//! Nothing of the samples is shown but the names of members and the words of lists to choose from.

mod candidates;
mod draft;
mod kinds;
mod names;
mod propose;
mod rules;
mod signatures;
mod statistics;
mod times;
mod vocabulary;
mod wrappers;
mod yaml;

#[cfg(test)]
mod tests;

use super::scope::Roots;
use super::wanted::Wanted;
use super::{read, roots};
use crate::decode::{Record, without_byte_order_mark};
use statistics::{MOST_RECORDS, Statistics};

/// What samples look like.
#[derive(Debug, Default)]
pub struct Inference {
    /// Records that are JSON.
    pub records: usize,
    /// Records that are not.
    pub unreadable: usize,
    /// Presets for systems whose records these could be, the likeliest first, with the share of
    /// the records that look like it.
    pub presets: Vec<(&'static str, f64)>,
    /// A mapping made from nothing: a text in the language of the configuration. `None`: nothing
    /// looks like the id of a ticket.
    pub mapping: Option<String>,
}

/// The presets for systems whose records these could be, the likeliest first, with the share of the
/// records that look like it.
pub fn known_presets(records: &[Record<'_>]) -> Vec<(&'static str, f64)> {
    let everything = Wanted::everything();
    let mut all: Vec<Roots<'_>> = Vec::new();
    for record in records.iter().take(MOST_RECORDS) {
        let value = without_byte_order_mark(record.value.unwrap_or_default());
        if let Ok(Some(json)) = read(value, &everything) {
            all.push(roots(record, json));
        }
    }
    signatures::presets(&all)
}

/// Looks at the samples; at some thousands of them at most.
pub fn infer(records: &[Record<'_>]) -> Inference {
    let everything = Wanted::everything();
    let mut inference = Inference::default();
    let mut all: Vec<Roots<'_>> = Vec::new();
    for record in records.iter().take(MOST_RECORDS) {
        let value = without_byte_order_mark(record.value.unwrap_or_default());
        match read(value, &everything) {
            Ok(Some(json)) => all.push(roots(record, json)),
            Ok(None) => {}
            Err(_) => inference.unreadable += 1,
        }
    }
    inference.records = all.len();
    inference.presets = signatures::presets(&all);
    let (steps, unwrapped) = wrappers::take_off(all);
    let statistics = Statistics::of(&unwrapped);
    inference.mapping = propose::propose(&statistics, &steps).map(|draft| draft.write());
    inference
}
