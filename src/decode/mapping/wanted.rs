//! Which parts of a record a mapping looks at. The rest is passed over when the JSON is read: most
//! of a webhook is avatars, descriptions and empty fields.

use super::json::is_same_name;
use super::unwrap::DEBEZIUM_OPERATION;
use crate::domain::mapping::{
    Condition, Mapping, Path, Piece, Root, Rule, Step, Test, Unwrap, Value,
};

/// Places that are looked at, at most: each step of unwrapping may multiply them, and beyond this
/// looking for names costs more than reading everything.
const MOST_PLACES: usize = 2_000;

/// A part of a JSON value, and what is wanted inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The value itself, whatever it is.
    all: bool,
    /// Members of an object.
    pub(super) names: Vec<(String, Wanted)>,
    /// The bits of the names, see [`bit`].
    bits: u64,
    /// Items of a list.
    items: Option<Box<Wanted>>,
}

impl Wanted {
    pub(super) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// What a mapping looks at, before anything is unwrapped.
    pub(super) fn by(mapping: &Mapping) -> Self {
        let mut looked = Looked::default();
        for rule in &mapping.rules {
            looked.rule(rule);
        }
        let Looked {
            record: mut wanted,
            before,
            source,
            cloud_event,
        } = looked;
        // From the last step to the first: each leaves the record as it is, or what it found there.
        for step in mapping.unwrap.iter().rev() {
            if wanted.places() > MOST_PLACES {
                return Self::everything();
            }
            let inside = wanted.clone();
            match step {
                Unwrap::Path(path)
                | Unwrap::Each(path)
                | Unwrap::Json(path)
                | Unwrap::Base64(path)
                    if path.root != Root::Record =>
                {
                    return Self::everything();
                }
                Unwrap::Path(path) => wanted.at(path.steps.iter()).merge(&inside),
                Unwrap::Each(path) => wanted.at(path.steps.iter()).items().merge(&inside),
                Unwrap::Json(path) | Unwrap::Base64(path) => {
                    wanted.at(path.steps.iter()).all = true;
                }
                Unwrap::Debezium => {
                    wanted.inside("__op").all = true;
                    wanted.change(&inside, &before, &source);
                    wanted.inside("payload").change(&inside, &before, &source);
                }
                Unwrap::CloudEvents => {
                    wanted.cloud_event(&inside, &cloud_event);
                    wanted.items().cloud_event(&inside, &cloud_event);
                }
            }
        }
        wanted
    }

    /// What is wanted of a member. `None`: nothing.
    pub(super) fn name(&self, name: &str) -> Option<&Self> {
        if self.all {
            return Some(self);
        }
        if self.bits & bit(name) == 0 {
            return None;
        }
        let mut names = self.names.iter();
        let found = names.find(|(one, _)| is_same_name(one, name));
        found.map(|(_, inside)| inside)
    }

    /// What is wanted of each item of a list. `None`: nothing.
    pub(super) fn item(&self) -> Option<&Self> {
        if self.all {
            return Some(self);
        }
        self.items.as_deref()
    }

    /// The place where some steps lead.
    fn at<'s>(&mut self, mut steps: impl Iterator<Item = &'s Step>) -> &mut Self {
        let Some(step) = steps.next() else {
            return self;
        };
        match step {
            Step::Name(name) => self.inside(name).at(steps),
            Step::At(_) | Step::Every => self.items().at(steps),
            Step::Where(name, _) => {
                let items = self.items();
                items.inside(name).all = true;
                items.at(steps)
            }
        }
    }

    fn places(&self) -> usize {
        let names = self.names.iter().map(|(_, inside)| inside);
        let inside = names.chain(self.items.as_deref());
        1 + inside.map(Self::places).sum::<usize>()
    }

    /// Adds what another one wants.
    fn merge(&mut self, other: &Self) {
        self.all |= other.all;
        for (name, inside) in &other.names {
            self.inside(name).merge(inside);
        }
        if let Some(items) = &other.items {
            self.items().merge(items);
        }
    }

    /// Adds a change event of Debezium, of whose row `row` is wanted.
    fn change(&mut self, row: &Self, before: &Self, source: &Self) {
        self.inside("op").all = true;
        self.inside("after").merge(row);
        // Of a deletion it is the row.
        self.inside("before").merge(row);
        self.inside("before").merge(before);
        self.inside("source").merge(source);
    }

    /// Adds a `CloudEvent`, of whose data `data` is wanted.
    fn cloud_event(&mut self, data: &Self, attributes: &Self) {
        self.inside("specversion").all = true;
        self.inside(DEBEZIUM_OPERATION).all = true;
        self.inside("data_base64").all = true;
        self.inside("data").merge(data);
        self.merge(attributes);
    }

    fn items(&mut self) -> &mut Self {
        self.items.get_or_insert_default()
    }

    pub(super) fn inside(&mut self, name: &str) -> &mut Self {
        let place = self.names.iter().position(|(one, _)| one == name);
        let place = place.unwrap_or_else(|| {
            self.names.push((name.to_owned(), Self::default()));
            self.bits |= bit(name);
            self.names.len() - 1
        });
        &mut self.names[place].1
    }
}

