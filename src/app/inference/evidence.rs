//! The samples by ticket, and the evidence for the members of the ticket: a column is taken only if its
//! name and the values of all records agree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn};
use super::names::has_any;
use super::samples_table::SamplesTable;
use super::ticket_ids::{homes, ticket_ids};
use super::vocabulary::{self, PEOPLE};

pub(super) struct Evidence<'t> {
    pub(super) table: &'t SamplesTable,
    /// `$op` of each row. All are `None` if the records are not changes of a database.
    pub(super) operations: Vec<Option<String>>,
    pub(super) ids: Vec<&'t SampleColumn>,
    /// The rows of each ticket, in order.
    pub(super) tickets: BTreeMap<&'t str, Vec<usize>>,
    /// The paths of the objects that hold the ticket's members.
    pub(super) homes: Vec<String>,
}

impl<'t> Evidence<'t> {
    /// `None`: no column is the ticket's id beyond doubt.
    pub(super) fn new(table: &'t SamplesTable, operations: Vec<Option<String>>) -> Option<Self> {
        let ids = ticket_ids(table);
        if ids.is_empty() {
            return None;
        }
        let mut tickets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for row in 0..table.rows {
            if let Some(ticket) = ids.iter().find_map(|column| column.text(row)) {
                tickets.entry(ticket).or_default().push(row);
            }
        }
        Some(Self {
            homes: homes(table, &ids),
            table,
            operations,
            ids,
            tickets,
        })
    }

    pub(super) fn is_database(&self) -> bool {
        self.operations.iter().any(Option::is_some)
    }

    pub(super) fn rows(&self) -> BTreeSet<usize> {
        self.tickets.values().flatten().copied().collect()
    }

    /// The columns of one member of the ticket: the best one that fits, and the same member in the
    /// ticket's other objects.
    pub(super) fn member(&self, fits: impl Fn(&SampleColumn) -> bool) -> Vec<&'t SampleColumn> {
        let home =
            |column: &SampleColumn| self.homes.iter().position(|one| one == column.subject().1);
        let mut fitting: Vec<(usize, &SampleColumn)> = self
            .table
            .columns
            .iter()
            .filter(|column| !column.cells.is_empty())
            .filter_map(|column| Some((home(column)?, column)))
            .filter(|(_, column)| fits(column))
            .collect();
        fitting.sort_by_key(|(home, column)| {
            let text = usize::from(!column.has_only(&[CellKind::Text]));
            (*home, text, Reverse(column.cells.len()))
        });
        let mut chosen: Vec<&SampleColumn> = Vec::new();
        let mut used = BTreeSet::new();
        for (home, column) in fitting {
            let is_same = chosen.first().is_none_or(|first| {
                first.subject().0 == column.subject().0 && first.name == column.name
            });
            if is_same && used.insert(home) {
                chosen.push(column);
            }
        }
        chosen
    }

    /// Whether all records of a ticket have the same value. `None`: no ticket has two values.
    pub(super) fn is_constant(&self, column: &SampleColumn) -> Option<bool> {
        let mut answer = None;
        for rows in self.tickets.values() {
            let mut texts = rows.iter().filter_map(|row| column.text(*row));
            let Some(first) = texts.next() else { continue };
            for other in texts {
                if other != first {
                    return Some(false);
                }
                answer = Some(true);
            }
        }
        answer
    }

    /// Whether a column names people: its name says so, or its values are those of a column that does.
    pub(super) fn names_people(&self, column: &SampleColumn) -> bool {
        let is_about_people =
            |one: &SampleColumn| has_any(&one.name, PEOPLE) || has_any(&one.parent, PEOPLE);
        let texts = column.distinct();
        let mut people = self.table.columns.iter().filter(|one| {
            one.path != column.path && is_about_people(one) && one.has_only(&[CellKind::Text])
        });
        column.texts().any(|text| text.contains('@'))
            || column.has_only(&[CellKind::Text])
                && people.any(|one| one.texts().any(|text| texts.contains(text)))
    }

    /// Whether tickets share values, as they do of a team and not of a customer.
    pub(super) fn is_shared(&self, column: &SampleColumn) -> bool {
        let mut tickets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (ticket, rows) in &self.tickets {
            for text in rows.iter().filter_map(|row| column.text(*row)) {
                tickets.entry(text).or_default().insert(ticket);
            }
        }
        tickets.values().any(|tickets| tickets.len() > 1) && tickets.len() < self.tickets.len()
    }

    /// Whether a record of a ticket names an agent or a team, and another one names none.
    pub(super) fn is_sometimes_unassigned(&self, column: &SampleColumn) -> bool {
        let is_unassigned = |row: &usize| {
            let text = column.text(*row);
            text.map_or(column.empty.contains(row), vocabulary::is_unassigned)
        };
        let is_set = |row: &usize| {
            column
                .text(*row)
                .is_some_and(|text| !vocabulary::is_unassigned(text))
        };
        self.tickets
            .values()
            .any(|rows| rows.iter().any(is_unassigned) && rows.iter().any(is_set))
    }
}
