//! The samples by ticket, and the evidence for the members of the ticket: a column is taken only if its
//! name and the values of all records agree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn};
use super::names::{IDS, TICKETS, has_any, is_in, words};
use super::samples_table::SamplesTable;
use super::vocabulary::{self, CREATION, PEOPLE, PLAIN_TIMES};
use crate::domain::timestamp::{MINUTE, SECOND, Timestamp};

/// Objects that hold what belongs to the object around them.
const CONTAINERS: &str = "data payload detail details object item entity record resource body \
     fields attributes properties meta";
const CHANGE: &str = "updated update modified changed change mod geändert";
const OCCURRENCE: &str = "occurred occured happened emitted";
/// Times that may be in the future, or belong to something else.
const OTHER_TIMES: &str =
    "due deadline sla expires expiry next target until planned scheduled reminder birth";
/// The difference of clocks and of precision between two times of one record.
const TOLERANCE: i64 = SECOND;
/// A database commits a new row soon after the time in the row.
const COMMIT_DELAY: i64 = MINUTE;
const COMMIT_TIME: &str = "$source.ts_ms";

pub(super) struct Evidence<'t> {
    pub(super) table: &'t SamplesTable,
    pub(super) id: &'t SampleColumn,
    /// The rows of each ticket, in order.
    pub(super) tickets: BTreeMap<&'t str, Vec<usize>>,
}

impl<'t> Evidence<'t> {
    /// `None`: no column is the ticket's id beyond doubt.
    pub(super) fn new(table: &'t SamplesTable) -> Option<Self> {
        let id = ticket_id(table)?;
        let mut tickets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, cell) in &id.cells {
            tickets.entry(&cell.text).or_default().push(*row);
        }
        Some(Self { table, id, tickets })
    }

    /// Whether the records are changes of a database.
    pub(super) fn is_database(&self) -> bool {
        self.table.column("$op").is_some()
    }

    /// Whether the row is a new one in the database.
    pub(super) fn is_new(&self, row: usize) -> bool {
        let operation = self.table.column("$op");
        operation.and_then(|column| column.text(row)) == Some("c")
    }

    pub(super) fn rows(&self) -> BTreeSet<usize> {
        self.id.cells.keys().copied().collect()
    }

    pub(super) fn covers(&self, column: &SampleColumn) -> bool {
        let mut rows = self.id.cells.keys();
        rows.all(|row| column.cells.contains_key(row))
    }

    /// Whether an object holds members of the ticket.
    fn is_home(&self, object: &str) -> bool {
        let inside = object.strip_prefix(self.id.object.as_str());
        inside.is_some_and(|path| {
            let is_part = |word: &String| is_in(CONTAINERS, word) || is_in(TICKETS, word);
            !path.starts_with('$') && words(path).iter().all(is_part)
        })
    }

    /// The best column that fits, of those that belong to the ticket.
    pub(super) fn member(&self, fits: impl Fn(&SampleColumn) -> bool) -> Option<&'t SampleColumn> {
        let is_member = |column: &&SampleColumn| {
            !column.cells.is_empty() && self.is_home(column.subject().1) && fits(column)
        };
        let fitting = self.table.columns.iter().filter(is_member);
        fitting.min_by_key(|column| {
            let is_inside = column.subject().1 != self.id.object;
            let is_number = !column.has_only(&[CellKind::Text]);
            (is_inside, is_number, Reverse(column.cells.len()))
        })
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
        let texts = column.distinct();
        let mut people = self.table.columns.iter().filter(|one| {
            one.path != column.path && one.mentions(PEOPLE) && one.has_only(&[CellKind::Text])
        });
        column.texts().any(|text| text.contains('@'))
            || column.has_only(&[CellKind::Text])
                && people.any(|one| one.texts().any(|text| texts.contains(text)))
    }

    /// Whether tickets share values, as they do of a team and not of a customer.
    pub(super) fn is_shared(&self, column: &SampleColumn) -> bool {
        let mut tickets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (row, cell) in &column.cells {
            let ticket = self.id.text(*row);
            tickets.entry(&cell.text).or_default().extend(ticket);
        }
        tickets.values().any(|tickets| tickets.len() > 1) && tickets.len() < self.tickets.len()
    }

    /// Whether a record of a ticket names an agent or a team, and another one names none.
    pub(super) fn is_sometimes_unassigned(&self, column: &SampleColumn) -> bool {
        let is_unassigned = |row: &usize| {
            let text = column.text(*row);
            text.map_or(column.empty.contains(row), vocabulary::is_unassigned)
        };
        let is_assigned = |row: &usize| column.cells.contains_key(row) && !is_unassigned(row);
        self.tickets
            .values()
            .any(|rows| rows.iter().any(is_unassigned) && rows.iter().any(is_assigned))
    }

    /// Whether these rows are the first ones of their tickets.
    pub(super) fn are_first(&self, rows: &BTreeSet<usize>) -> bool {
        let is_only_first = |ticket: &Vec<usize>| {
            let mut rest = ticket.iter().skip(1);
            rest.all(|row| !rows.contains(row))
        };
        !rows.is_empty() && self.tickets.values().all(is_only_first)
    }

    /// The time of the event: it goes up from record to record, and is the latest time of its record.
    pub(super) fn event_time(&self) -> Option<&'t SampleColumn> {
        if self.is_database() {
            let commit = self.table.column(COMMIT_TIME);
            return commit.filter(|column| self.covers(column));
        }
        let lists = [PLAIN_TIMES, CHANGE, TICKETS, OCCURRENCE];
        let is_known = |word: &String| lists.iter().any(|list| is_in(list, word));
        let rank = |column: &'t SampleColumn| {
            let times = column.times.as_ref()?;
            let is_outside = column.object.is_empty() || column.path.starts_with("$cloudevent");
            let fits = (is_outside || self.is_home(&column.object))
                && column.name.iter().all(is_known)
                && self.covers(column)
                && self.rises(&times.instants)
                && self.is_latest(&times.instants, TOLERANCE);
            // A time in whole seconds is often earlier than the same time in milliseconds.
            let is_rounded = !self.is_latest(&times.instants, 0);
            let is_occurrence = has_any(&column.name, OCCURRENCE);
            let is_change = has_any(&column.name, CHANGE);
            fits.then_some(((is_rounded, !is_occurrence, is_change), column))
        };
        let fitting = self.table.columns.iter().filter_map(rank);
        let best = fitting.min_by_key(|(rank, _)| *rank);
        best.map(|(_, column)| column)
    }

    fn rises(&self, instants: &BTreeMap<usize, Timestamp>) -> bool {
        let pairs = |rows: &Vec<usize>| {
            let times: Vec<Timestamp> = rows.iter().map(|row| instants[row]).collect();
            let pairs = times.windows(2).map(|pair| (pair[0], pair[1]));
            pairs.collect::<Vec<_>>()
        };
        let pairs: Vec<_> = self.tickets.values().flat_map(pairs).collect();
        pairs.iter().all(|(one, next)| one <= next)
            && (pairs.is_empty() || pairs.iter().any(|(one, next)| one < next))
    }

    /// Whether no other time of the record is later. A time of creation or of the last activity is not
    /// the time of the event.
    fn is_latest(&self, instants: &BTreeMap<usize, Timestamp>, tolerance: i64) -> bool {
        let is_other =
            |other: &&SampleColumn| !other.path.starts_with('$') && !other.mentions(OTHER_TIMES);
        let columns = self.table.columns.iter().filter(is_other);
        let mut others = columns.filter_map(|other| other.times.as_ref());
        others.all(|other| {
            let mut instants = instants.iter();
            instants.all(|(row, time)| {
                let other = other.instants.get(row);
                other.is_none_or(|other| other.0 <= time.0 + tolerance)
            })
        })
    }

    /// The time of the ticket's creation, next to its id.
    pub(super) fn creation(&self, at: Option<&SampleColumn>) -> Option<&'t SampleColumn> {
        let at = at.and_then(|column| column.times.as_ref());
        self.member(|column| {
            let Some(times) = &column.times else {
                return false;
            };
            // Times without a zone and times with one cannot be compared. A database column may hold
            // local time, which reads like UTC: the commits of new rows show it.
            let commits = at.filter(|_| self.is_database());
            let event = at.filter(|at| at.needs_zone == times.needs_zone);
            let is_possible = |(row, time): (&usize, &Timestamp)| {
                let is_before = |at: &Timestamp| time.0 <= at.0 + TOLERANCE;
                let is_commit = |at: &Timestamp| {
                    !self.is_new(*row) || (-TOLERANCE..=COMMIT_DELAY).contains(&(at.0 - time.0))
                };
                event
                    .and_then(|at| at.instants.get(row))
                    .is_none_or(is_before)
                    && commits
                        .and_then(|at| at.instants.get(row))
                        .is_none_or(is_commit)
            };
            let is_proved = !self.is_database()
                || commits.is_some() && times.instants.keys().any(|row| self.is_new(*row));
            is_creation(column)
                && is_proved
                && self.is_constant(column) != Some(false)
                && times.instants.iter().all(is_possible)
        })
    }
}

