//! Applies the rules of a mapping to records.

use std::rc::Rc;
use std::slice;
use std::sync::Arc;

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::evaluate::{Evaluation, EvaluationNotes, exists};
use super::event::{EventNotes, event};
use super::json::Json;
use super::outcome::{EventDerivation, MappedRecord, RejectedEvent};
use super::repeated_history::UnidentifiedEvent;
use super::scalar::Scalar;
use super::scope::Roots;
use super::unwrap::{MOST_RECORDS, unwrap};
use super::wanted::WantedParts;
use crate::decode::canonical::MAX_VALUE_BYTES;
use crate::decode::record::{Record, without_byte_order_mark};
use crate::decode::rejection::{IgnoreReason, Rejection};
use crate::domain::event::{Event, EventIdentity};
use crate::domain::mapping::{
    LookupTable, Mapping, Member, RecordPath, Rule, Unmapped, lower_case,
};
use crate::domain::timestamp::Timestamp;

/// The most events of one record. One megabyte, Kafka's default limit, has room for about this number.
pub(super) const MOST_EVENTS: usize = MOST_RECORDS;
/// The most steps of paths in a record: this number for each of its bytes, and `LOOKS` in addition. The
/// presets need about one hundredth. The limit stops a rule that walks a whole list for each of its
/// items, which takes quadratic time.
const LOOKS_A_BYTE: u64 = 64;
const LOOKS: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(in crate::decode) struct Mapper {
    pub(super) mapping: Arc<Mapping>,
    pub(super) wanted: WantedParts,
}

impl Mapper {
    pub(in crate::decode) fn new(mapping: &Arc<Mapping>) -> Self {
        Self {
            wanted: WantedParts::by(mapping),
            mapping: Arc::clone(mapping),
        }
    }

    /// Reads a record whose value is, or stands for, this JSON. `latest` is the latest event time
    /// allowed. `explain` asks for the derivation of each event.
    pub(in crate::decode) fn map(
        &self,
        tables: &[LookupTable],
        record: &Record<'_>,
        json: &[u8],
        latest: Option<Timestamp>,
        explain: bool,
    ) -> MappedRecord {
        let most_looks = LOOKS + LOOKS_A_BYTE * json.len() as u64;
        let json = match read(json, &self.wanted) {
            Ok(Some(json)) => json,
            Ok(None) => {
                return MappedRecord {
                    ignored: Some(IgnoreReason::Tombstone),
                    ..MappedRecord::default()
                };
            }
            Err(rejection) => return rejected(rejection),
        };
        let mut run = RecordMapping {
            mapping: &self.mapping,
            tables,
            identity: EventIdentity(xxh3_64(record.value.unwrap_or_default())),
            latest,
            explain,
            most_looks,
            mapped: MappedRecord::default(),
            ignored: None,
            identities: HashSet::new(),
        };
        let Some(records) = unwrap(&self.mapping.unwrap, roots(record, json)) else {
            return rejected(Rejection::TooManyEvents);
        };
        let mut looks = 0;
        for roots in records {
            roots.looks.set(looks);
            if let Err(rejection) = run.apply(&roots) {
                return rejected(rejection);
            }
            looks = roots.looks.get();
        }
        let RecordMapping {
            mut mapped,
            ignored,
            ..
        } = run;
        if mapped.events.is_empty() && mapped.rejected_events.is_empty() {
            mapped.ignored = Some(ignored.unwrap_or(IgnoreReason::NoRule));
        }
        mapped
    }
}

/// The first value at a path of a record, as text. A list or an object has none.
pub fn text_at(record: &Record<'_>, path: &RecordPath) -> Option<String> {
    let value = without_byte_order_mark(record.value?);
    let json = read(value, &WantedParts::everything()).ok()??;
    let roots = roots(record, json);
    let text = Scalar::of(roots.first(path)?)?.into_text();
    Some(text.into_owned())
}

