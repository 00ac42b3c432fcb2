//! The parts of a record that a mapping reads. The JSON reader skips the rest: most of a webhook is
//! avatars, descriptions and empty fields.

use crate::domain::mapping::{
    Condition, ItemPick, Mapping, PathRoot, PathStep, RecordPath, Rule, TemplatePart, UnwrapStep,
    ValueSource, ValueTest,
};

/// The attribute with the operation of a change that Debezium wraps in a `CloudEvent`.
pub(super) const DEBEZIUM_OPERATION: &str = "iodebeziumop";

/// With more parts than this, a search for names costs more than reading everything. Each step of
/// `unwrap` may multiply them.
const MOST_PARTS: usize = 2_000;

/// The wanted parts of a JSON value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WantedParts {
    /// The whole value.
    all: bool,
    /// Members of an object.
    pub(super) names: Vec<(String, WantedParts)>,
    /// The [`bit`] of each name.
    bits: u64,
    /// Items of a list.
    items: Option<Box<WantedParts>>,
}

impl WantedParts {
    pub(super) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// The parts that a mapping reads, before `unwrap`.
    pub(super) fn by(mapping: &Mapping) -> Self {
        let mut paths = PathsByRoot::default();
        for rule in &mapping.rules {
            paths.rule(rule);
        }
        let PathsByRoot {
            record: mut wanted,
            before,
            source,
            cloud_event,
        } = paths;
        // From the last step to the first. A step that does not fit leaves the record as it is.
        for step in mapping.unwrap.iter().rev() {
            if wanted.count() > MOST_PARTS {
                return Self::everything();
            }
            let inside = wanted.clone();
            match step {
                UnwrapStep::Path(path)
                | UnwrapStep::Each(path)
                | UnwrapStep::Json(path)
                | UnwrapStep::Base64(path)
                    if path.root != PathRoot::Record =>
                {
                    return Self::everything();
                }
                UnwrapStep::Path(path) => wanted.at(path.steps.iter()).merge(&inside),
                UnwrapStep::Each(path) => wanted.at(path.steps.iter()).items().merge(&inside),
                UnwrapStep::Json(path) | UnwrapStep::Base64(path) => {
                    wanted.at(path.steps.iter()).all = true;
                }
                UnwrapStep::Debezium => {
                    wanted.inside("__op").all = true;
                    wanted.change(&inside, &before, &source);
                    wanted.inside("payload").change(&inside, &before, &source);
                }
                UnwrapStep::CloudEvents => {
                    wanted.cloud_event(&inside, &cloud_event);
                    wanted.items().cloud_event(&inside, &cloud_event);
                }
            }
        }
        wanted
    }

    /// The wanted parts of a member. `None`: the reader skips it.
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

    /// The wanted parts of each item of a list. `None`: the reader skips them.
    pub(super) fn item(&self) -> Option<&Self> {
        if self.all {
            return Some(self);
        }
        self.items.as_deref()
    }

    /// The parts at the end of a path.
    fn at<'s>(&mut self, mut steps: impl Iterator<Item = &'s PathStep>) -> &mut Self {
        let Some(step) = steps.next() else {
            return self;
        };
        match step {
            PathStep::Name(name) => self.inside(name).at(steps),
            PathStep::Items(choice) => {
                let items = self.items();
                let members = choice.conditions.iter().map(|one| &one.member);
                let newest = match &choice.pick {
                    ItemPick::Newest(member) => Some(member),
                    ItemPick::Every | ItemPick::At(_) => None,
                };
                for member in members.chain(newest) {
                    let inside = member.iter().fold(&mut *items, |at, name| at.inside(name));
                    inside.all = true;
                }
                items.at(steps)
            }
        }
    }

    fn count(&self) -> usize {
        let names = self.names.iter().map(|(_, inside)| inside);
        let inside = names.chain(self.items.as_deref());
        1 + inside.map(Self::count).sum::<usize>()
    }

    fn merge(&mut self, other: &Self) {
        self.all |= other.all;
        for (name, inside) in &other.names {
            self.inside(name).merge(inside);
        }
        if let Some(items) = &other.items {
            self.items().merge(items);
        }
    }

    /// Adds a change event of Debezium with these parts of its row.
    fn change(&mut self, row: &Self, before: &Self, source: &Self) {
        self.inside("op").all = true;
        self.inside("after").merge(row);
        // The row of a deletion.
        self.inside("before").merge(row);
        self.inside("before").merge(before);
        self.inside("source").merge(source);
    }

    /// Adds a `CloudEvent` with these parts of its data.
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