pub(super) fn is_creation(column: &SampleColumn) -> bool {
    let lists = [CREATION, PLAIN_TIMES, TICKETS];
    let is_known = |word: &String| lists.iter().any(|list| is_in(list, word));
    column.times.is_some() && column.name.iter().all(is_known) && has_any(&column.name, CREATION)
}

fn is_one_of(words: &[String], list: &str) -> bool {
    matches!(words, [word] if is_in(list, word))
}

fn ticket_id(table: &SamplesTable) -> Option<&SampleColumn> {
    let best = |fits: &dyn Fn(&SampleColumn) -> bool| {
        let fitting = table
            .columns
            .iter()
            .filter(|column| !column.path.starts_with('$') && column.is_id_like() && fits(column));
        fitting.min_by_key(|column| {
            let last = column.name.last().map_or("", String::as_str);
            let rank = IDS.split(' ').position(|word| word == last);
            (Reverse(column.cells.len()), rank.unwrap_or(usize::MAX))
        })
    };
    best(&|column| is_named_ticket_id(column) && repeats(column)).or_else(|| {
        best(&|column| {
            is_one_of(&column.name, IDS)
                && (column.object.is_empty() || is_one_of(&column.parent, CONTAINERS))
                && has_one_creation(table, column)
        })
    })
}

/// `ticket_id`, `caseNumber`, or `id` inside of `ticket`.
fn is_named_ticket_id(column: &SampleColumn) -> bool {
    match column.name.as_slice() {
        [ticket, id] => is_in(TICKETS, ticket) && is_in(IDS, id),
        [_] if is_one_of(&column.name, IDS) => is_one_of(&column.parent, TICKETS),
        [_] => is_one_of(&column.name, TICKETS) && column.object.is_empty(),
        _ => false,
    }
}

fn repeats(column: &SampleColumn) -> bool {
    let distinct = column.distinct().len();
    distinct < column.cells.len() && (distinct > 1 || column.cells.len() < 10)
}

/// Whether each id has one time of creation, which other ids do not share. That is so of a ticket, and
/// not of a state, a group or a message.
fn has_one_creation(table: &SamplesTable, column: &SampleColumn) -> bool {
    let is_beside = |other: &&SampleColumn| is_creation(other) && other.object == column.object;
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
