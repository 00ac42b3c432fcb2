//! The roots of paths, and the walk along a path.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use chrono_tz::Tz;

use super::json::Json;
use super::scalar::Scalar;
use super::times;
use crate::domain::mapping::{
    ItemChoice, ItemCondition, ItemPick, PathRoot, PathStep, RecordPath, same_word,
};

/// This number of bytes of a text, members of an object or items of a list takes about as long as one step
/// of a path.
const AT_ONCE: usize = 16;

/// One record after `unwrap`. The records of one Kafka record share the parts that may be large.
#[derive(Clone, Debug)]
pub(super) struct Roots<'a> {
    pub(super) record: Json<'a>,
    pub(super) key: Option<Rc<Json<'a>>>,
    pub(super) timestamp: Option<Json<'a>>,
    pub(super) topic: Option<Json<'a>>,
    pub(super) headers: Option<Rc<Json<'a>>>,
    pub(super) cloud_event: Option<Rc<Json<'a>>>,
    pub(super) operation: Option<Json<'a>>,
    pub(super) before: Option<Json<'a>>,
    pub(super) source: Option<Json<'a>>,
    /// The number of steps so far, for the limit on the work for one record.
    pub(super) looks: Cell<u64>,
}

impl<'a> Roots<'a> {
    pub(super) fn of(record: Json<'a>) -> Self {
        Self {
            record,
            key: None,
            timestamp: None,
            topic: None,
            headers: None,
            cloud_event: None,
            operation: None,
            before: None,
            source: None,
            looks: Cell::new(0),
        }
    }

    /// The same Kafka record with another value.
    pub(super) fn with(&self, record: Json<'a>) -> Self {
        Self {
            record,
            key: self.key.clone(),
            timestamp: self.timestamp.clone(),
            topic: self.topic.clone(),
            headers: self.headers.clone(),
            cloud_event: self.cloud_event.clone(),
            operation: None,
            before: None,
            source: None,
            looks: Cell::new(0),
        }
    }

    pub(super) fn first(&self, path: &RecordPath) -> Option<&Json<'a>> {
        let mut first = None;
        let _ = self.visit(path, None, &mut |json| {
            first = Some(json);
            ControlFlow::Break(())
        });
        first
    }

    /// Moves the first value at a path out of the record. From other roots it returns a copy.
    pub(super) fn take(&mut self, path: &RecordPath) -> Option<Json<'a>> {
        match path.root {
            PathRoot::Record => {
                let first = first_mut(&mut self.record, &path.steps)?;
                Some(std::mem::replace(first, Json::Null))
            }
            _ => self.first(path).cloned(),
        }
    }

    /// Passes every value at a path to `take`, in order, until it breaks. A path that leads through a
    /// `null` ends there, and conditions that no item of a list meets give a `null`.
    pub(super) fn visit<'s>(
        &'s self,
        path: &RecordPath,
        item: Option<&'s Json<'a>>,
        take: &mut dyn FnMut(&'s Json<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let root = match path.root {
            PathRoot::Record => Some(&self.record),
            PathRoot::Item => item,
            PathRoot::Key => self.key.as_deref(),
            PathRoot::Timestamp => self.timestamp.as_ref(),
            PathRoot::Topic => self.topic.as_ref(),
            PathRoot::Headers => self.headers.as_deref(),
            PathRoot::CloudEvent => self.cloud_event.as_deref(),
            PathRoot::Operation => self.operation.as_ref(),
            PathRoot::Before => self.before.as_ref(),
            PathRoot::Source => self.source.as_ref(),
        };
        match root {
            Some(root) => walk(root, &path.steps, &self.looks, take),
            None => ControlFlow::Continue(()),
        }
    }
}

