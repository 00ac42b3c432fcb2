//! A YAML text as a tree of nodes that know where they stand. Knows no key of the configuration.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::problem::{Errors, Place};

/// Levels of nesting: the deepest key has six.
const DEEPEST: usize = 32;
/// Nodes of a file, aliases written out: a desk with thousands of teams fits, and a few lines of
/// aliases to aliases cannot fill the memory.
const MOST_NODES: usize = 200_000;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(String, Style),
    List(Vec<Node>),
    /// In the order of the text, without duplicates.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// What the notation of a scalar says of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: a number, a boolean, nothing, or else text.
    Plain,
    /// Text.
    Quoted,
    /// From a flag or the environment, where there are no quotes: whatever is wanted.
    Bare,
}

impl Node {
    pub(super) fn empty(place: Place) -> Self {
        Self {
            place,
            value: Value::Scalar(String::new(), Style::Plain),
        }
    }

    /// Written, but with no value: as if it were not.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, Style::Plain)
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The same text for the same content, whatever the order of its maps and wherever it stands.
    pub(super) fn canonical(&self) -> String {
        match &self.value {
            _ if self.is_null() => "~".to_owned(),
            Value::Scalar(text, _) => format!("{text:?}"),
            Value::List(nodes) => {
                let items: Vec<String> = nodes.iter().map(Node::canonical).collect();
                format!("[{}]", items.join(","))
            }
            Value::Map(entries) => {
                let one = |entry: &Entry| format!("{:?}:{}", entry.key, entry.node.canonical());
                let mut items: Vec<String> = entries.iter().map(one).collect();
                items.sort();
                format!("{{{}}}", items.join(","))
            }
        }
    }

    /// Puts a value at a path, over what is there: maps are merged key by key, anything else is
    /// replaced.
    pub(super) fn put(&mut self, path: &[&str], node: Node) {
        let Some((key, rest)) = path.split_first() else {
            self.merge(node);
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        let position = entries.iter().position(|entry| entry.key == *key);
        let position = position.unwrap_or_else(|| {
            entries.push(Entry {
                key: (*key).to_owned(),
                place: node.place.clone(),
                node: Node::empty(node.place.clone()),
            });
            entries.len() - 1
        });
        entries[position].node.put(rest, node);
    }

    fn merge(&mut self, over: Node) {
        match (&mut self.value, over.value) {
            (Value::Map(_), Value::Map(entries)) => {
                for entry in entries {
                    self.put(&[&entry.key], entry.node);
                }
            }
            (value, over_value) => {
                *value = over_value;
                self.place = over.place;
            }
        }
    }
}

/// Reads a YAML text of at most one document. `None`: nothing in it, or errors, which are added
/// to `errors`. `place` gives the place of a line and column, from 1.
pub(super) fn parse(
    text: &str,
    place: &dyn Fn(usize, usize) -> Place,
    errors: &mut Errors,
) -> Option<Node> {
    let before = errors.errors.len();
    let mut builder = Builder {
        errors,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let goes_on = match event {
            Ok((event, span)) => {
                let place = place_of(span.start, place);
                builder.event(event, place)
            }
            Err(error) => {
                let place = place_of(*error.marker(), place);
                let message = format!("not valid YAML: {}", error.info());
                builder.errors.error(&place, "", message);
                false
            }
        };
        if !goes_on {
            break;
        }
    }
    let root = builder.root.take();
    if errors.errors.len() > before {
        None
    } else {
        root
    }
}

fn place_of(marker: Marker, place: &dyn Fn(usize, usize) -> Place) -> Place {
    place(marker.line(), marker.col() + 1)
}

/// A place in the file of that name.
pub(super) fn in_file(name: &str) -> impl Fn(usize, usize) -> Place {
    let name: Arc<str> = name.into();
    move |line, column| Place::File {
        name: Arc::clone(&name),
        line,
        column,
    }
}

struct Builder<'a> {
    errors: &'a mut Errors,
    /// Lists and maps not yet closed, from the outermost.
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    root: Option<Node>,
    nodes: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, in a map.
    key: Option<(String, Place)>,
    /// Nodes seen before this one.
    nodes: usize,
}