fn rejected(rejection: Rejection) -> MappedRecord {
    MappedRecord {
        rejected: Some(rejection),
        ..MappedRecord::default()
    }
}

/// `None`: a tombstone.
fn read<'a>(json: &'a [u8], wanted: &WantedParts) -> Result<Option<Json<'a>>, Rejection> {
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
            .filter_map(|(name, value)| Some((lower_case(name), text(value)?)));
        roots.headers = Some(Rc::new(Json::Object(headers.collect())));
    }
    roots
}

/// The mapping of one record.
struct RecordMapping<'m> {
    mapping: &'m Mapping,
    tables: &'m [LookupTable],
    /// For an event without an `event_id`: the identity of the whole value.
    identity: EventIdentity,
    latest: Option<Timestamp>,
    explain: bool,
    most_looks: u64,
    mapped: MappedRecord,
    ignored: Option<IgnoreReason>,
    /// The identities of the events, once there are two.
    identities: HashSet<u64>,
}

impl RecordMapping<'_> {
    fn apply(&mut self, roots: &Roots<'_>) -> Result<(), Rejection> {
        for rule in &self.mapping.rules {
            let fits = match &rule.foreach {
                None => self.try_rule(rule, roots, None)?,
                Some(path) => {
                    let items = match roots.first(path) {
                        Some(Json::List(items)) => items.as_slice(),
                        // A table has no list if there is one column of a name only.
                        Some(text @ Json::Text(_)) if exists(text) => slice::from_ref(text),
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

    /// Makes the event of a rule. Returns whether the rule fits.
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
            notes: EvaluationNotes::default(),
        };
        if !evaluation.holds(&rule.when) {
            return Ok(false);
        }
        if rule.ignores {
            self.ignored = Some(IgnoreReason::IgnoredByRule);
            return Ok(true);
        }
        let mut notes = EventNotes {
            unmapped: Vec::new(),
            derivation: self.explain.then(|| EventDerivation {
                rule: rule.name.clone(),
                ..EventDerivation::default()
            }),
        };
        let made = event(rule, &mut evaluation, self.identity, &mut notes);
        self.mapped.unmapped.append(&mut notes.unmapped);
        match made {
            Ok(event)
                if rule.snapshot && event.status.is_some_and(|status| !status.is_unsolved()) =>
            {
                self.ignored = Some(IgnoreReason::IgnoredByRule);
            }
            Ok(event) if self.latest.is_some_and(|latest| event.at > latest) => {
                self.mapped.rejected_events.push(RejectedEvent {
                    rule: rule.name.clone(),
                    member: Member::At.into(),
                    rejection: Rejection::Future,
                    paths: String::new(),
                });
            }
            Ok(mut event) => {
                if event.identity == self.identity {
                    let unidentified = UnidentifiedEvent::of(&rule.name, &event, self.identity);
                    self.mapped.unidentified.extend(unidentified);
                }
                self.make_distinct(&mut event);
                self.mapped.events.push(event);
                self.mapped.derivations.extend(notes.derivation);
            }
            Err(rejected) => self.mapped.rejected_events.push(rejected),
        }
        if self.mapped.events.len() + self.mapped.rejected_events.len() > MOST_EVENTS {
            return Err(Rejection::TooManyEvents);
        }
        Ok(true)
    }

    /// Gives events of one record with the same identity different ones, by their index. The index is
    /// the same when the record is delivered again.
    fn make_distinct(&mut self, event: &mut Event<'static>) {
        let Some(first) = self.mapped.events.first() else {
            return; // most records have one event
        };
        self.identities.insert(first.identity.0);
        if self.identities.contains(&event.identity.0) {
            let index = self.mapped.events.len() + self.mapped.rejected_events.len();
            let mut bytes = event.identity.0.to_le_bytes().to_vec();
            bytes.extend_from_slice(&index.to_le_bytes());
            event.identity = EventIdentity(xxh3_64(&bytes));
        }
        self.identities.insert(event.identity.0);
    }
}
