//! Turns records of other systems into events by the mapping of the configuration.

mod durations;
mod evaluate;
mod event;
mod json;
mod mapper;
mod outcome;
mod repeated_history;
mod scalar;
mod scope;
#[cfg(test)]
mod tests;
mod time_forms;
mod times;
mod unwrap;
mod wanted;

pub(super) use mapper::{Mapper, text_at};
pub use outcome::{
    EventDerivation, MappedMember, MappedRecord, MemberOrigin, RejectedEvent, UnmappedWord,
};
pub use repeated_history::{RepetitionWatch, UnidentifiedEvent};
pub use times::read_text as read_time;
