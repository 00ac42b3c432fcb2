//! `suggest-targets`: SLA targets that a helpdesk has shown it can keep.
//!
//! The history is first counted under a policy with endless targets, so that every goal ends and shows its
//! running time. The suggested targets are then counted as well, because a distribution does not know that
//! a change of team or priority re-bases a goal, or that the next resolution goal starts after a breach. A
//! target that too few goals met is lengthened.

mod counted;
mod distribution;
mod snippet;
mod stored;
mod suggest;
mod suggestion;

pub use snippet::snippet;
pub use stored::from_snapshot;
pub use suggest::{DEFAULT_MINIMUM, suggest, suggest_from};
pub use suggestion::{SHARES, Suggested, Suggestion, SuggestionRow, TargetLevel, TargetRequest};
