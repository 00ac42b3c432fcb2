//! Records of other systems, by the mapping of the configuration. The language is described in
//! `README.md` beside this file.

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
use std::sync::Arc;

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
        let json = match read(json, &self.wanted) {
            Ok(Some(json)) => json,
            Ok(None) => {
                return Mapped {
                    ignored: Some(Ignorance::Tombstone),
                    ..Mapped::default()
                };
            }
            Err(rejection) => {
                return Mapped {
                    rejected: Some(rejection),
                    ..Mapped::default()
                };
            }
        };
        let mut making = Making {
            mapping: &self.mapping,
            tables,
            identity: EventIdentity(xxh3_64(record.value.unwrap_or_default())),
            latest,
            explain,
            mapped: Mapped::default(),
            ignored: None,
        };
        for roots in unwrap::unwrap(&self.mapping.unwrap, roots(record, json)) {
            making.apply(&roots);
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
    roots.key = record.key.and_then(text);
    roots.timestamp = record.timestamp.map(|time| Json::Number(time.into()));
    roots.topic = (!record.topic.is_empty()).then(|| Json::text(record.topic));
    if !record.headers.is_empty() {
        let headers = record
            .headers
            .iter()
            .filter_map(|(name, value)| Some((Cow::Borrowed(*name), text(value)?)));
        roots.headers = Some(Json::Object(headers.collect()));
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
    mapped: Mapped,
    ignored: Option<Ignorance>,
}

impl Making<'_> {
    fn apply(&mut self, roots: &Roots<'_>) {
        for rule in &self.mapping.rules {
            let fits = match &rule.foreach {
                None => self.try_rule(rule, roots, None),
                Some(path) => {
                    let items = match roots.first(path) {
                        Some(Json::List(items)) => items.as_slice(),
                        _ => &[],
                    };
                    let mut fits = false;
                    for item in items {
                        fits |= self.try_rule(rule, roots, Some(item));
                    }
                    fits
                }
            };
            if fits && !rule.continues {
                return;
            }
        }
    }

    /// Makes the event of a rule, where it fits; whether it does.
    fn try_rule<'a>(&mut self, rule: &Rule, roots: &Roots<'a>, item: Option<&Json<'a>>) -> bool {
        let mut evaluation = Evaluation {
            roots,
            item,
            tables: self.tables,
            zone: self.mapping.zone,
            unmapped: Unmapped::Pass,
            notes: evaluate::Notes::default(),
        };
        if !evaluation.holds(&rule.when) {
            return false;
        }
        if rule.ignores {
            self.ignored = Some(Ignorance::IgnoredByRule);
            return true;
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
        true
    }

    /// Events of one record with the same identity are told apart by their place in it, which is
    /// the same when the record is delivered again.
    fn tell_apart(&self, event: &mut Event<'static>) {
        let is_taken = |identity| {
            self.mapped
                .events
                .iter()
                .any(|one| one.identity == identity)
        };
        if is_taken(event.identity) {
            let place = self.mapped.events.len() + self.mapped.misses.len();
            let mut bytes = event.identity.0.to_le_bytes().to_vec();
            bytes.extend_from_slice(&place.to_le_bytes());
            event.identity = EventIdentity(xxh3_64(&bytes));
        }
    }
}

#[cfg(test)]
mod tests;
