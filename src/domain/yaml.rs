//! Writes YAML that is easy to read: maps, lists, comments, and long texts as blocks.
//!
//! Serialization crates write no comments and no blocks. This writer has no anchors and no tags.

use std::borrow::Cow;

use serde_json::Value;

/// Spaces per level.
const INDENT: usize = 2;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// Text: plain if that is safe, otherwise in quotes or as a block.
    Text(String),
    /// A number or boolean, exactly as it is written.
    Literal(String),
    List(Vec<Yaml>),
    Map(Vec<(Cow<'static, str>, Yaml)>),
}

impl Yaml {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The same as JSON. A literal that is no JSON, such as `5m`, becomes a text.
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Literal(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
            }
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(entries) => {
                let entries = entries.iter();
                Value::Object(
                    entries
                        .map(|(key, value)| (key.to_string(), value.json()))
                        .collect(),
                )
            }
        }
    }

    pub fn map<K: Into<Cow<'static, str>>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entries = entries.into_iter();
        Self::Map(entries.map(|(key, value)| (key.into(), value)).collect())
    }
}

/// A document that starts with comments.
pub fn document(comments: &[&str], yaml: &Yaml) -> String {
    let mut text = String::new();
    for comment in comments {
        text.push_str(&format!("# {comment}\n"));
    }
    write(yaml, 0, &mut text);
    text
}

/// A text as a key, as a value or in a list on one line: plain if that is safe, otherwise in quotes.
pub fn scalar(text: &str) -> String {
    if is_plain(text) && !text.contains([':', '/']) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A list of texts on one line.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(scalar).collect();
    format!("[{}]", texts.join(", "))
}

/// A text that fits on one comment line.
pub fn comment(text: &str) -> String {
    text.replace(|symbol| !is_printable(symbol), " ")
}

/// Whether a character needs no escape in YAML. Line breaks do.
pub fn is_printable(symbol: char) -> bool {
    !symbol.is_control() && !matches!(symbol, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Writes a map or list whose lines start at `indent`.
fn write(yaml: &Yaml, indent: usize, out: &mut String) {
    match yaml {
        Yaml::Map(entries) => {
            for (key, value) in entries {
                out.push_str(&format!("{:indent$}{}:", "", scalar(key)));
                value_of_key(value, indent, out);
            }
        }
        Yaml::List(items) => {
            for item in items {
                list_item(item, indent, out);
            }
        }
        Yaml::Text(_) | Yaml::Literal(_) => {
            out.push_str(&format!("{:indent$}{}\n", "", block_scalar(yaml, indent)));
        }
    }
}

fn value_of_key(value: &Yaml, indent: usize, out: &mut String) {
    match value {
        Yaml::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Yaml::List(items) if items.is_empty() => out.push_str(" []\n"),
        Yaml::Map(_) | Yaml::List(_) => {
            out.push('\n');
            write(value, indent + INDENT, out);
        }
        Yaml::Text(_) | Yaml::Literal(_) => {
            out.push(' ');
            out.push_str(&block_scalar(value, indent + INDENT));
            out.push('\n');
        }
    }
}

fn list_item(item: &Yaml, indent: usize, out: &mut String) {
    // The dash replaces the indentation of the first line.
    let mut lines = String::new();
    write(item, indent + INDENT, &mut lines);
    out.push_str(&format!("{:indent$}- ", ""));
    out.push_str(&lines[indent + INDENT..]);
}

/// A scalar that ends its line, so it may be a block or contain colons.
fn block_scalar(yaml: &Yaml, indent: usize) -> String {
    match yaml {
        Yaml::Literal(text) => text.clone(),
        Yaml::Text(text) if is_block(text) => {
            let header = if text.ends_with('\n') { "|" } else { "|-" };
            let mut block = header.to_owned();
            for line in text.lines() {
                block.push_str(&format!("\n{:indent$}{line}", ""));
            }
            block
        }
        Yaml::Text(text) if is_plain(text) => text.clone(),
        Yaml::Text(text) => quoted(text),
        Yaml::List(_) | Yaml::Map(_) => String::new(),
    }
}

/// A JSON string, with escapes for the characters that only YAML requires to be escaped.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for symbol in json.chars() {
        if is_printable(symbol) {
            quoted.push(symbol);
        } else {
            quoted.push_str(&format!("\\u{:04x}", u32::from(symbol)));
        }
    }
    quoted
}

/// Whether a text of several lines can be a block. The first line sets the indentation. One line break at
/// the end is allowed.
fn is_block(text: &str) -> bool {
    let printable = |symbol: char| symbol == '\n' || is_printable(symbol);
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && !lines.starts_with([' ', '\n'])
        && !lines.ends_with('\n')
        && lines.chars().all(printable)
}

/// Whether every YAML parser reads the text as text without quotes. Paths such as `.a.b` and `$key` are.
fn is_plain(text: &str) -> bool {
    const RESERVED: [&str; 11] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan",
    ];
    let safe = |symbol: char| symbol.is_ascii_alphanumeric() || "_-./:$".contains(symbol);
    let rest = text.strip_prefix(['.', '$']).unwrap_or(text);
    rest.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(':')
        && !RESERVED.contains(&rest.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use saphyr::LoadableYamlNode;

    use super::*;

    #[test]
    fn the_output_is_easy_to_read() {
        let yaml = Yaml::map(vec![(
            "groups",
            Yaml::List(vec![Yaml::map(vec![
                ("name", Yaml::text("ticket-sla")),
                (
                    "rules",
                    Yaml::List(vec![Yaml::map(vec![
                        ("record", Yaml::text("team:x:sum")),
                        ("expr", Yaml::text("sum(\n  x\n)")),
                        ("labels", Yaml::map(vec![("a", Yaml::text("true"))])),
                        ("limit", Yaml::Literal("5".into())),
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
        assert_eq!(document(&["Made by a program."], &yaml), expected);
    }

    #[test]
    fn a_document_can_be_json() {
        let yaml = Yaml::map(vec![
            ("for", Yaml::Literal("5m".into())),
            ("limit", Yaml::Literal("5".into())),
            (
                "texts",
                Yaml::List(vec![Yaml::text("5"), Yaml::text("a\nb")]),
            ),
        ]);
        let expected = serde_json::json!({"for": "5m", "limit": 5, "texts": ["5", "a\nb"]});
        assert_eq!(yaml.json(), expected);
    }

    #[test]
    fn every_text_can_be_parsed_again() {
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
            "line\nline\n",
            "line\nline\n\n",
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
            ".a.b",
            "$key",
            ".inf",
            "a:b",
        ] {
            let yaml = Yaml::map(vec![("a", Yaml::List(vec![Yaml::text(text)]))]);
            let written = document(&[], &yaml);
            let read = saphyr::Yaml::load_from_str(&written).unwrap();
            assert_eq!(read[0]["a"][0].as_str(), Some(text), "{written}");
            let written = format!("{{{}: {}}}", scalar(text), list([text]));
            let read = saphyr::Yaml::load_from_str(&written).unwrap();
            assert_eq!(read[0][text][0].as_str(), Some(text), "{written}");
        }
    }
}
