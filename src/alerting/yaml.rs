//! A writer of the YAML that people read in rule files: maps, lists, comments, text in blocks.
//!
//! Serialisers know neither comments nor which text is easier to read as a block, and the queries
//! are most of what is in these files. It writes no anchors, tags or other kinds of numbers.

/// Spaces of a level.
const INDENT: usize = 2;

/// What can be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Text: as it is where that is safe, in quotes or as a block where not.
    Text(String),
    /// A number or a boolean, as it is to be written.
    Literal(String),
    List(Vec<Node>),
    Map(Vec<(&'static str, Node)>),
}

impl Node {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// A document: remarks, each a line, and what they are about.
pub fn document(remarks: &[&str], node: &Node) -> String {
    let mut text = String::new();
    for remark in remarks {
        text.push_str(&format!("# {remark}\n"));
    }
    write(node, 0, &mut text);
    text
}

/// Writes a map or list whose lines begin at `indent`.
fn write(node: &Node, indent: usize, out: &mut String) {
    match node {
        Node::Map(entries) => {
            for (key, value) in entries {
                out.push_str(&format!("{:indent$}{key}:", ""));
                value_of_key(value, indent, out);
            }
        }
        Node::List(items) => {
            for item in items {
                list_item(item, indent, out);
            }
        }
        Node::Text(_) | Node::Literal(_) => {
            out.push_str(&format!("{:indent$}{}\n", "", scalar(node, indent)));
        }
    }
}

fn value_of_key(value: &Node, indent: usize, out: &mut String) {
    match value {
        Node::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Node::List(items) if items.is_empty() => out.push_str(" []\n"),
        Node::Map(_) | Node::List(_) => {
            out.push('\n');
            write(value, indent + INDENT, out);
        }
        Node::Text(_) | Node::Literal(_) => {
            out.push(' ');
            out.push_str(&scalar(value, indent + INDENT));
            out.push('\n');
        }
    }
}

fn list_item(item: &Node, indent: usize, out: &mut String) {
    // The dash takes the place of the first line's indentation.
    let mut lines = String::new();
    write(item, indent + INDENT, &mut lines);
    out.push_str(&format!("{:indent$}- ", ""));
    out.push_str(&lines[indent + INDENT..]);
}

fn scalar(node: &Node, indent: usize) -> String {
    match node {
        Node::Literal(text) => text.clone(),
        Node::Text(text) if is_block(text) => {
            let mut block = "|-".to_owned();
            for line in text.lines() {
                block.push_str(&format!("\n{:indent$}{line}", ""));
            }
            block
        }
        Node::Text(text) if is_plain(text) => text.clone(),
        // A JSON string is a YAML string.
        Node::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Node::List(_) | Node::Map(_) => String::new(),
    }
}

/// Several lines of nothing but what a block may hold. Its first line sets the indentation.
fn is_block(text: &str) -> bool {
    let printable = |symbol: char| symbol == '\n' || is_printable(symbol);
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && text.chars().all(printable)
}

/// What may stand in YAML as it is, but for ends of lines.
pub fn is_printable(symbol: char) -> bool {
    !symbol.is_control() && !matches!(symbol, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Words that no reader of YAML takes for anything but text.
fn is_plain(text: &str) -> bool {
    let safe = |symbol: char| symbol.is_ascii_alphanumeric() || "_-./".contains(symbol);
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|symbol| safe(symbol) || symbol == ':')
        && !text.ends_with(':')
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode, Yaml};

    use super::*;

    #[test]
    fn it_looks_as_people_write_it() {
        let node = Node::Map(vec![(
            "groups",
            Node::List(vec![Node::Map(vec![
                ("name", Node::text("ticket-sla")),
                (
                    "rules",
                    Node::List(vec![Node::Map(vec![
                        ("record", Node::text("team:x:sum")),
                        ("expr", Node::text("sum(\n  x\n)")),
                        ("labels", Node::Map(vec![("a", Node::text("true"))])),
                        ("limit", Node::Literal("5".into())),
                    ])]),
                ),
            ])]),
        )]);
        let expected = "\
# Made by a program.
groups:
  - name: ticket-sla
    rules:
      - record: team:x:sum
        expr: |-
          sum(
            x
          )
        labels:
          a: \"true\"
        limit: 5
";
        assert_eq!(document(&["Made by a program."], &node), expected);
    }

    #[test]
    fn every_text_comes_back() {
        for text in [
            "plain",
            "",
            " ",
            "true",
            "No",
            "1",
            "1.5",
            "- a",
            "a: b",
            "a:",
            "#a",
            "a #b",
            "\"",
            "'",
            "\\",
            "line\nline",
            " line\nline",
            "line\n\nline",
            "line\n",
            "\n",
            "tab\there",
            "ümlaut\nline",
            "\u{0}\u{85}\u{2028}",
            "{{ $labels.team }}",
            "%",
            "@a",
            "*a",
            "&a",
            "!a",
            "null",
            "~",
        ] {
            let node = Node::Map(vec![("a", Node::List(vec![Node::text(text)]))]);
            let written = document(&[], &node);
            let read = Yaml::load_from_str(&written).unwrap();
            assert_eq!(read[0]["a"][0].as_str(), Some(text), "{written}");
        }
    }
}
