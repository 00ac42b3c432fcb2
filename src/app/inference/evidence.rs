//! Which columns are the ticket's id, its times and its members. A column is taken only where its name
//! and the values of all records agree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleCell, SampleColumn, share};
use super::names::{IDS, TICKETS, has_any, is_in, words};
use super::samples_table::SamplesTable;
use super::vocabulary::{self, PEOPLE};
use crate::domain::timestamp::{MINUTE, SECOND, Timestamp};

/// Objects that hold what belongs to the object around them.
const CONTAINERS: &str = "data payload detail details object item entity record resource body \
     fields attributes properties meta";
const CREATION: &str = "created creation create opened opening submitted registered erstellt";
const CHANGE: &str = "updated update modified changed change mod geändert";
const OCCURRENCE: &str = "occurred occured happened emitted";
/// Words that say no more than that it is a time.
const PLAIN_TIMES: &str = "at on time timestamp date datetime ts ms last event";
/// Times that may be in the future, or belong to something else.
const OTHER_TIMES: &str =
    "due deadline sla expires expiry next target until planned scheduled reminder birth";
/// This share of the records has to agree with what a name says.
const LEAST_AGREEMENT: f64 = 0.9;
/// Differences of clocks and of precision between two times of one record.
const TOLERANCE: i64 = SECOND;
/// A database commits a new row soon after the time that the row says.
const COMMIT_DELAY: i64 = MINUTE;

