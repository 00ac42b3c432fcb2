//! A ticket's memory of its events: when each member of the state was last stated, the requester, the
//! user's own attributes, and the identities of the last events (contract, section 1).
//!
//! All of it is one list of bytes, because most tickets have little of it and no two have the same: a byte
//! with the counts, the statements, the requester, the attributes, the identities.

use smallvec::SmallVec;

use super::account::AccountDigest;
use super::cohort::MOST_ATTRIBUTES;
use super::labels::NONE_ID;
use super::statement::{StateMember, StateMembers};
use crate::domain::event::EventIdentity;
use crate::domain::timestamp::Timestamp;

/// The number of its last events that a ticket recognizes as duplicates.
pub const REMEMBERED_EVENTS: usize = 256;

/// Forty bits of an event's identity. Among 256 events, the chance of a collision is one in 4·10^9.
type EventDigest = [u8; 5];
const DIGEST_SIZE: usize = size_of::<EventDigest>();

/// Members, and the time at which they were last stated. The time takes the upper bits.
const STATEMENT_SIZE: usize = 7;
const MEMBER_BITS: u64 = (1 << StateMembers::BITS) - 1;
// The times of events must fit into the other bits.
const _: () = assert!(
    Timestamp::LATEST.0 - Timestamp::EARLIEST.0 < 1 << (8 * STATEMENT_SIZE - StateMembers::BITS)
);

const REQUESTER_SIZE: usize = size_of::<u64>();
/// In the first byte. The lowest bits are the number of statements, those between the number of attributes.
const HAS_REQUESTER: u8 = 0x80;
const STATEMENT_COUNT: u8 = 0x0f;
const ATTRIBUTE_SHIFT: u32 = 4;
const ATTRIBUTE_COUNT: u8 = 0x07;
const _: () = assert!(StateMember::ALL.len() <= STATEMENT_COUNT as usize);
const _: () = assert!(MOST_ATTRIBUTES <= ATTRIBUTE_COUNT as usize);

/// Number of the value, number at the last solve, time of the last statement.
const ATTRIBUTE_SIZE: usize = 2 + STATEMENT_SIZE;

/// Enough for two statements and six events, or for three statements, a requester and three events.
const INLINE_SIZE: usize = 48;
/// An allocation of the GNU C library takes a multiple of this, and these bytes for itself.
const ALLOCATION_STEP: usize = 16;
const ALLOCATION_OVERHEAD: usize = 8;

/// One of the user's own attributes of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldAttribute {
    /// Number of the value.
    pub number: u8,
    pub number_at_solve: u8,
    /// When it was last stated.
    pub stated: Timestamp,
}

impl HeldAttribute {
    /// Of a ticket whose events have not stated the attribute.
    pub const NONE: Self = Self {
        number: NONE_ID,
        number_at_solve: NONE_ID,
        stated: Timestamp::EARLIEST,
    };

    fn pack(self) -> [u8; ATTRIBUTE_SIZE] {
        let stated = self.stated.clamp(Timestamp::EARLIEST, Timestamp::LATEST);
        let since = (stated.0 - Timestamp::EARLIEST.0).cast_unsigned();
        let [a, b, c, d, e, f, g, _] = since.to_le_bytes();
        [self.number, self.number_at_solve, a, b, c, d, e, f, g]
    }

