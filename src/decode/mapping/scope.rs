//! What a path can start from, and where it leads.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::json::Json;
use crate::domain::mapping::{Path, Root, Step, same_word};

/// Bytes of a text, or members of an object, that are looked at in the time of one step of a path.
const AT_ONCE: usize = 16;

/// One record, after unwrapping. The item of a rule with `foreach` is beside it. The records of one
/// Kafka record share what may be large.
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
    /// How much paths have looked at so far.
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

    /// The first thing at a path, whatever it is.
    pub(super) fn first(&self, path: &Path) -> Option<&Json<'a>> {
        let mut first = None;
        let _ = self.visit(path, None, &mut |json| {
            first = Some(json);
            ControlFlow::Break(())
        });
        first
    }

    /// Takes the first thing at a path of the record out of it, where the path is one of the record's;
    /// elsewhere a copy.
    pub(super) fn take(&mut self, path: &Path) -> Option<Json<'a>> {
        match path.root {
            Root::Record => {
                let first = first_mut(&mut self.record, &path.steps)?;
                Some(std::mem::replace(first, Json::Null))
            }
            _ => self.first(path).cloned(),
        }
    }

    /// Shows everything at a path to `take`, in order, until it has enough. A path that leads
    /// through a `null` ends there: what is nothing has nothing inside.
    pub(super) fn visit<'s>(
        &'s self,
        path: &Path,
        item: Option<&'s Json<'a>>,
        take: &mut dyn FnMut(&'s Json<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let root = match path.root {
            Root::Record => Some(&self.record),
            Root::Item => item,
            Root::Key => self.key.as_deref(),
            Root::Timestamp => self.timestamp.as_ref(),
            Root::Topic => self.topic.as_ref(),
            Root::Headers => self.headers.as_deref(),
            Root::CloudEvent => self.cloud_event.as_deref(),
            Root::Operation => self.operation.as_ref(),
            Root::Before => self.before.as_ref(),
            Root::Source => self.source.as_ref(),
        };
        match root {
            Some(root) => walk(root, &path.steps, &self.looks, take),
            None => ControlFlow::Continue(()),
        }
    }
}

fn walk<'s, 'a>(
    from: &'s Json<'a>,
    steps: &[Step],
    looks: &Cell<u64>,
    take: &mut dyn FnMut(&'s Json<'a>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut at = from;
    for (number, step) in steps.iter().enumerate() {
        look(looks, at);
        match (step, at) {
            (_, Json::Null) => return take(at),
            (Step::Name(name), Json::Object(_)) => match at.get(name) {
                Some(inside) => at = inside,
                None => return ControlFlow::Continue(()),
            },
            (Step::At(wanted), Json::List(items)) => {
                match place(items.len(), *wanted).and_then(|place| items.get(place)) {
                    Some(inside) => at = inside,
                    None => return ControlFlow::Continue(()),
                }
            }
            (Step::Every, Json::List(items)) => {
                return items
                    .iter()
                    .try_for_each(|item| walk(item, &steps[number + 1..], looks, take));
            }
            (Step::Where(name, value), Json::List(items)) => {
                return items
                    .iter()
                    .inspect(|item| look(looks, item))
                    .filter(|item| has_word(item, name, value))
                    .try_for_each(|item| walk(item, &steps[number + 1..], looks, take));
            }
            _ => return ControlFlow::Continue(()),
        }
    }
    look(looks, at);
    take(at)
}

/// Counts a look at something, by what it may cost.
fn look(looks: &Cell<u64>, at: &Json<'_>) {
    let more = match at {
        Json::Text(text) => text.len() / AT_ONCE,
        Json::Object(members) => members.len() / AT_ONCE,
        _ => 0,
    };
    looks.set(looks.get() + 1 + more as u64);
}

/// What [`walk`] shows first.
fn first_mut<'s, 'a>(from: &'s mut Json<'a>, steps: &[Step]) -> Option<&'s mut Json<'a>> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(from);
    };
    match (step, from) {
        (_, nothing @ Json::Null) => Some(nothing),
        (Step::Name(name), object @ Json::Object(_)) => first_mut(object.get_mut(name)?, rest),
        (Step::At(wanted), Json::List(items)) => {
            let place = place(items.len(), *wanted)?;
            first_mut(items.get_mut(place)?, rest)
        }
        (Step::Every, Json::List(items)) => items.iter_mut().find_map(|item| first_mut(item, rest)),
        (Step::Where(name, value), Json::List(items)) => items
            .iter_mut()
            .filter(|item| has_word(item, name, value))
            .find_map(|item| first_mut(item, rest)),
        _ => None,
    }
}

/// A place in a list of this length; negative ones count from its end.
fn place(length: usize, place: i64) -> Option<usize> {
    match usize::try_from(place) {
        Ok(place) => Some(place),
        Err(_) => length.checked_sub(usize::try_from(place.unsigned_abs()).ok()?),
    }
}

fn has_word(item: &Json<'_>, name: &str, word: &str) -> bool {
    item.get(name).is_some_and(|member| is_word(member, word))
}

/// Whether a single value is this word. Numbers and truths are the words they are written as.
pub(super) fn is_word(json: &Json<'_>, word: &str) -> bool {
    match json {
        Json::Text(text) => same_word(text, word),
        Json::Bool(truth) => same_word(if *truth { "true" } else { "false" }, word),
        Json::Number(number) => number.to_string() == word,
        Json::Null | Json::List(_) | Json::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mapping::wanted::Wanted;

    #[test]
    fn paths_lead_to_what_is_there() {
        let text = r#"{"a":{"b":1,"n":null},"l":[{"id":7,"v":"x"},{"id":"8","v":"y"}],"e":[]}"#;
        let roots = Roots::of(Json::parse(text, &Wanted::everything()).unwrap());
        let all = |path: &str| {
            let mut all = Vec::new();
            let path = Path::parse(path).unwrap();
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
        assert_eq!(all(".l[-1].v"), [y]);
        for nothing in [".l[2]", ".l[-3]", ".e[*].v", ".a[*]", "$key", "$op"] {
            assert_eq!(all(nothing), [], "{nothing}");
        }
    }
}
