//! The table of all tickets in memory, by partition and id.

use std::hint::black_box;

use hashbrown::HashTable;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::ticket::Ticket;

/// The most merges that an event follows. A longer chain is a loop.
pub const LONGEST_MERGE_CHAIN: usize = 16;

/// Position of a ticket in the table. It is reused after the ticket is forgotten.
pub type TicketSlot = u32;

/// A part of the hash of an id.
type Tag = [u8; 2];

/// A slot and the tag of its ticket. The tag avoids looking at other tickets. Byte arrays, because
/// wider types would add two bytes of padding.
#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    slot: [u8; 4],
    tag: Tag,
}

impl IndexEntry {
    fn new(slot: TicketSlot, tag: Tag) -> Self {
        Self {
            slot: slot.to_ne_bytes(),
            tag,
        }
    }

    fn slot(self) -> TicketSlot {
        TicketSlot::from_ne_bytes(self.slot)
    }
}

#[derive(Debug, Default)]
pub struct TicketTable {
    tickets: Vec<Option<Ticket>>,
    free: Vec<TicketSlot>,
    /// Hashed by the id alone, so that a ticket of the same id in another partition is found too.
    index: HashTable<IndexEntry>,
}

/// The result of looking up an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketLookup {
    Here(TicketSlot),
    /// In another partition only.
    Elsewhere,
    Nowhere,
}

impl TicketTable {
    pub fn find(&self, partition: u16, id: &str) -> TicketLookup {
        let (hash, tag) = hash(id);
        let mut elsewhere = false;
        let found = self.index.find(hash, |entry| {
            entry.tag == tag
                && self.get(entry.slot()).is_some_and(|ticket| {
                    let same = ticket.id == id;
                    elsewhere |= same && ticket.partition != partition;
                    same && ticket.partition == partition
                })
        });
        match found {
            Some(entry) => TicketLookup::Here(entry.slot()),
            None if elsewhere => TicketLookup::Elsewhere,
            None => TicketLookup::Nowhere,
        }
    }

    /// Loads tickets into the processor's cache. Memory serves many requests at once in hardly more
    /// time than one.
    pub fn warm<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut slots = SmallVec::<[TicketSlot; 64]>::new();
        for id in ids {
            let (hash, tag) = hash(id);
            if let Some(entry) = self.index.find(hash, |entry| entry.tag == tag) {
                slots.push(entry.slot());
            }
        }
        for slot in slots {
            if let Some(ticket) = self.get(slot) {
                black_box((
                    ticket.last_at,
                    ticket.priority,
                    ticket.next_deadline(),
                    ticket.id.len(),
                ));
            }
        }
    }

    /// The ticket of a partition.
    pub fn get_in(&self, partition: u16, id: &str) -> Option<&Ticket> {
        match self.find(partition, id) {
            TicketLookup::Here(slot) => self.get(slot),
            TicketLookup::Elsewhere | TicketLookup::Nowhere => None,
        }
    }

    pub fn get(&self, slot: TicketSlot) -> Option<&Ticket> {
        self.tickets.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: TicketSlot) -> Option<&mut Ticket> {
        self.tickets.get_mut(slot as usize)?.as_mut()
    }

    pub fn insert(&mut self, ticket: Ticket) -> TicketSlot {
        let (hash, tag) = hash(&ticket.id);
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
        self.index
            .insert_unique(hash, IndexEntry::new(slot, tag), |entry| {
                let ticket = tickets.get(entry.slot() as usize).and_then(Option::as_ref);
                ticket.map_or(0, |ticket| self::hash(&ticket.id).0)
            });
        slot
    }

    pub fn remove(&mut self, slot: TicketSlot) -> Option<Ticket> {
        let ticket = self.tickets.get_mut(slot as usize)?.take()?;
        let (hash, _) = hash(&ticket.id);
        if let Ok(entry) = self.index.find_entry(hash, |entry| entry.slot() == slot) {
            entry.remove();
        }
        self.free.push(slot);
        Some(ticket)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.iter().flatten()
    }

    /// All tickets with their slots.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (TicketSlot, &mut Ticket)> {
        (0..)
            .zip(&mut self.tickets)
            .filter_map(|(slot, ticket)| Some((slot, ticket.as_mut()?)))
    }

    /// The slots of all tickets of a partition.
    pub fn slots_of(&self, partition: u16) -> Vec<TicketSlot> {
        (0..)
            .zip(&self.tickets)
            .filter(|(_, ticket)| {
                let ticket = ticket.as_ref();
                ticket.is_some_and(|ticket| ticket.partition == partition)
            })
            .map(|(slot, _)| slot)
            .collect()
    }

    /// The number of slots, used or not.
    pub fn slots(&self) -> usize {
        self.tickets.len()
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }
}

/// The hash for the table, and a tag from its middle bytes, which the table does not use.
fn hash(id: &str) -> (u64, Tag) {
    let hash = xxh3_64(id.as_bytes());
    let [.., a, b, _, _, _] = hash.to_le_bytes();
    (hash, [a, b])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn finds_by_partition_and_id() {
        let mut table = TicketTable::default();
        let slot = table.insert(Ticket::open("a", 0, Timestamp(0)));
        assert_eq!(table.find(0, "a"), TicketLookup::Here(slot));
        assert_eq!(table.find(1, "a"), TicketLookup::Elsewhere);
        assert_eq!(table.find(0, "b"), TicketLookup::Nowhere);
        let other = table.insert(Ticket::open("a", 1, Timestamp(0)));
        assert_eq!(table.find(1, "a"), TicketLookup::Here(other));
        assert_eq!(table.find(0, "a"), TicketLookup::Here(slot));
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