    fn unpack([number, at_solve, a, b, c, d, e, f, g]: [u8; ATTRIBUTE_SIZE]) -> Self {
        let since = u64::from_le_bytes([a, b, c, d, e, f, g, 0]);
        Self {
            number,
            number_at_solve: at_solve,
            stated: Timestamp(Timestamp::EARLIEST.0 + since.cast_signed()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct TicketMemory {
    bytes: SmallVec<[u8; INLINE_SIZE]>,
}

impl TicketMemory {
    pub fn new() -> Self {
        Self {
            bytes: SmallVec::from_slice(&[0]),
        }
    }

    /// The memory from its parts. `None`: there are too many statements, attributes or events, or the last
    /// event is incomplete.
    pub fn restored(
        statements: &[(StateMembers, Timestamp)],
        requester: Option<AccountDigest>,
        attributes: &[HeldAttribute],
        identities: &[u8],
    ) -> Option<Self> {
        let is_valid = statements.len() <= StateMember::ALL.len()
            && attributes.len() <= MOST_ATTRIBUTES
            && identities.len().is_multiple_of(DIGEST_SIZE)
            && identities.len() <= REMEMBERED_EVENTS * DIGEST_SIZE;
        if !is_valid {
            return None;
        }
        let mut memory = Self::new();
        for (members, at) in statements {
            memory.state(*members, *at);
        }
        if let Some(requester) = requester {
            memory.set_requester(requester);
        }
        memory.set_attributes(attributes);
        memory.insert(memory.bytes.len(), identities);
        Some(memory)
    }

    /// Notes that members are stated as of `at`. Returns the members that are known as of a later
    /// time: their statements do not count.
    pub fn state(&mut self, members: StateMembers, at: Timestamp) -> StateMembers {
        if members.is_empty() {
            return StateMembers::NONE;
        }
        let at = at.clamp(Timestamp::EARLIEST, Timestamp::LATEST);
        let count = self.statement_count();
        let (places, _) = self.bytes.as_mut_slice()[1..].as_chunks_mut::<STATEMENT_SIZE>();
        let places = &mut places[..count];
        // A member is in one statement only.
        let (mut fresh, mut of_same_time, mut kept) = (members, StateMembers::NONE, 0);
        for position in 0..count {
            let known = Statement::unpack(places[position]);
            let mut still = known.members();
            if known.at() > at {
                fresh = fresh.without(still);
            } else {
                still = still.without(members);
                if known.at() == at {
                    of_same_time = std::mem::take(&mut still);
                }
            }
            if !still.is_empty() {
                places[kept] = Statement::new(still, known.at()).pack();
                kept += 1;
            }
        }
        let stated = fresh.and(of_same_time);
        if !stated.is_empty() {
            let statement = Statement::new(stated, at).pack();
            match places.get_mut(kept) {
                Some(place) => *place = statement,
                None => self.insert(1 + count * STATEMENT_SIZE, &statement),
            }
            kept += 1;
        }
        if kept < count {
            let end = 1 + count * STATEMENT_SIZE;
            self.bytes.drain(1 + kept * STATEMENT_SIZE..end);
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most seven")]
        let first = self.bytes.as_slice()[0] & !STATEMENT_COUNT | kept as u8;
        self.bytes.as_mut_slice()[0] = first;
        members.without(fresh)
    }

    /// When a member was last stated.
    pub fn stated_at(&self, member: StateMember) -> Option<Timestamp> {
        self.statements()
            .find(|(members, _)| members.has(member))
            .map(|(_, at)| at)
    }

    /// The members by the time at which they were last stated.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = (StateMembers, Timestamp)> {
        let statements = self.packed_statements().iter();
        statements.map(|packed| {
            let statement = Statement::unpack(*packed);
            (statement.members(), statement.at())
        })
    }

    fn packed_statements(&self) -> &[[u8; STATEMENT_SIZE]] {
        let (statements, _) = self.bytes.as_slice()[1..].as_chunks();
        &statements[..self.statement_count()]
    }

    pub fn requester(&self) -> Option<AccountDigest> {
        let (digest, _) = self.bytes[self.requester_position()..].split_first_chunk()?;
        self.has_requester()
            .then(|| AccountDigest(u64::from_le_bytes(*digest)))
    }

    pub fn set_requester(&mut self, requester: AccountDigest) {
        let position = self.requester_position();
        let digest = requester.0.to_le_bytes();
        if self.has_requester() {
            self.bytes[position..position + REQUESTER_SIZE].copy_from_slice(&digest);
        } else {
            self.insert(position, &digest);
            self.bytes[0] |= HAS_REQUESTER;
        }
    }

    /// The attributes by position. Those that are behind the last stated one are left out.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = HeldAttribute> {
        let (held, _) = self.bytes[self.attributes_position()..].as_chunks();
        let held = &held[..self.attribute_count()];
        held.iter().map(|packed| HeldAttribute::unpack(*packed))
    }

    pub fn attribute(&self, position: usize) -> HeldAttribute {
        let mut attributes = self.attributes();
        attributes.nth(position).unwrap_or(HeldAttribute::NONE)
    }

    /// Numbers of the values.
    pub fn attribute_numbers(&self) -> [u8; MOST_ATTRIBUTES] {
        self.numbers(|[number, ..]| *number)
    }

    /// Numbers of the values at the last solve.
    pub fn attribute_numbers_at_solve(&self) -> [u8; MOST_ATTRIBUTES] {
        self.numbers(|[_, at_solve, ..]| *at_solve)
    }

    /// Facts need numbers only, so this does not unpack the times.
    fn numbers(&self, of: impl Fn(&[u8; ATTRIBUTE_SIZE]) -> u8) -> [u8; MOST_ATTRIBUTES] {
        let mut numbers = [NONE_ID; MOST_ATTRIBUTES];
        let count = self.attribute_count();
        if count > 0 {
            let (held, _) = self.bytes.as_slice()[self.attributes_position()..].as_chunks();
            for (number, held) in numbers.iter_mut().zip(&held[..count]) {
                *number = of(held);
            }
        }
        numbers
    }

    pub fn set_attribute(&mut self, position: usize, held: HeldAttribute) {
        while self.attribute_count() <= position {
            self.insert(self.identities_position(), &HeldAttribute::NONE.pack());
            self.bytes[0] += 1 << ATTRIBUTE_SHIFT;
        }
        let start = self.attributes_position() + position * ATTRIBUTE_SIZE;
        self.bytes[start..start + ATTRIBUTE_SIZE].copy_from_slice(&held.pack());
    }

    /// Sets all attributes, at most [`MOST_ATTRIBUTES`].
    pub fn set_attributes(&mut self, attributes: &[HeldAttribute]) {
        let (start, end) = (self.attributes_position(), self.identities_position());
        self.bytes.drain(start..end);
        self.bytes[0] &= !(ATTRIBUTE_COUNT << ATTRIBUTE_SHIFT);
        for (position, held) in attributes.iter().enumerate() {
            self.set_attribute(position, *held);
        }
    }

    /// Notes the current values as those of the solve.
    pub fn note_attributes_at_solve(&mut self) {
        for position in 0..self.attribute_count() {
            let mut held = self.attribute(position);
            held.number_at_solve = held.number;
            self.set_attribute(position, held);
        }
    }

    /// Remembers an event. `false` if it is one of the remembered events already.
    pub fn remember(&mut self, identity: EventIdentity) -> bool {
        let [a, b, c, d, e, ..] = identity.0.to_le_bytes();
        let digest: EventDigest = [a, b, c, d, e];
        // As numbers: slices of five bytes are compared by a function call.
        let number = |[a, b, c, d, e]: EventDigest| u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        let (known, _) = self.identities().as_chunks::<DIGEST_SIZE>();
        if known.iter().any(|known| number(*known) == number(digest)) {
            return false;
        }
        if known.len() == REMEMBERED_EVENTS {
            let oldest = self.identities_position();
            self.bytes.drain(oldest..oldest + DIGEST_SIZE);
        }
        self.make_room(DIGEST_SIZE);
        self.bytes.extend_from_slice(&digest);
        true
    }

    /// The digests of the remembered events, oldest first.
    pub fn identities(&self) -> &[u8] {
        &self.bytes.as_slice()[self.identities_position()..]
    }

    fn statement_count(&self) -> usize {
        usize::from(self.bytes.as_slice()[0] & STATEMENT_COUNT)
    }

    fn attribute_count(&self) -> usize {
        usize::from(self.bytes.as_slice()[0] >> ATTRIBUTE_SHIFT & ATTRIBUTE_COUNT)
    }

    fn has_requester(&self) -> bool {
        self.bytes.as_slice()[0] & HAS_REQUESTER != 0
    }

    fn requester_position(&self) -> usize {
        1 + self.statement_count() * STATEMENT_SIZE
    }

    fn attributes_position(&self) -> usize {
        self.requester_position() + usize::from(self.has_requester()) * REQUESTER_SIZE
    }

    fn identities_position(&self) -> usize {
        self.attributes_position() + self.attribute_count() * ATTRIBUTE_SIZE
    }

    fn insert(&mut self, position: usize, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.insert_from_slice(position, bytes);
    }

    /// Doubling would waste a quarter of the memory.
    fn make_room(&mut self, more: usize) {
        let length = self.bytes.len();
        if length + more > self.bytes.capacity() {
            let wanted = length + more.max(length / 8) + ALLOCATION_OVERHEAD;
            let capacity = wanted.next_multiple_of(ALLOCATION_STEP) - ALLOCATION_OVERHEAD;
            self.bytes.reserve_exact(capacity - length);
        }
    }
}

/// Members in the lowest bits, above them the time since the earliest one.
#[derive(Clone, Copy, Debug)]
struct Statement(u64);

impl Statement {
    fn new(members: StateMembers, at: Timestamp) -> Self {
        let since = (at.0 - Timestamp::EARLIEST.0).cast_unsigned();
        Self(since << StateMembers::BITS | u64::from(members.bits()))
    }

    fn members(self) -> StateMembers {
        #[allow(clippy::cast_possible_truncation, reason = "seven bits")]
        StateMembers::from_bits((self.0 & MEMBER_BITS) as u8).unwrap_or_default()
    }

    fn at(self) -> Timestamp {
        Timestamp(Timestamp::EARLIEST.0 + (self.0 >> StateMembers::BITS).cast_signed())
    }

    fn pack(self) -> [u8; STATEMENT_SIZE] {
        let [a, b, c, d, e, f, g, _] = self.0.to_le_bytes();
        [a, b, c, d, e, f, g]
    }

    fn unpack([a, b, c, d, e, f, g]: [u8; STATEMENT_SIZE]) -> Self {
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, 0]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn remembers_the_last_events() {
        let mut memory = TicketMemory::new();
        let last = REMEMBERED_EVENTS as u64 + 4;
        for identity in 0..last {
            assert!(memory.remember(EventIdentity(identity)));
        }
        assert!(!memory.remember(EventIdentity(4)), "still known");
        assert!(memory.remember(EventIdentity(3)), "forgotten");
        assert_eq!(memory.identities().len(), REMEMBERED_EVENTS * DIGEST_SIZE);
    }

    /// A ticket with ten events pays for ten.
    #[test]
    fn memory_grows_with_the_events() {
        let mut memory = TicketMemory::new();
        memory.state(
            StateMembers::NONE.with(StateMember::Team),
            Timestamp::LATEST,
        );
        for identity in 0..8 {
            memory.remember(EventIdentity(identity));
        }
        assert!(!memory.bytes.spilled());
        for identity in 8..100 {
            memory.remember(EventIdentity(identity));
            let most = memory.bytes.len() * 9 / 8 + ALLOCATION_STEP;
            assert!(memory.bytes.capacity() <= most);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        State(u8, i64),
        Requester(u64),
        Attribute(usize, u8, i64),
        Solve,
        Remember(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let at = prop_oneof![
            0_i64..6,
            Just(Timestamp::EARLIEST.0),
            Just(Timestamp::LATEST.0)
        ];
        let step = prop_oneof![
            (0..1_u8 << StateMembers::BITS, at).prop_map(|(bits, at)| Step::State(bits, at)),
            any::<u64>().prop_map(Step::Requester),
            (0..MOST_ATTRIBUTES, any::<u8>(), 0_i64..6)
                .prop_map(|(position, number, at)| Step::Attribute(position, number, at)),
            Just(Step::Solve),
            (0_u64..30).prop_map(Step::Remember),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        /// The list of bytes behaves as maps do, and comes back from its parts.
        #[test]
        fn parts_do_not_disturb_each_other(steps in steps()) {
            let mut memory = TicketMemory::new();
            let mut stated: HashMap<u8, i64> = HashMap::new();
            let mut requester = None;
            let mut attributes = [HeldAttribute::NONE; MOST_ATTRIBUTES];
            let mut events: Vec<u64> = Vec::new();
            for step in steps {
                match step {
                    Step::State(bits, at) => {
                        let members = StateMembers::from_bits(bits).unwrap();
                        let stale = memory.state(members, Timestamp(at));
                        for member in members.iter() {
                            let known = stated.entry(member as u8).or_insert(i64::MIN);
                            prop_assert_eq!(stale.has(member), at < *known);
                            *known = at.max(*known);
                        }
                        prop_assert!(stale.without(members).is_empty());
                    }
                    Step::Requester(digest) => {
                        requester = Some(AccountDigest(digest));
                        memory.set_requester(AccountDigest(digest));
                    }
                    Step::Attribute(position, number, at) => {
                        let held = HeldAttribute {
                            number,
                            stated: Timestamp(at),
                            ..memory.attribute(position)
                        };
                        attributes[position] = held;
                        memory.set_attribute(position, held);
                    }
                    Step::Solve => {
                        for held in &mut attributes {
                            held.number_at_solve = held.number;
                        }
                        memory.note_attributes_at_solve();
                    }
                    Step::Remember(identity) => {
                        let is_new = !events.contains(&identity);
                        prop_assert_eq!(memory.remember(EventIdentity(identity)), is_new);
                        if is_new {
                            events.push(identity);
                        }
                    }
                }
                for member in StateMember::ALL {
                    let known = stated.get(&(member as u8)).copied().map(Timestamp);
                    prop_assert_eq!(memory.stated_at(member), known);
                }
                prop_assert_eq!(memory.requester(), requester);
                for (position, held) in attributes.iter().enumerate() {
                    prop_assert_eq!(memory.attribute(position), *held);
                }
                let held: Vec<_> = memory.attributes().collect();
                prop_assert_eq!(memory.identities().len(), events.len() * DIGEST_SIZE);
                let statements: Vec<_> = memory.statements().collect();
                let restored =
                    TicketMemory::restored(&statements, requester, &held, memory.identities()).unwrap();
                prop_assert_eq!(restored.bytes, memory.bytes.clone());
            }
        }
    }
}
