//! The columns that hold the time of the event and the time of the ticket's creation.

use std::cmp::Reverse;

use super::column::{SampleColumn, share};
use super::evidence::Evidence;
use super::names::{TICKETS, has_any, is_in};
use super::ticket_ids::{LEAST_AGREEMENT, is_creation};
use super::vocabulary::PLAIN_TIMES;
use crate::domain::timestamp::{MINUTE, SECOND, Timestamp};

const CHANGE: &str = "updated update modified changed change mod geändert";
const OCCURRENCE: &str = "occurred occured happened emitted";
/// Times that may be in the future, or belong to something else.
const OTHER_TIMES: &str =
    "due deadline sla expires expiry next target until planned scheduled reminder birth";
/// The difference of clocks and of precision between two times of one record.
const TOLERANCE: i64 = SECOND;
/// A database commits a new row soon after the time in the row.
const COMMIT_DELAY: i64 = MINUTE;

impl<'t> Evidence<'t> {
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
}