fn walk<'s, 'a>(
    from: &'s Json<'a>,
    steps: &[PathStep],
    looks: &Cell<u64>,
    take: &mut dyn FnMut(&'s Json<'a>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut at = from;
    for (number, step) in steps.iter().enumerate() {
        look(looks, at);
        match (step, at) {
            (_, Json::Null) => return take(at),
            (PathStep::Name(name), Json::Object(_)) => match at.get(name) {
                Some(inside) => at = inside,
                None => return ControlFlow::Continue(()),
            },
            (PathStep::Items(choice), Json::List(items)) => {
                let mut fitting = items[range(items, choice, looks)]
                    .iter()
                    .filter(|item| fits(item, &choice.conditions, looks))
                    .peekable();
                if fitting.peek().is_none() && !choice.conditions.is_empty() {
                    return take(&Json::Null);
                }
                return fitting.try_for_each(|item| walk(item, &steps[number + 1..], looks, take));
            }
            _ => return ControlFlow::Continue(()),
        }
    }
    look(looks, at);
    take(at)
}

/// Adds the cost of one step.
fn look(looks: &Cell<u64>, at: &Json<'_>) {
    let more = match at {
        Json::Text(text) => text.len() / AT_ONCE,
        Json::Object(members) => members.len() / AT_ONCE,
        Json::List(items) => items.len() / AT_ONCE,
        _ => 0,
    };
    looks.set(looks.get() + 1 + more as u64);
}

/// The first value of [`walk`].
fn first_mut<'s, 'a>(from: &'s mut Json<'a>, steps: &[PathStep]) -> Option<&'s mut Json<'a>> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(from);
    };
    match (step, from) {
        (_, null @ Json::Null) => Some(null),
        (PathStep::Name(name), object @ Json::Object(_)) => first_mut(object.get_mut(name)?, rest),
        (PathStep::Items(choice), Json::List(items)) => {
            let looks = Cell::default();
            let range = range(items, choice, &looks);
            items[range]
                .iter_mut()
                .filter(|item| fits(item, &choice.conditions, &looks))
                .find_map(|item| first_mut(item, rest))
        }
        _ => None,
    }
}

/// The range of the items that a choice may pick: all, or one.
fn range(items: &[Json<'_>], choice: &ItemChoice, looks: &Cell<u64>) -> Range<usize> {
    let meets = |place: &usize| fits(&items[*place], &choice.conditions, looks);
    let all = 0..items.len();
    let one = match &choice.pick {
        ItemPick::Every => return all,
        ItemPick::At(wanted) if choice.conditions.is_empty() => index(items.len(), *wanted),
        ItemPick::At(wanted) => match usize::try_from(*wanted) {
            Ok(place) => all.filter(meets).nth(place),
            Err(_) => usize::try_from(-1 - wanted)
                .ok()
                .and_then(|place| all.rev().filter(meets).nth(place)),
        },
        ItemPick::Newest(member) => all
            .filter(meets)
            .filter_map(|place| Some((place, age(&items[place], member)?)))
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(place, _)| place),
    };
    one.filter(|place| *place < items.len())
        .map_or(0..0, |place| place..place + 1)
}

/// A number or a time, which is greater the later it is.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds are exact for 285,000 years"
)]
fn age(item: &Json<'_>, member: &[String]) -> Option<f64> {
    let scalar = Scalar::of(item.at(member)?)?;
    scalar.number().or_else(|| {
        let time = times::read(&scalar, None, Some(Tz::UTC), None).ok()?;
        Some(time.0 as f64)
    })
}

fn fits(item: &Json<'_>, conditions: &[ItemCondition], looks: &Cell<u64>) -> bool {
    conditions.iter().all(|condition| {
        look(looks, item);
        let member = item.at(&condition.member);
        member.is_some_and(|member| is_word(member, &condition.value)) != condition.is_not
    })
}

/// An index in a list of this length. A negative one counts from the end.
fn index(length: usize, index: i64) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// Whether a single value is this word. Numbers and booleans are compared as they are written.
pub(super) fn is_word(json: &Json<'_>, word: &str) -> bool {
    match json {
        Json::Text(text) => same_word(text, word),
        Json::Bool(truth) => same_word(if *truth { "true" } else { "false" }, word),
        Json::Number(number) => number.to_string() == word,
        Json::Null | Json::List(_) | Json::Object(_) => false,
    }
}

