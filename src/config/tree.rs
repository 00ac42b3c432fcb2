//! Parses YAML into a tree whose nodes know their position in the file.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::problem::{ConfigErrors, ConfigPlace};

/// Greatest depth of nesting. The deepest key has six levels.
const MOST_LEVELS: usize = 32;
/// Greatest number of nodes after aliases are expanded. Thousands of teams fit, and a few lines of
/// nested aliases cannot exhaust the memory.
const MOST_NODES: usize = 200_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct YamlNode {
    pub(super) place: ConfigPlace,
    pub(super) value: YamlValue,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum YamlValue {
    Scalar(String, YamlStyle),
    List(Vec<YamlNode>),
    /// In the order of the file, without duplicates.
    Map(Vec<YamlEntry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct YamlEntry {
    pub(super) key: String,
    pub(super) place: ConfigPlace,
    pub(super) node: YamlNode,
}

/// How a scalar is written, which limits its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YamlStyle {
    /// Without quotes: a number, a boolean, null or text.
    Plain,
    /// In quotes: text.
    Quoted,
    /// From a flag or environment variable: any type.
    Bare,
}

impl YamlNode {
    pub(super) fn empty(place: ConfigPlace) -> Self {
        Self {
            place,
            value: YamlValue::Scalar(String::new(), YamlStyle::Plain),
        }
    }

    /// Whether the key has no value. This is the same as a missing key.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, YamlValue::Scalar(text, YamlStyle::Plain)
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(super) fn get(&self, key: &str) -> Option<&YamlNode> {
        match &self.value {
            YamlValue::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.node),
            _ => None,
        }
    }

    /// A text that is equal for equal content. Positions and the order of map entries do not matter.
    pub(super) fn canonical(&self) -> String {
        match &self.value {
            _ if self.is_null() => "~".to_owned(),
            YamlValue::Scalar(text, _) => format!("{text:?}"),
            YamlValue::List(nodes) => {
                let items: Vec<String> = nodes.iter().map(YamlNode::canonical).collect();
                format!("[{}]", items.join(","))
            }
            YamlValue::Map(entries) => {
                let one = |entry: &YamlEntry| format!("{:?}:{}", entry.key, entry.node.canonical());
                let mut items: Vec<String> = entries.iter().map(one).collect();
                items.sort();
                format!("{{{}}}", items.join(","))
            }
        }
    }

    /// Sets the value at a path. Merges maps key by key, and replaces any other value.
    pub(super) fn put(&mut self, path: &[&str], node: YamlNode) {
        let Some((key, rest)) = path.split_first() else {
            self.merge(node);
            return;
        };
        if !matches!(self.value, YamlValue::Map(_)) {
            self.value = YamlValue::Map(Vec::new());
        }
        let YamlValue::Map(entries) = &mut self.value else {
            return;
        };
        let position = entries.iter().position(|entry| entry.key == *key);
        let position = position.unwrap_or_else(|| {
            entries.push(YamlEntry {
                key: (*key).to_owned(),
                place: node.place.clone(),
                node: YamlNode::empty(node.place.clone()),
            });
            entries.len() - 1
        });
        entries[position].node.put(rest, node);
    }

    fn merge(&mut self, over: YamlNode) {
        match (&mut self.value, over.value) {
            (YamlValue::Map(_), YamlValue::Map(entries)) => {
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

/// Parses a YAML text of at most one document. Returns `None` for an empty text or after an error.
/// `place` converts a line and column, counted from 1, to a position.
pub(super) fn parse(
    text: &str,
    place: &dyn Fn(usize, usize) -> ConfigPlace,
    errors: &mut ConfigErrors,
) -> Option<YamlNode> {
    let before = errors.errors.len();
    let mut builder = TreeBuilder {
        errors,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let continues = match event {
            Ok((event, span)) => {
                let place = position(span.start, place);
                builder.event(event, place)
            }
            Err(error) => {
                let place = position(*error.marker(), place);
                let message = format!("not valid YAML: {}", error.info());
                builder.errors.error(&place, "", message);
                false
            }
        };
        if !continues {
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

fn position(marker: Marker, place: &dyn Fn(usize, usize) -> ConfigPlace) -> ConfigPlace {
    place(marker.line(), marker.col() + 1)
}

/// Creates positions in a file.
pub(super) fn in_file(name: &str) -> impl Fn(usize, usize) -> ConfigPlace {
    let name: Arc<str> = name.into();
    move |line, column| ConfigPlace::File {
        name: Arc::clone(&name),
        line,
        column,
    }
}

struct TreeBuilder<'a> {
    errors: &'a mut ConfigErrors,
    /// Lists and maps that are not closed yet, the outermost first.
    open: Vec<OpenNode>,
    anchors: HashMap<usize, (YamlNode, usize)>,
    root: Option<YamlNode>,
    nodes: usize,
}

struct OpenNode {
    node: YamlNode,
    anchor: usize,
    /// In a map: the key of the next value.
    key: Option<(String, ConfigPlace)>,
    /// The number of nodes before this one.
    nodes: usize,
}

impl TreeBuilder<'_> {
    /// Handles one event of the parser. Returns `false` to stop parsing.
    fn event(&mut self, event: Event<'_>, place: ConfigPlace) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.errors
                .error(&place, "", format!("more than {MOST_NODES} values"));
            return false;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match (style, tag.as_deref()) {
                    (ScalarStyle::Plain, None) => YamlStyle::Plain,
                    _ => YamlStyle::Quoted,
                };
                if let Some(tag) = tag.as_deref()
                    && !is_text(tag)
                {
                    return self.refuse_tag(&place);
                }
                let value = YamlValue::Scalar(text.into_owned(), style);
                self.close(YamlNode { place, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(YamlValue::List(Vec::new()), anchor, tag.is_some(), place)
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(YamlValue::Map(Vec::new()), anchor, tag.is_some(), place)
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
                        .error(&place, "", "this alias is inside its own value");
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
                    .error(&place, "", "second document; only one is allowed");
                false
            }
            _ => true,
        }
    }

    fn begin(&mut self, value: YamlValue, anchor: usize, tagged: bool, place: ConfigPlace) -> bool {
        if tagged {
            return self.refuse_tag(&place);
        }
        if self.open.len() == MOST_LEVELS {
            self.errors.error(
                &place,
                "",
                format!("nested deeper than {MOST_LEVELS} levels"),
            );
            return false;
        }
        self.open.push(OpenNode {
            node: YamlNode { place, value },
            anchor,
            key: None,
            nodes: self.nodes - 1,
        });
        true
    }

    /// Adds a complete node to the list or map around it.
    fn close(&mut self, node: YamlNode, anchor: usize, nodes: usize) -> bool {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        match (&mut open.node.value, open.key.take()) {
            (YamlValue::List(items), _) => items.push(node),
            (YamlValue::Map(_), None) => match node.value {
                YamlValue::Scalar(text, _) => open.key = Some((text, node.place)),
                _ => {
                    self.errors.error(&node.place, "", "a key must be text");
                    return false;
                }
            },
            (YamlValue::Map(entries), Some((key, place))) => {
                if entries.iter().any(|entry| entry.key == key) {
                    let message = "duplicate key; remove one";
                    self.errors.error(&place, &key, message);
                } else {
                    entries.push(YamlEntry { key, place, node });
                }
            }
            (YamlValue::Scalar(..), _) => {}
        }
        true
    }

    fn refuse_tag(&mut self, place: &ConfigPlace) -> bool {
        self.errors.error(
            place,
            "",
            "YAML tags (!…) are not supported; remove the tag",
        );
        false
    }
}

fn is_text(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<YamlNode>, String> {
        let mut errors = ConfigErrors::default();
        let node = parse(text, &in_file("a.yaml"), &mut errors);
        if errors.errors.is_empty() {
            Ok(node)
        } else {
            Err(errors.to_string())
        }
    }

    #[test]
    fn nodes_know_their_position() {
        let tree = read("kafka:\n  topics: [a, 'b']\n").unwrap().unwrap();
        let topics = tree.get("kafka").unwrap().get("topics").unwrap();
        assert_eq!(topics.place.to_string(), "a.yaml:2:11");
        let YamlValue::List(items) = &topics.value else {
            panic!("a list")
        };
        assert_eq!(items[1].place.to_string(), "a.yaml:2:15");
        assert_eq!(
            items[1].value,
            YamlValue::Scalar("b".into(), YamlStyle::Quoted)
        );
        assert_eq!(read("# nothing\n"), Ok(None));
    }

    #[test]
    fn aliases_are_expanded_up_to_a_limit() {
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
    fn errors_have_a_position() {
        for (text, wanted) in [
            ("a: 1\na: 2\n", "a.yaml:2:1: a: duplicate key; remove one"),
            (
                "a: 1\n---\nb: 2\n",
                "a.yaml:2:1: second document; only one is allowed",
            ),
            (
                "a: !secret x\n",
                "a.yaml:1:4: YAML tags (!…) are not supported; remove the tag",
            ),
            (
                "a: &x [*x]\n",
                "a.yaml:1:8: this alias is inside its own value",
            ),
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
    fn put_merges_maps_and_replaces_other_values() {
        let mut tree = read("a: {b: 1, c: [1]}").unwrap().unwrap();
        tree.put(&["a"], read("{c: [2], d: 3}").unwrap().unwrap());
        tree.put(&["e", "f"], read("x").unwrap().unwrap());
        let a = tree.get("a").unwrap();
        assert!(a.get("b").is_some() && a.get("d").is_some());
        assert!(matches!(&a.get("c").unwrap().value, YamlValue::List(items)
            if items[0].value == YamlValue::Scalar("2".into(), YamlStyle::Plain)));
        assert!(tree.get("e").unwrap().get("f").is_some());
    }
}