/// One of 64 bits, by the length of a name and its first letter: most names that nobody wants have
/// another than those that somebody does.
fn bit(name: &str) -> u64 {
    let first = name.bytes().next().map_or(0, usize::from);
    1 << ((name.len() * 7 + first) % 64)
}

/// What rules look at, by where their paths start. Of the rest all is kept: it is small.
#[derive(Default)]
struct Looked {
    record: Wanted,
    before: Wanted,
    source: Wanted,
    cloud_event: Wanted,
}

impl Looked {
    fn root(&mut self, root: Root) -> Option<&mut Wanted> {
        match root {
            Root::Record => Some(&mut self.record),
            Root::Before => Some(&mut self.before),
            Root::Source => Some(&mut self.source),
            Root::CloudEvent => Some(&mut self.cloud_event),
            Root::Item
            | Root::Key
            | Root::Timestamp
            | Root::Topic
            | Root::Headers
            | Root::Operation => None,
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if let Some(items) = &rule.foreach
            && let Some(wanted) = self.root(items.root)
        {
            // Without anything wanted inside, the items are there all the same.
            wanted.at(items.steps.iter()).items();
        }
        let mut collect = Collect {
            looked: self,
            items: rule.foreach.as_ref(),
        };
        collect.condition(&rule.when);
        let members = rule.members.iter().flatten();
        members.for_each(|value| collect.value(value));
    }
}

/// Adds the paths of one rule.
struct Collect<'w> {
    looked: &'w mut Looked,
    /// Where `$item` is from.
    items: Option<&'w Path>,
}

impl Collect<'_> {
    fn path(&mut self, path: &Path) {
        let place = match (path.root, self.items) {
            (Root::Item, Some(items)) => {
                let items = self
                    .looked
                    .root(items.root)
                    .map(|root| root.at(items.steps.iter()));
                items.map(Wanted::items)
            }
            (root, _) => self.looked.root(root),
        };
        if let Some(place) = place {
            place.at(path.steps.iter()).all = true;
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Path(path) => self.path(path),
            Value::Constant(_) => {}
            Value::Template(pieces) => {
                for piece in pieces {
                    if let Piece::Path(path) = piece {
                        self.path(path);
                    }
                }
            }
            Value::First(values) => values.iter().for_each(|value| self.value(value)),
            Value::Refined(refined) => {
                self.value(&refined.value);
                refined.when.iter().for_each(|when| self.condition(when));
                refined.minus.iter().for_each(|minus| self.value(minus));
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(conditions) | Condition::Any(conditions) => {
                conditions.iter().for_each(|one| self.condition(one));
            }
            Condition::Not(condition) => self.condition(condition),
            Condition::Of(path, test) => {
                self.path(path);
                self.test(test);
            }
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Same(path) => self.path(path),
            Test::All(tests) | Test::Any(tests) => tests.iter().for_each(|test| self.test(test)),
            Test::Not(test) => self.test(test),
            Test::Equals(_) | Test::Matches(_) | Test::InTable(_) | Test::Exists(_) => {}
        }
    }
}
