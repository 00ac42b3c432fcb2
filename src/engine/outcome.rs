//! The outcome of applying one event.

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
            Self::Ignored(reason) => reason.reason(),
        }
    }
}

/// Why a valid event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Its ticket is spam or deleted.
    Withdrawn,
    /// Its ticket was merged into a ticket that is not in the same partition.
    MergedAway,
}

impl Ignored {
    pub const ALL: [Self; 2] = [Self::Withdrawn, Self::MergedAway];

    /// The value of the label `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::MergedAway => "merged_away",
        }
    }
}