/// The samples, once it is known which ticket each record is about.
pub(super) struct Evidence<'t> {
    pub(super) table: &'t SamplesTable,
    /// `$op` of each row; empty where the records are no changes of a database.
    pub(super) operations: Vec<Option<String>>,
    pub(super) ids: Vec<&'t SampleColumn>,
    /// The rows of each ticket, in order.
    pub(super) tickets: BTreeMap<&'t str, Vec<usize>>,
    /// The paths of the objects that hold the ticket's members.
    homes: Vec<String>,
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

    /// The times of the events, the best column first. Empty: none is certain.
    pub(super) fn event_times(&self) -> Vec<&'t SampleColumn> {
        if self.is_database()
            && let Some(commit) = self.table.column("$source.ts_ms")
        {
            return vec![commit];
        }
        let mut fitting: Vec<(u8, &SampleColumn)> = self
            .table
            .columns
            .iter()
            .filter_map(|column| Some((self.event_time_rank(column)?, column)))
            .filter(|(_, column)| self.rises(column) && self.is_latest(column, TOLERANCE))
            .collect();
        fitting.sort_by_key(|(rank, column)| {
            // A time in whole seconds is often earlier than the same time in milliseconds.
            let is_rounded = !self.is_latest(column, 0);
            (is_rounded, *rank, Reverse(column.cells.len()))
        });
        let mut missing = self.rows();
        let mut chosen = Vec::new();
        for (_, column) in fitting {
            let before = missing.len();
            missing.retain(|row| !column.cells.contains_key(row));
            if missing.len() < before {
                chosen.push(column);
            }
        }
        chosen
    }

    fn event_time_rank(&self, column: &SampleColumn) -> Option<u8> {
        column.times.as_ref()?;
        let is_home = self.homes.contains(&column.around[0]);
        let is_outside = column.around[0].is_empty() || column.path.starts_with("$cloudevent");
        let lists = [PLAIN_TIMES, CHANGE, TICKETS, OCCURRENCE];
        let is_known = |word: &String| lists.iter().any(|list| is_in(list, word));
        if !column.name.iter().all(is_known) {
            None
        } else if has_any(&column.name, OCCURRENCE) {
            Some(0)
        } else if has_any(&column.name, CHANGE) {
            is_home.then_some(2)
        } else {
            (is_outside || is_home).then_some(1)
        }
    }

    /// Whether the times of a ticket go up from record to record.
    fn rises(&self, column: &SampleColumn) -> bool {
        let Some(times) = &column.times else {
            return false;
        };
        let mut has_risen = false;
        let mut has_pair = false;
        for rows in self.tickets.values() {
            let instants: Vec<Timestamp> = rows
                .iter()
                .filter_map(|row| times.instants.get(row).copied())
                .collect();
            for pair in instants.windows(2) {
                has_pair = true;
                has_risen |= pair[0] < pair[1];
                if pair[0] > pair[1] {
                    return false;
                }
            }
        }
        has_risen || !has_pair
    }

    /// Whether no other time of the record is later. A time of creation or of the last activity is not
    /// the time of the event.
    fn is_latest(&self, column: &SampleColumn, tolerance: i64) -> bool {
        let Some(times) = &column.times else {
            return false;
        };
        let is_other = |other: &&SampleColumn| {
            let is_later = has_any(&other.name, OTHER_TIMES) || has_any(&other.parent, OTHER_TIMES);
            !other.path.starts_with('$') && !is_later
        };
        let others: Vec<&SampleColumn> = self.table.columns.iter().filter(is_other).collect();
        let holds = |(row, time): &(&usize, &Timestamp)| {
            others
                .iter()
                .filter_map(|other| other.times.as_ref()?.instants.get(row))
                .all(|other| other.0 <= time.0 + tolerance)
        };
        let agreeing = times.instants.iter().filter(holds).count();
        share(agreeing, times.instants.len()) >= LEAST_AGREEMENT
    }

    /// The time of the ticket's creation, next to its id.
    pub(super) fn creation(&self, at: &[&SampleColumn]) -> Vec<&'t SampleColumn> {
        let columns = self.member(|column| {
            is_creation(column)
                && self.is_constant(column) != Some(false)
                && self.is_before(column, at)
        });
        let is_certain = !self.is_database() || columns.iter().all(|one| self.fits_commits(one));
        if is_certain { columns } else { Vec::new() }
    }

    fn is_before(&self, column: &SampleColumn, at: &[&SampleColumn]) -> bool {
        let Some(times) = &column.times else {
            return false;
        };
        // Times without a zone and times with one cannot be compared.
        times.instants.iter().all(|(row, time)| {
            let event = at.iter().find_map(|one| {
                let event = one.times.as_ref()?;
                (event.needs_zone == times.needs_zone).then(|| event.instants.get(row))?
            });
            event.is_none_or(|event| time.0 <= event.0 + TOLERANCE)
        })
    }

    /// Whether new rows were committed at the time of creation that they have: a column may hold local
    /// time, which reads like UTC.
    fn fits_commits(&self, column: &SampleColumn) -> bool {
        let commits = self.table.column("$source.ts_ms");
        let (Some(times), Some(commits)) = (
            &column.times,
            commits.and_then(|column| column.times.as_ref()),
        ) else {
            return false;
        };
        let mut delays = times.instants.iter().filter_map(|(row, time)| {
            let is_new = self.operations[*row].as_deref() == Some("c");
            let commit = commits.instants.get(row).filter(|_| is_new)?;
            Some(commit.0 - time.0)
        });
        let first = delays.next();
        let mut all = first.into_iter().chain(delays);
        first.is_some() && all.all(|delay| (-TOLERANCE..=COMMIT_DELAY).contains(&delay))
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

    /// Whether some record of a ticket has no value, or a word for nobody, and another one has a value.
    pub(super) fn is_sometimes_nobody(&self, column: &SampleColumn) -> bool {
        let is_nobody = |row: &usize| {
            let text = column.text(*row);
            text.map_or(column.empty.contains(row), vocabulary::is_nobody)
        };
        let is_set = |row: &usize| {
            column
                .text(*row)
                .is_some_and(|text| !vocabulary::is_nobody(text))
        };
        self.tickets
            .values()
            .any(|rows| rows.iter().any(is_nobody) && rows.iter().any(is_set))
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

fn repeats(column: &SampleColumn) -> bool {
    let distinct = column.distinct().len();
    distinct < column.cells.len() && (distinct > 1 || column.cells.len() < 10)
}

fn has_digits(column: &SampleColumn) -> bool {
    column
        .texts()
        .all(|text| text.bytes().any(|byte| byte.is_ascii_digit()))
}

fn ticket_ids(table: &SamplesTable) -> Vec<&SampleColumn> {
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

fn homes(table: &SamplesTable, ids: &[&SampleColumn]) -> Vec<String> {
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
