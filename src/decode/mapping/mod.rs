//! Records of other systems, by the mapping of the configuration. The language is described in
//! `docs/reference/mapping.md`.

mod evaluate;
mod event;
mod inference;
mod json;
mod scope;
mod times;
mod unwrap;
mod wanted;

pub use inference::{Inference, infer, known_presets};

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::Record;
use super::canonical::MAX_VALUE_BYTES;
use super::rejection::{Ignorance, Rejection};
use crate::domain::event::{Event, EventIdentity};
use crate::domain::mapping::{Mapping, Member, Rule, Table, Unmapped};
use crate::domain::timestamp::Timestamp;
use evaluate::Evaluation;
use json::Json;
use scope::Roots;
use wanted::Wanted;

/// Items in one record, at most, and so its events: a message of a megabyte, Kafka's own limit, has
/// room for about as many.
pub(super) const MOST_EVENTS: usize = 10_000;
/// What paths may look at in a record, for each of its bytes and besides: some hundred times what the
/// presets need. Without it, a rule that looks at a whole list for each of its items would take time
/// by the square of its length.
const LOOKS_A_BYTE: u64 = 64;
const LOOKS: u64 = 1_000_000;

/// A mapping at work.
#[derive(Clone, Debug)]
pub(super) struct Mapper {
    mapping: Arc<Mapping>,
    wanted: Wanted,
}

/// What a mapping makes of a record.
#[derive(Debug, Default)]
pub struct Mapped {
    /// The value is nothing that a mapping could be applied to.
    pub rejected: Option<Rejection>,
    /// In the order of the record and the rules.
    pub events: Vec<Event<'static>>,
    /// How each of them came about, where that was asked for.
    pub stories: Vec<Story>,
    /// Events that cannot be, and why.
    pub misses: Vec<Miss>,
    /// Why there is none of these.
    pub ignored: Option<Ignorance>,
    /// Words of theirs that no map or table has.
    pub unmapped: Vec<UnmappedWord>,
}

/// How an event came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The rule that made it.
    pub rule: String,
    /// Its `event_id`, of which the event itself keeps a hash only.
    pub event_id: Option<String>,
    pub origins: Vec<Origin>,
}

/// An event that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    pub rule: String,
    pub member: Member,
    pub rejection: Rejection,
    /// Where the member was looked for.
    pub paths: String,
}

/// A word of theirs that no map or table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedWord {
    pub rule: String,
    pub member: Member,
    pub path: String,
    /// Content of a record: for the eyes of who has the record only, never for a log.
    pub word: String,
}

/// Where the value of a member came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub member: Member,
    /// A path, or a constant.
    pub from: String,
}

impl Mapper {
    pub(super) fn new(mapping: &Arc<Mapping>) -> Self {
        Self {
            wanted: Wanted::by(mapping),
            mapping: Arc::clone(mapping),
        }
    }

    /// Reads a record, whose value is or stands for this JSON. `latest` is the latest event time
    /// allowed, `explain` asks for stories.
    pub(super) fn map(
        &self,
        tables: &[Table],
        record: &Record<'_>,
        json: &[u8],
        latest: Option<Timestamp>,
        explain: bool,
    ) -> Mapped {
        let most_looks = LOOKS + LOOKS_A_BYTE * json.len() as u64;
        let json = match read(json, &self.wanted) {
            Ok(Some(json)) => json,
            Ok(None) => {
                return Mapped {
                    ignored: Some(Ignorance::Tombstone),
                    ..Mapped::default()
                };
            }
            Err(rejection) => return rejected(rejection),
        };
        let mut making = Making {
            mapping: &self.mapping,
            tables,
            identity: EventIdentity(xxh3_64(record.value.unwrap_or_default())),
            latest,
            explain,
            most_looks,
            mapped: Mapped::default(),
            ignored: None,
            identities: HashSet::new(),
        };
        let Some(records) = unwrap::unwrap(&self.mapping.unwrap, roots(record, json)) else {
            return rejected(Rejection::TooManyEvents);
        };
        let mut looks = 0;
        for roots in records {
            roots.looks.set(looks);
            if let Err(rejection) = making.apply(&roots) {
                return rejected(rejection);
            }
            looks = roots.looks.get();
        }
        let Making {
            mut mapped,
            ignored,
            ..
        } = making;
        if mapped.events.is_empty() && mapped.misses.is_empty() {
            mapped.ignored = Some(ignored.unwrap_or(Ignorance::NoRule));
        }
        mapped
    }
}

/// Nothing of the record is used.
fn rejected(rejection: Rejection) -> Mapped {
    Mapped {
        rejected: Some(rejection),
        ..Mapped::default()
    }
}

