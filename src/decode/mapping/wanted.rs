//! Which parts of a record a mapping looks at. The rest is passed over when the JSON is read: most
//! of a webhook is avatars, descriptions and empty fields.

use crate::domain::mapping::{Condition, Mapping, Path, Piece, Root, Step, Test, Value};

/// A part of a JSON value, and what is wanted inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The value itself, whatever it is.
    pub(super) all: bool,
    /// Members of an object.
    pub(super) names: Vec<(String, Wanted)>,
    /// Items of a list.
    pub(super) items: Option<Box<Wanted>>,
}

impl Wanted {
    pub(super) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// What a mapping looks at. Where something is to be unwrapped, that is not known before.
    pub(super) fn by(mapping: &Mapping) -> Self {
        if !mapping.unwrap.is_empty() {
            return Self::everything();
        }
        let mut wanted = Self::default();
        for rule in &mapping.rules {
            let mut collect = Collect {
                wanted: &mut wanted,
                items: rule.foreach.as_ref(),
            };
            if let Some(items) = &rule.foreach {
                // A list without anything wanted inside has its items all the same.
                collect.add(&items.steps, &[Step::Every, Step::Name(String::new())]);
            }
            collect.condition(&rule.when);
            rule.members
                .iter()
                .flatten()
                .for_each(|value| collect.value(value));
        }
        wanted
    }

    /// What is wanted of a member.
    pub(super) fn name(&self, name: &str) -> Option<&Self> {
        let names = self.names.iter();
        names
            .map(|(one, wanted)| (one.as_str(), wanted))
            .find(|(one, _)| *one == name)
            .map(|(_, wanted)| wanted)
    }

    fn add<'s>(&mut self, mut steps: impl Iterator<Item = &'s Step>) {
        let Some(step) = steps.next() else {
            self.all = true;
            return;
        };
        match step {
            Step::Name(name) => self.inside(name).add(steps),
            Step::At(_) | Step::Every => self.items.get_or_insert_default().add(steps),
            Step::Where(name, _) => {
                let items = self.items.get_or_insert_default();
                items.inside(name).all = true;
                items.add(steps);
            }
        }
    }

    fn inside(&mut self, name: &str) -> &mut Self {
        let place = self.names.iter().position(|(one, _)| one == name);
        let place = place.unwrap_or_else(|| {
            self.names.push((name.to_owned(), Self::default()));
            self.names.len() - 1
        });
        &mut self.names[place].1
    }
}

/// Adds the paths of one rule.
struct Collect<'w> {
    wanted: &'w mut Wanted,
    /// Where `$item` is from.
    items: Option<&'w Path>,
}

impl Collect<'_> {
    fn add(&mut self, steps: &[Step], more: &[Step]) {
        self.wanted.add(steps.iter().chain(more));
    }

    fn path(&mut self, path: &Path) {
        match (path.root, self.items) {
            (Root::Record, _) => self.add(&path.steps, &[]),
            (Root::Item, Some(items)) if items.root == Root::Record => {
                let steps: Vec<Step> = [Step::Every]
                    .into_iter()
                    .chain(path.steps.clone())
                    .collect();
                self.add(&items.steps, &steps);
            }
            _ => {}
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
