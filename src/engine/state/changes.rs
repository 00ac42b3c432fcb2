//! What changed since the last checkpoint: which tickets, and what was written of the few other
//! things. Pairs, windows and labels remember it themselves.

use compact_str::CompactString;

use super::partition::{Clocks, Whole};
use crate::engine::table::{TicketSlot, TicketTable};
use crate::engine::ticket::{Flags, Ticket};

/// See the module.
#[derive(Debug, Default)]
pub struct Changes {
    /// Nothing was written yet, so everything is to be.
    pub everything: bool,
    /// The rules differ from those that were written.
    pub rules: bool,
    /// Slots of changed tickets, each marked [`Flags::DIRTY`]. A slot of a forgotten ticket may
    /// stand here, and once more where it has been used again.
    tickets: Vec<TicketSlot>,
    /// Partition and id of forgotten tickets. One that was opened again since is deleted first and
    /// then written.
    forgotten: Vec<(u16, CompactString)>,
    /// As last written.
    pub partitions: Vec<Clocks>,
    /// As last written.
    pub whole: Option<Whole>,
}

impl Changes {
    /// Nothing is written yet.
    pub fn of_new() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Everything is written, but under other rules perhaps.
    pub fn of_restored() -> Self {
        Self {
            rules: true,
            ..Self::default()
        }
    }

    /// A ticket changed.
    pub fn mark(&mut self, ticket: &mut Ticket, slot: TicketSlot) {
        if !ticket.has(Flags::DIRTY) {
            ticket.flags.set(Flags::DIRTY, true);
            self.tickets.push(slot);
        }
    }

    /// A ticket is no longer remembered.
    pub fn forget(&mut self, partition: u16, id: CompactString) {
        self.forgotten.push((partition, id));
    }

    /// Slots of the tickets that changed, each once, unmarked now.
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