/// `None`: a tombstone.
fn read<'a>(json: &'a [u8], wanted: &Wanted) -> Result<Option<Json<'a>>, Rejection> {
    if json.is_empty() {
        return Ok(None);
    }
    if json.len() > MAX_VALUE_BYTES {
        return Err(Rejection::TooLarge);
    }
    let text = std::str::from_utf8(json).map_err(|_| Rejection::InvalidUtf8)?;
    let json = Json::parse(text, wanted).ok_or(Rejection::InvalidJson)?;
    Ok(Some(json).filter(|json| *json != Json::Null))
}

fn roots<'a>(record: &Record<'a>, json: Json<'a>) -> Roots<'a> {
    let mut roots = Roots::of(json);
    let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).ok().map(Json::text);
    roots.key = record.key.and_then(text).map(Rc::new);
    roots.timestamp = record.timestamp.map(|time| Json::Number(time.into()));
    roots.topic = (!record.topic.is_empty()).then(|| Json::text(record.topic));
    if !record.headers.is_empty() {
        let headers = record
            .headers
            .iter()
            .filter_map(|(name, value)| Some((Cow::Borrowed(*name), text(value)?)));
        roots.headers = Some(Rc::new(Json::Object(headers.collect())));
    }
    roots
}

/// A record on its way.
struct Making<'m> {
    mapping: &'m Mapping,
    tables: &'m [Table],
    /// Of an event that names none: that of the whole value.
    identity: EventIdentity,
    latest: Option<Timestamp>,
    explain: bool,
    most_looks: u64,
    mapped: Mapped,
    ignored: Option<Ignorance>,
    /// Those of the events, once there are two.
    identities: HashSet<u64>,
}

impl Making<'_> {
    /// Makes the events of one record; an error where it is too much.
    fn apply(&mut self, roots: &Roots<'_>) -> Result<(), Rejection> {
        for rule in &self.mapping.rules {
            let fits = match &rule.foreach {
                None => self.try_rule(rule, roots, None)?,
                Some(path) => {
                    let items = match roots.first(path) {
                        Some(Json::List(items)) => items.as_slice(),
                        _ => &[],
                    };
                    if items.len() > MOST_EVENTS {
                        return Err(Rejection::TooManyEvents);
                    }
                    let mut fits = false;
                    for item in items {
                        fits |= self.try_rule(rule, roots, Some(item))?;
                    }
                    fits
                }
            };
            if fits && !rule.continues {
                break;
            }
        }
        Ok(())
    }

    /// Makes the event of a rule, where it fits; whether it does.
    fn try_rule<'a>(
        &mut self,
        rule: &Rule,
        roots: &Roots<'a>,
        item: Option<&Json<'a>>,
    ) -> Result<bool, Rejection> {
        if roots.looks.get() > self.most_looks {
            return Err(Rejection::TooComplex);
        }
        let mut evaluation = Evaluation {
            roots,
            item,
            tables: self.tables,
            zone: self.mapping.zone,
            unmapped: Unmapped::Pass,
            notes: evaluate::Notes::default(),
        };
        if !evaluation.holds(&rule.when) {
            return Ok(false);
        }
        if rule.ignores {
            self.ignored = Some(Ignorance::IgnoredByRule);
            return Ok(true);
        }
        let mut notes = event::Notes {
            unmapped: Vec::new(),
            story: self.explain.then(|| Story {
                rule: rule.name.clone(),
                ..Story::default()
            }),
        };
        let made = event::event(rule, &mut evaluation, self.identity, &mut notes);
        self.mapped.unmapped.append(&mut notes.unmapped);
        match made {
            Ok(event)
                if rule.snapshot && event.status.is_some_and(|status| !status.is_unsolved()) =>
            {
                self.ignored = Some(Ignorance::IgnoredByRule);
            }
            Ok(event) if self.latest.is_some_and(|latest| event.at > latest) => {
                self.mapped.misses.push(Miss {
                    rule: rule.name.clone(),
                    member: Member::At,
                    rejection: Rejection::Future,
                    paths: String::new(),
                });
            }
            Ok(mut event) => {
                self.tell_apart(&mut event);
                self.mapped.events.push(event);
                self.mapped.stories.extend(notes.story);
            }
            Err(miss) => self.mapped.misses.push(miss),
        }
        if self.mapped.events.len() + self.mapped.misses.len() > MOST_EVENTS {
            return Err(Rejection::TooManyEvents);
        }
        Ok(true)
    }

    /// Events of one record with the same identity are told apart by their place in it, which is
    /// the same when the record is delivered again.
    fn tell_apart(&mut self, event: &mut Event<'static>) {
        let Some(first) = self.mapped.events.first() else {
            return; // most records have one event
        };
        self.identities.insert(first.identity.0);
        if self.identities.contains(&event.identity.0) {
            let place = self.mapped.events.len() + self.mapped.misses.len();
            let mut bytes = event.identity.0.to_le_bytes().to_vec();
            bytes.extend_from_slice(&place.to_le_bytes());
            event.identity = EventIdentity(xxh3_64(&bytes));
        }
        self.identities.insert(event.identity.0);
    }
}

#[cfg(test)]
mod tests;
