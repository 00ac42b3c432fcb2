//! All tickets in memory, found by partition and id.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::ticket::Ticket;

/// Position of a ticket; reused after it is forgotten.
pub type TicketSlot = u32;

/// See the module.
#[derive(Debug, Default)]
pub struct TicketTable {
    tickets: Vec<Option<Ticket>>,
    free: Vec<TicketSlot>,
    /// Slots, hashed by id alone: a ticket that is in another partition too lies next to it.
    index: HashTable<TicketSlot>,
}

/// Where an id was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Here(TicketSlot),
    /// Not in this partition, but in another one.
    Elsewhere,
    Nowhere,
}

impl TicketTable {
    pub fn find(&self, partition: u16, id: &str) -> Found {
        let mut elsewhere = false;
        let found = self
            .index
            .find(hash(id), |slot| match &self.tickets[*slot as usize] {
                Some(ticket) if ticket.id == id => {
                    elsewhere |= ticket.partition != partition;
                    ticket.partition == partition
                }
                _ => false,
            });
        match found {
            Some(slot) => Found::Here(*slot),
            None if elsewhere => Found::Elsewhere,
            None => Found::Nowhere,
        }
    }

    pub fn get(&self, slot: TicketSlot) -> Option<&Ticket> {
        self.tickets.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: TicketSlot) -> Option<&mut Ticket> {
        self.tickets.get_mut(slot as usize)?.as_mut()
    }

    pub fn insert(&mut self, ticket: Ticket) -> TicketSlot {
        let hash = hash(&ticket.id);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.tickets[slot as usize] = Some(ticket);
                slot
            }
            None => {
                self.tickets.push(Some(ticket));
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "memory ends before 2^32 tickets"
                )]
                let slot = (self.tickets.len() - 1) as TicketSlot;
                slot
            }
        };
        let tickets = &self.tickets;
        self.index.insert_unique(hash, slot, |slot| {
            tickets[*slot as usize]
                .as_ref()
                .map_or(0, |ticket| self::hash(&ticket.id))
        });
        slot
    }

    pub fn remove(&mut self, slot: TicketSlot) -> Option<Ticket> {
        let ticket = self.tickets.get_mut(slot as usize)?.take()?;
        if let Ok(entry) = self
            .index
            .find_entry(hash(&ticket.id), |other| *other == slot)
        {
            entry.remove();
        }
        self.free.push(slot);
        Some(ticket)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.iter().flatten()
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn finds_by_partition_and_id() {
        let mut table = TicketTable::default();
        let slot = table.insert(Ticket::open("a", 0, Timestamp(0)));
        assert_eq!(table.find(0, "a"), Found::Here(slot));
        assert_eq!(table.find(1, "a"), Found::Elsewhere);
        assert_eq!(table.find(0, "b"), Found::Nowhere);
        let other = table.insert(Ticket::open("a", 1, Timestamp(0)));
        assert_eq!(table.find(1, "a"), Found::Here(other));
        assert_eq!(table.find(0, "a"), Found::Here(slot));
    }

    #[test]
    fn a_forgotten_slot_is_used_again() {
        let mut table = TicketTable::default();
        for round in 0..1_000 {
            let slot = table.insert(Ticket::open(&format!("t{round}"), 0, Timestamp(0)));
            assert_eq!(slot, 0);
            assert!(table.remove(slot).is_some());
            assert!(table.remove(slot).is_none());
        }
        assert_eq!(table.len(), 0);
    }
}
