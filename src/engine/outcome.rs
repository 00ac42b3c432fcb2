//! The outcome of applying one event.

use crate::domain::named::named_enum;

/// The effect of an event on the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// The event is among the last events of its ticket.
    Duplicate,
    Ignored(Ignored),
}

impl Outcome {
    /// The outcome as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored(reason) => reason.name(),
        }
    }
}

named_enum! {
    /// Why a valid event has no effect.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Ignored {
        /// Its ticket is spam or deleted.
        Withdrawn = "withdrawn",
        /// Its ticket was merged into a ticket that is not in the same partition.
        MergedAway = "merged_away",
    }
}
