//! Finds rules that make the same event of several records: records that contain a whole conversation, or a
//! whole ticket. Without an identity of its own, such an event counts each time.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::event::{Event, EventIdentity, EventType};

/// The most events that are remembered: 256 KiB. Newer ones replace older ones.
const PLACES: usize = 1 << 14;

/// An event without an `event_id` that says that something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnidentifiedEvent {
    pub rule: String,
    /// A digest of rule, ticket, type and time.
    digest: u64,
    /// The identity of the whole record.
    record: EventIdentity,
}

impl UnidentifiedEvent {
    /// `None`: a state, which may be repeated.
    pub(super) fn of(rule: &str, event: &Event<'_>, record: EventIdentity) -> Option<Self> {
        let happened = matches!(
            event.kind,
            EventType::Message
                | EventType::Worklog
                | EventType::Escalated
                | EventType::CsatOffered
                | EventType::CsatRated
        );
        happened.then(|| {
            let (id, kind, at) = (&event.ticket_id, event.kind.name(), event.at.0);
            Self {
                rule: rule.to_owned(),
                digest: xxh3_64(format!("{rule} {kind} {at} {id}").as_bytes()),
                record,
            }
        })
    }
}

/// Remembers events in order to recognize them in later records.
#[derive(Debug, Default)]
pub struct RepetitionWatch {
    /// Empty until there is an event.
    seen: Vec<Option<(u64, EventIdentity)>>,
}

impl RepetitionWatch {
    /// The rules of the events that another record has had before. The same record, delivered again, repeats
    /// nothing.
    pub fn note<'e>(&mut self, events: &'e [UnidentifiedEvent]) -> impl Iterator<Item = &'e str> {
        events.iter().filter_map(|event| {
            self.seen.resize(PLACES, None);
            #[allow(clippy::cast_possible_truncation, reason = "any part of a digest")]
            let place = &mut self.seen[event.digest as usize % PLACES];
            let before = place.replace((event.digest, event.record));
            before
                .is_some_and(|(digest, record)| digest == event.digest && record != event.record)
                .then_some(event.rule.as_str())
        })
    }
}
