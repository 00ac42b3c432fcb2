//! The changes since the last checkpoint: tickets and clocks. Cohorts, windows and labels track their
//! changes themselves.

use compact_str::CompactString;

use super::account::AccountKey;
use super::table::{TicketSlot, TicketTable};
use super::ticket::{Flags, Ticket};
use crate::domain::timestamp::Timestamp;

/// Stream clock and greatest event time of a partition; `None` before the first event.
pub type PartitionClocks = (Option<Timestamp>, Option<Timestamp>);

/// The clocks of the whole engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineClocks {
    /// The time at which the series begin to count.
    pub start: Timestamp,
    /// Whether a scrape has seen the start, so that it can no longer change.
    pub is_fixed: bool,
    /// The clock of the windows; `None` before it first moved.
    pub windows: Option<Timestamp>,
    /// The clock from which on the windows before exist; `None`: always.
    pub past_since: Option<Timestamp>,
    /// The key of the accounts' digests. `None`: a version before 4 stored none.
    pub accounts: Option<AccountKey>,
}

/// Changes for the next checkpoint to write.
#[derive(Debug, Default)]
pub struct StateChanges {
    /// No checkpoint has been written yet.
    pub everything: bool,
    /// The rules differ from the stored ones.
    pub rules: bool,
    /// Slots of changed tickets, each marked [`Flags::DIRTY`]. The slot of a forgotten ticket may
    /// be listed too, and a second time if another ticket uses it.
    tickets: Vec<TicketSlot>,
    /// Partition and id of forgotten tickets. A ticket that was opened again since is first deleted
    /// and then written.
    forgotten: Vec<(u16, CompactString)>,
    /// Keys of stored records that changed rules have made wrong.
    pub obsolete: Vec<Vec<u8>>,
    /// As last written.
    pub partitions: Vec<PartitionClocks>,
    /// As last written.
    pub clocks: Option<EngineClocks>,
}

impl StateChanges {
    /// For a new engine: nothing is stored yet.
    pub fn of_new() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// For a restored engine: everything is stored, but possibly under other rules.
    pub fn of_restored() -> Self {
        Self {
            rules: true,
            ..Self::default()
        }
    }

    pub fn mark(&mut self, ticket: &mut Ticket, slot: TicketSlot) {
        if !ticket.has(Flags::DIRTY) {
            ticket.flags.set(Flags::DIRTY, true);
            self.tickets.push(slot);
        }
    }

    pub fn forget(&mut self, partition: u16, id: CompactString) {
        self.forgotten.push((partition, id));
    }

    /// The slots of the changed tickets, each once. Removes their marks.
    pub fn take_tickets(&mut self, tickets: &mut TicketTable) -> Vec<TicketSlot> {
        let mut changed = std::mem::take(&mut self.tickets);
        changed.retain(|slot| {
            tickets.get_mut(*slot).is_some_and(|ticket| {
                let is_marked = ticket.has(Flags::DIRTY);
                ticket.flags.set(Flags::DIRTY, false);
                is_marked
            })
        });
        changed
    }

    pub fn take_forgotten(&mut self) -> Vec<(u16, CompactString)> {
        std::mem::take(&mut self.forgotten)
    }
}