/// Whether a list has this word, or a text that holds several words: `a, b`, `a b` or `["a","b"]`.
pub(super) fn has_word(json: &Json<'_>, word: &str) -> bool {
    match json {
        Json::List(items) => items.iter().any(|item| is_word(item, word)),
        Json::Text(text) if !is_word(json, word) => {
            let between: fn(char) -> bool = if text.contains([',', ';', '|']) {
                |character| matches!(character, ',' | ';' | '|' | '\n')
            } else {
                char::is_whitespace
            };
            let around = |character: char| {
                character.is_whitespace() || matches!(character, '[' | ']' | '{' | '}' | '"' | '\'')
            };
            text.split(between)
                .any(|one| same_word(one.trim_matches(around), word))
        }
        _ => is_word(json, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mapping::wanted::WantedParts;

    #[test]
    fn paths_lead_to_their_values() {
        let text = r#"{"a":{"b":1,"n":null},"l":[{"id":7,"v":"x"},{"id":"8","v":"y"}],"e":[]}"#;
        let roots = Roots::of(Json::parse(text, &WantedParts::everything()).unwrap());
        let all = |path: &str| {
            let mut all = Vec::new();
            let path = RecordPath::parse(path).unwrap();
            let _ = roots.visit(&path, None, &mut |json| {
                all.push(json.clone());
                ControlFlow::Continue(())
            });
            all
        };
        let x = Json::text("x");
        let y = Json::text("y");
        assert_eq!(all(".a.b"), [Json::Number(1.into())]);
        assert_eq!(all(".a.n.deeper"), [Json::Null]);
        assert_eq!(all(".a.c"), []);
        assert_eq!(all(".a.b.c"), []);
        assert_eq!(all(".l[*].v"), [x.clone(), y.clone()]);
        assert_eq!(all(".l[id=8].v"), std::slice::from_ref(&y));
        assert_eq!(all(".l[id=7].v"), [x]);
        assert_eq!(all(".l[-1].v"), std::slice::from_ref(&y));
        assert_eq!(all(".l[id!=7].v"), [y]);
        assert_eq!(all(".l[id=9].v"), [Json::Null]);
        assert_eq!(all(".e[id=9].v"), [Json::Null]);
        for absent in [".l[2]", ".l[-3]", ".e[*].v", ".a[*]", "$key", "$op"] {
            assert_eq!(all(absent), [], "{absent}");
        }
    }

    #[test]
    fn items_are_chosen_by_conditions_and_by_age() {
        let text = r#"{"t":[
            {"n":1,"at":"2026-03-02T10:00:00+02:00","who":{"type":"user"},"note":false},
            {"n":2,"at":"2026-03-02T09:00:00Z","who":{"type":"user"},"note":true},
            {"n":3,"at":"2026-03-02 08:30:00","who":{"type":"customer"},"note":false},
            {"n":4,"who":null}]}"#;
        let roots = Roots::of(Json::parse(text, &WantedParts::everything()).unwrap());
        for (path, wanted) in [
            (".t[who.type=user].n", &[1, 2][..]),
            (".t[who.type=user,note=false].n", &[1]),
            (".t[who.type=user][note!=false].n", &[2]),
            (".t[who.type!=user].n", &[3, 4]),
            (".t[who.type=user][0].n", &[1]),
            (".t[who.type=user][-1].n", &[2]),
            (".t[who.type=user][-3].n", &[]),
            (".t[newest:at].n", &[2]),
            (".t[note=false,newest:at].n", &[3]),
            (".t[newest:n].n", &[4]),
            (".t[newest:none].n", &[]),
        ] {
            let mut found = Vec::new();
            let path = RecordPath::parse(path).unwrap();
            let _ = roots.visit(&path, None, &mut |json| {
                found.extend((*json != Json::Null).then(|| json.clone()));
                ControlFlow::Continue(())
            });
            let wanted: Vec<Json<'_>> = wanted.iter().map(|n| Json::Number((*n).into())).collect();
            assert_eq!(found, wanted, "{}", path.text());
            assert_eq!(roots.clone().take(&path), wanted.first().cloned());
        }
    }

    #[test]
    fn lists_of_words_are_lists_or_texts() {
        for text in [
            r#"["a","VIP",1]"#,
            r#""vip""#,
            r#""a vip b""#,
            r#""a b, vip ,c""#,
            r#""a;vip""#,
            r#""[\"a\", \"vip\"]""#,
            r#""{a,vip}""#,
        ] {
            let json = Json::parse_owned(text).unwrap();
            assert!(has_word(&json, "vip"), "{text}");
        }
        for text in [
            r#""vips a""#,
            r#""a vip, b""#,
            r#"["a vip"]"#,
            "null",
            "{}",
            "1",
        ] {
            let json = Json::parse_owned(text).unwrap();
            assert!(!has_word(&json, "vip"), "{text}");
        }
    }
}