impl Builder<'_> {
    /// Takes one event; `false` where reading on makes no sense.
    fn event(&mut self, event: Event<'_>, place: Place) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.errors
                .error(&place, "", format!("more than {MOST_NODES} values"));
            return false;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match (style, tag.as_deref()) {
                    (ScalarStyle::Plain, None) => Style::Plain,
                    _ => Style::Quoted,
                };
                if let Some(tag) = tag.as_deref()
                    && !is_text(tag)
                {
                    return self.refuse_tag(&place);
                }
                let value = Value::Scalar(text.into_owned(), style);
                self.close(Node { place, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Value::List(Vec::new()), anchor, tag.is_some(), place)
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Value::Map(Vec::new()), anchor, tag.is_some(), place)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let nodes = self.nodes - open.nodes;
                    self.close(open.node, open.anchor, nodes)
                }
                None => false,
            },
            Event::Alias(anchor) => {
                let Some((_, nodes)) = self.anchors.get(&anchor) else {
                    self.errors
                        .error(&place, "", "an alias inside its own value");
                    return false;
                };
                if self.nodes + nodes > MOST_NODES {
                    self.errors
                        .error(&place, "", format!("more than {MOST_NODES} values"));
                    return false;
                }
                let (node, nodes) = self.anchors[&anchor].clone();
                self.nodes += nodes;
                self.close(node, 0, nodes)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                self.errors
                    .error(&place, "", "a second document: there may be only one");
                false
            }
            _ => true,
        }
    }

    fn begin(&mut self, value: Value, anchor: usize, tagged: bool, place: Place) -> bool {
        if tagged {
            return self.refuse_tag(&place);
        }
        if self.open.len() == DEEPEST {
            self.errors
                .error(&place, "", format!("nested deeper than {DEEPEST} levels"));
            return false;
        }
        self.open.push(Open {
            node: Node { place, value },
            anchor,
            key: None,
            nodes: self.nodes - 1,
        });
        true
    }

    /// Puts a finished node into the list or map around it.
    fn close(&mut self, node: Node, anchor: usize, nodes: usize) -> bool {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(_), None) => match node.value {
                Value::Scalar(text, _) => open.key = Some((text, node.place)),
                _ => {
                    self.errors.error(&node.place, "", "a key must be text");
                    return false;
                }
            },
            (Value::Map(entries), Some((key, place))) => {
                if entries.iter().any(|entry| entry.key == key) {
                    let message = "this key was already given";
                    self.errors.error(&place, &key, message);
                } else {
                    entries.push(Entry { key, place, node });
                }
            }
            (Value::Scalar(..), _) => {}
        }
        true
    }

    fn refuse_tag(&mut self, place: &Place) -> bool {
        self.errors.error(place, "", "tags (!…) are not supported");
        false
    }
}

fn is_text(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Node>, String> {
        let mut errors = Errors::default();
        let node = parse(text, &in_file("a.yaml"), &mut errors);
        if errors.errors.is_empty() {
            Ok(node)
        } else {
            Err(errors.to_string())
        }
    }

    #[test]
    fn nodes_know_their_place() {
        let tree = read("kafka:\n  topics: [a, 'b']\n").unwrap().unwrap();
        let topics = tree.get("kafka").unwrap().get("topics").unwrap();
        assert_eq!(topics.place.to_string(), "a.yaml:2:11");
        let Value::List(items) = &topics.value else {
            panic!("a list")
        };
        assert_eq!(items[1].place.to_string(), "a.yaml:2:15");
        assert_eq!(items[1].value, Value::Scalar("b".into(), Style::Quoted));
        assert_eq!(read("# nothing\n"), Ok(None));
    }

    #[test]
    fn aliases_are_written_out_but_not_without_end() {
        let tree = read("a: &x {b: 1}\nc: *x\n").unwrap().unwrap();
        assert!(tree.get("c").unwrap().get("b").is_some());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let before = level - 1;
            let many = format!("*a{before}, ").repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{many}]\n"));
        }
        assert!(
            read(&bomb)
                .unwrap_err()
                .ends_with("more than 200000 values")
        );
    }

    #[test]
    fn errors_have_a_place() {
        for (text, wanted) in [
            ("a: 1\na: 2\n", "a.yaml:2:1: a: this key was already given"),
            (
                "a: 1\n---\nb: 2\n",
                "a.yaml:2:1: a second document: there may be only one",
            ),
            ("a: !secret x\n", "a.yaml:1:4: tags (!…) are not supported"),
            ("a: &x [*x]\n", "a.yaml:1:8: an alias inside its own value"),
            ("? [a]\n: b\n", "a.yaml:1:3: a key must be text"),
        ] {
            assert_eq!(read(text).unwrap_err(), wanted);
        }
        assert!(read(&"[".repeat(100_000)).is_err());
        let deep = "[".repeat(40);
        assert_eq!(
            read(&deep).unwrap_err(),
            "a.yaml:1:33: nested deeper than 32 levels"
        );
        assert!(read("a: [1, 2\nb: 3").unwrap_err().starts_with("a.yaml:2:"));
    }

    #[test]
    fn what_is_put_merges_maps_and_replaces_the_rest() {
        let mut tree = read("a: {b: 1, c: [1]}").unwrap().unwrap();
        tree.put(&["a"], read("{c: [2], d: 3}").unwrap().unwrap());
        tree.put(&["e", "f"], read("x").unwrap().unwrap());
        let a = tree.get("a").unwrap();
        assert!(a.get("b").is_some() && a.get("d").is_some());
        assert!(matches!(&a.get("c").unwrap().value, Value::List(items)
            if items[0].value == Value::Scalar("2".into(), Style::Plain)));
        assert!(tree.get("e").unwrap().get("f").is_some());
    }
}
