//! The columns that hold the ticket's id.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleCell, SampleColumn, share};
use super::names::{IDS, TICKETS, has_any, is_in, words};
use super::samples_table::SamplesTable;
use super::vocabulary::{CREATION, PLAIN_TIMES};

/// Objects that hold what belongs to the object around them.
const CONTAINERS: &str = "data payload detail details object item entity record resource body \
     fields attributes properties meta";
/// This share of the records has to agree with the meaning of a name.
pub(super) const LEAST_AGREEMENT: f64 = 0.9;

pub(super) fn is_creation(column: &SampleColumn) -> bool {
    let lists = [CREATION, PLAIN_TIMES, TICKETS];
    let is_known = |word: &String| lists.iter().any(|list| is_in(list, word));
    column.times.is_some() && column.name.iter().all(is_known) && has_any(&column.name, CREATION)
}

fn is_one_of(words: &[String], list: &str) -> bool {
    matches!(words, [word] if is_in(list, word))
}

fn repeats(column: &SampleColumn) -> bool {
    let distinct = column.distinct().len();
    distinct < column.cells.len() && (distinct > 1 || column.cells.len() < 10)
}

fn has_digits(column: &SampleColumn) -> bool {
    column
        .texts()
        .all(|text| text.bytes().any(|byte| byte.is_ascii_digit()))
}

pub(super) fn ticket_ids(table: &SamplesTable) -> Vec<&SampleColumn> {
    let rank = |column: &SampleColumn| {
        let last = column.name.last().map_or("", String::as_str);
        IDS.split(' ')
            .position(|word| word == last)
            .unwrap_or(usize::MAX)
    };
    let mut fitting: Vec<&SampleColumn> = table
        .columns
        .iter()
        .filter(|column| column.is_id_like() && has_digits(column) && repeats(column))
        .filter(|column| is_named_ticket_id(column))
        .collect();
    if fitting.is_empty() {
        let identifies =
            |column: &&SampleColumn| is_plain_id(column) && has_one_creation(table, column);
        fitting = table.columns.iter().filter(identifies).collect();
    }
    fitting.sort_by_key(|column| {
        (
            Reverse(column.cells.len()),
            rank(column),
            column.path.clone(),
        )
    });
    let Some(first) = fitting.first() else {
        return Vec::new();
    };
    let mut ids = vec![*first];
    ids.extend(elsewhere(table, first));
    ids
}

/// `ticket_id`, `caseNumber`, or `id` inside of `ticket`.
fn is_named_ticket_id(column: &SampleColumn) -> bool {
    match column.name.as_slice() {
        [ticket, id] => is_in(TICKETS, ticket) && is_in(IDS, id),
        [_] if is_one_of(&column.name, IDS) => is_one_of(&column.parent, TICKETS),
        [_] => is_one_of(&column.name, TICKETS) && column.around[0].is_empty(),
        _ => false,
    }
}

/// A mere `id` of the record, or of an object that stands for the record.
fn is_plain_id(column: &SampleColumn) -> bool {
    let is_outside = column.around[0].is_empty() || is_one_of(&column.parent, CONTAINERS);
    let is_number = column.has_only(&[CellKind::Number]) && column.is_named(&["name"]);
    is_outside
        && !column.path.starts_with('$')
        && column.is_id_like()
        && has_digits(column)
        && (is_one_of(&column.name, IDS) || is_number)
}

/// Whether each id has one time of creation, which other ids do not share. That is so of a ticket, and
/// not of a state, a group or a message.
fn has_one_creation(table: &SamplesTable, column: &SampleColumn) -> bool {
    let is_beside = |other: &&SampleColumn| is_creation(other) && other.around == column.around;
    let identifies = |creation: &SampleColumn| {
        let mut created: BTreeMap<&str, &str> = BTreeMap::new();
        for (row, cell) in &column.cells {
            let Some(time) = creation.text(*row) else {
                return false;
            };
            if *created.entry(&cell.text).or_insert(time) != time {
                return false;
            }
        }
        let times: BTreeSet<&str> = created.values().copied().collect();
        created.len() > 1 && times.len() * 2 > created.len() && created.len() < column.cells.len()
    };
    table.columns.iter().filter(is_beside).any(identifies)
}

/// The id in the records without the first one. It has the values of the first one, with the same times of
/// creation, or it is in a database table of tickets.
fn elsewhere<'t>(table: &'t SamplesTable, first: &SampleColumn) -> Option<&'t SampleColumn> {
    let created = |id: &SampleColumn| {
        let is_beside = |other: &&SampleColumn| is_creation(other) && other.around == id.around;
        table.columns.iter().find(is_beside)
    };
    let first_created: BTreeMap<&str, Option<&str>> = first
        .cells
        .iter()
        .map(|(row, cell)| {
            (
                cell.text.as_str(),
                created(first).and_then(|one| one.text(*row)),
            )
        })
        .collect();
    let source = table.column("$source.table");
    let is_ticket_table = |row: usize| {
        let name = source.and_then(|source| source.text(row));
        name.is_some_and(|name| has_any(&words(name.trim_end_matches('s')), TICKETS))
    };
    let fits = |column: &&SampleColumn| {
        let others = || {
            let cells = column.cells.iter();
            cells.filter(|(row, _)| !first.cells.contains_key(row))
        };
        let texts: BTreeSet<&str> = others().map(|(_, cell)| cell.text.as_str()).collect();
        let is_same = |(row, cell): (&usize, &SampleCell)| {
            is_ticket_table(*row)
                || first_created.get(cell.text.as_str()).is_none_or(|time| {
                    time.is_some() && *time == created(column).and_then(|one| one.text(*row))
                })
        };
        let shared = texts
            .iter()
            .filter(|text| first_created.contains_key(*text))
            .count();
        is_plain_id(column)
            && shared > 1
            && share(shared, texts.len()) >= LEAST_AGREEMENT
            && others().all(is_same)
    };
    let fitting = table.columns.iter().filter(fits);
    fitting.max_by_key(|column| column.cells.len())
}

pub(super) fn homes(table: &SamplesTable, ids: &[&SampleColumn]) -> Vec<String> {
    let mut homes: Vec<String> = Vec::new();
    for id in ids {
        if !homes.contains(&id.around[0]) {
            homes.push(id.around[0].clone());
        }
    }
    let mut known = 0;
    while known < homes.len() {
        for column in &table.columns {
            let is_part =
                is_one_of(&column.parent, CONTAINERS) || is_one_of(&column.parent, TICKETS);
            if is_part
                && column.around.get(1) == Some(&homes[known])
                && !homes.contains(&column.around[0])
            {
                homes.push(column.around[0].clone());
            }
        }
        known += 1;
    }
    homes
}
