//! A cohort: the tickets with one combination of label values. Each has series of its own.

/// The user's own attributes.
pub const MOST_ATTRIBUTES: usize = 4;

/// Numbers of a ticket's values, or of the labels under which they are exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CohortKey {
    pub team: u16,
    pub priority: u8,
    /// The user's own attributes, in the order of the rules. 0, which is `none`, if there are fewer.
    pub attributes: [u8; MOST_ATTRIBUTES],
}

impl CohortKey {
    /// Of a ticket without attributes of the user's own.
    pub const fn new(team: u16, priority: u8) -> Self {
        Self {
            team,
            priority,
            attributes: [0; MOST_ATTRIBUTES],
        }
    }

    pub fn has_attributes(self) -> bool {
        self.attributes != [0; MOST_ATTRIBUTES]
    }
}
