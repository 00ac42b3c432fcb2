//! All tickets in memory, found by partition and id.

use std::hint::black_box;

use hashbrown::HashTable;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::ticket::Ticket;

/// Position of a ticket; reused after it is forgotten.
pub type TicketSlot = u32;

/// Half the hash of an id.
type Tag = u32;

/// See the module.
#[derive(Debug, Default)]
pub struct TicketTable {
    tickets: Vec<Option<Ticket>>,
    free: Vec<TicketSlot>,
    /// Tags and slots, hashed by id alone: a ticket that is in another partition too lies next to
    /// it. The tag spares a look at most tickets that are not meant, and at all when growing.
    index: HashTable<(Tag, TicketSlot)>,
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
        let tag = tag(id);
        let mut elsewhere = false;
        let found = self.index.find(hash(tag), |(other, slot)| {
            *other == tag
                && self.get(*slot).is_some_and(|ticket| {
                    let same = ticket.id == id;
                    elsewhere |= same && ticket.partition != partition;
                    same && ticket.partition == partition
                })
        });
        match found {
            Some((_, slot)) => Found::Here(*slot),
            None if elsewhere => Found::Elsewhere,
            None => Found::Nowhere,
        }
    }

    /// Brings what is about to be found into the processor's cache: in one go, since memory
    /// answers many questions in hardly more time than one.
    pub fn warm<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut slots = SmallVec::<[TicketSlot; 64]>::new();
        for id in ids {
            let tag = tag(id);
            if let Some((_, slot)) = self.index.find(hash(tag), |(other, _)| *other == tag) {
                slots.push(*slot);
            }
        }
        for slot in slots {
            if let Some(ticket) = self.get(slot) {
                black_box((
                    ticket.last_at,
                    ticket.priority,
                    ticket.deadlines[0],
                    ticket.id.len(),
                ));
            }
        }
    }

    pub fn get(&self, slot: TicketSlot) -> Option<&Ticket> {
        self.tickets.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: TicketSlot) -> Option<&mut Ticket> {
        self.tickets.get_mut(slot as usize)?.as_mut()
    }

    pub fn insert(&mut self, ticket: Ticket) -> TicketSlot {
        let tag = tag(&ticket.id);
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
        self.index
            .insert_unique(hash(tag), (tag, slot), |(tag, _)| hash(*tag));
        slot
    }

    pub fn remove(&mut self, slot: TicketSlot) -> Option<Ticket> {
        let ticket = self.tickets.get_mut(slot as usize)?.take()?;
        if let Ok(entry) = self
            .index
            .find_entry(hash(tag(&ticket.id)), |(_, other)| *other == slot)
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

#[allow(clippy::cast_possible_truncation, reason = "half of it is enough")]
fn tag(id: &str) -> Tag {
    xxh3_64(id.as_bytes()) as Tag
}

/// Spreads a tag over the bits that the table looks at, the lowest and the highest ones.
fn hash(tag: Tag) -> u64 {
    u64::from(tag)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(32)
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
