//! The user's own attributes over a change of the rules. Stored values follow the name of their attribute.

use super::rules::StoredAttribute;
use crate::engine::cohort::{CohortKey, MOST_ATTRIBUTES};
use crate::engine::labels::NONE_ID;
use crate::engine::memory::{HeldAttribute, TicketMemory};
use crate::engine::rules::AttributeRule;

/// The stored position of each current attribute.
#[derive(Debug)]
pub struct AttributeMoves {
    /// By current position. `None`: the attribute is new.
    stored: Vec<Option<usize>>,
    /// By current position, whether it is a label.
    are_labels: Vec<bool>,
    /// Whether all records stay as they are.
    pub are_none: bool,
}

impl AttributeMoves {
    pub fn new(before: &[StoredAttribute], now: &[AttributeRule]) -> Self {
        let is_same = |(before, now): (&StoredAttribute, &AttributeRule)| {
            before.name == now.name && before.is_label == now.is_label
        };
        let position = |rule: &AttributeRule| {
            let mut before = before.iter();
            before.position(|attribute| attribute.name == rule.name)
        };
        Self {
            stored: now.iter().map(position).collect(),
            are_labels: now.iter().map(|rule| rule.is_label).collect(),
            are_none: before.len() == now.len() && before.iter().zip(now).all(is_same),
        }
    }

    /// The stored position of a current attribute.
    pub fn stored(&self, current: usize) -> Option<usize> {
        self.stored[current]
    }

    /// The labels that a stored cohort has now.
    pub fn cohort(&self, stored: CohortKey) -> CohortKey {
        let mut attributes = [NONE_ID; MOST_ATTRIBUTES];
        let places = self.stored.iter().zip(&self.are_labels);
        for (label, (before, is_label)) in attributes.iter_mut().zip(places) {
            if let Some(before) = before.filter(|_| *is_label) {
                *label = stored.attributes[before];
            }
        }
        CohortKey {
            attributes,
            ..stored
        }
    }

    /// Moves the attributes of a ticket. Returns whether they changed.
    pub fn apply(&self, memory: &mut TicketMemory) -> bool {
        let before: Vec<HeldAttribute> = memory.attributes().collect();
        let held = |stored: &Option<usize>| stored.and_then(|stored| before.get(stored).copied());
        let now = self.stored.iter().map(held);
        let now: Vec<HeldAttribute> = now
            .map(|held| held.unwrap_or(HeldAttribute::NONE))
            .collect();
        if before.is_empty() || now == before {
            return false;
        }
        memory.set_attributes(&now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn values_follow_the_name_and_labels_are_dropped() {
        let stored = |name: &str| StoredAttribute {
            name: name.to_owned(),
            is_label: true,
        };
        let rule = |name: &str, is_label| AttributeRule {
            name: name.to_owned(),
            values: Vec::new(),
            is_label,
            limit: 5,
        };
        let before = [stored("tier"), stored("product"), stored("region")];
        let now = [
            rule("brand", true),
            rule("region", true),
            rule("tier", false),
        ];
        let moves = AttributeMoves::new(&before, &now);
        assert!(!moves.are_none);
        let key = |attributes| CohortKey {
            attributes,
            ..CohortKey::new(1, 2)
        };
        assert_eq!(moves.cohort(key([5, 6, 7, 0])), key([0, 7, 0, 0]));
        let held = |number| HeldAttribute {
            number,
            number_at_solve: number + 1,
            stated: Timestamp(number.into()),
        };
        let mut memory = TicketMemory::new();
        memory.set_attributes(&[held(5), held(6), held(7)]);
        assert!(moves.apply(&mut memory));
        let moved: Vec<HeldAttribute> = memory.attributes().collect();
        assert_eq!(moved, [HeldAttribute::NONE, held(7), held(5)]);
    }
}