/// Whether two names are equal. Many names of an object have the same length, but few start alike.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// One of 64 bits, by the length of a name and its first letter. It excludes most unwanted names
/// without a comparison.
fn bit(name: &str) -> u64 {
    let first = name.bytes().next().map_or(0, usize::from);
    1 << ((name.len() * 7 + first) % 64)
}

/// The paths of rules by their roots. The reader keeps the other roots whole, since they are small.
#[derive(Default)]
struct PathsByRoot {
    record: WantedParts,
    before: WantedParts,
    source: WantedParts,
    cloud_event: WantedParts,
}

impl PathsByRoot {
    fn root(&mut self, root: PathRoot) -> Option<&mut WantedParts> {
        match root {
            PathRoot::Record => Some(&mut self.record),
            PathRoot::Before => Some(&mut self.before),
            PathRoot::Source => Some(&mut self.source),
            PathRoot::CloudEvent => Some(&mut self.cloud_event),
            PathRoot::Item
            | PathRoot::Key
            | PathRoot::Timestamp
            | PathRoot::Topic
            | PathRoot::Headers
            | PathRoot::Operation => None,
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if let Some(items) = &rule.foreach
            && let Some(wanted) = self.root(items.root)
        {
            wanted.at(items.steps.iter()).items();
        }
        let mut collect = PathCollector {
            paths: self,
            items: rule.foreach.as_ref(),
        };
        collect.condition(&rule.when);
        let members = rule.members.iter().flatten();
        let members = members.chain(rule.attributes.values());
        members.for_each(|value| collect.value(value));
    }
}

/// Collects the paths of one rule.
struct PathCollector<'w> {
    paths: &'w mut PathsByRoot,
    /// The list of `$item`.
    items: Option<&'w RecordPath>,
}

impl PathCollector<'_> {
    fn path(&mut self, path: &RecordPath) {
        let place = match (path.root, self.items) {
            (PathRoot::Item, Some(items)) => {
                let items = self
                    .paths
                    .root(items.root)
                    .map(|root| root.at(items.steps.iter()));
                items.map(WantedParts::items)
            }
            (root, _) => self.paths.root(root),
        };
        if let Some(place) = place {
            place.at(path.steps.iter()).all = true;
        }
    }

    fn value(&mut self, value: &ValueSource) {
        match value {
            ValueSource::Path(path) => self.path(path),
            ValueSource::Constant(_) => {}
            ValueSource::Template(pieces) => {
                for piece in pieces {
                    if let TemplatePart::Path(path) = piece {
                        self.path(path);
                    }
                }
            }
            ValueSource::First(values) => values.iter().for_each(|value| self.value(value)),
            ValueSource::Refined(refined) => {
                self.value(&refined.value);
                refined.when.iter().for_each(|when| self.condition(when));
                refined.minus.iter().for_each(|minus| self.value(minus));
                refined.plus.iter().for_each(|plus| self.value(plus));
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

    fn test(&mut self, test: &ValueTest) {
        match test {
            ValueTest::Same(value) => self.value(value),
            ValueTest::All(tests) | ValueTest::Any(tests) => {
                tests.iter().for_each(|test| self.test(test));
            }
            ValueTest::Not(test) => self.test(test),
            ValueTest::Equals(_)
            | ValueTest::Contains(_)
            | ValueTest::Count(_)
            | ValueTest::Matches(_)
            | ValueTest::InTable(_)
            | ValueTest::Exists(_) => {}
        }
    }
}
