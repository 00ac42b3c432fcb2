//! Paths into a record: `.issue.fields.labels[*].name`, `$headers.ce_type`.

use std::fmt;

/// The start of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRoot {
    /// The value of the record, after `unwrap`.
    Record,
    /// The item of a rule with `foreach`.
    Item,
    Key,
    Timestamp,
    Topic,
    Headers,
    /// The attributes of the unwrapped CloudEvent.
    CloudEvent,
    /// The operation of the unwrapped Debezium change.
    Operation,
    Before,
    Source,
}

impl PathRoot {
    const NAMED: [(&'static str, Self); 9] = [
        ("$item", Self::Item),
        ("$key", Self::Key),
        ("$timestamp", Self::Timestamp),
        ("$topic", Self::Topic),
        ("$headers", Self::Headers),
        ("$cloudevent", Self::CloudEvent),
        ("$op", Self::Operation),
        ("$before", Self::Before),
        ("$source", Self::Source),
    ];
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    Name(String),
    /// An index. A negative one counts from the end: -1 is the last item.
    At(i64),
    Every,
    /// The items where this member has this value.
    Where(String, String),
}

/// A path into a record.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordPath {
    pub root: PathRoot,
    pub steps: Vec<PathStep>,
    text: String,
}

impl fmt::Debug for RecordPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordPathError(String);

impl RecordPath {
    /// Whether a text starts like a path.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(['.', '$'])
    }

    /// # Errors
    /// The text is not a path.
    pub fn parse(text: &str) -> Result<Self, RecordPathError> {
        let (root, rest) = if text.starts_with('.') {
            (PathRoot::Record, text)
        } else {
            let end = text.find(['.', '[']).unwrap_or(text.len());
            let name = &text[..end];
            let known = PathRoot::NAMED.iter().find(|(known, _)| *known == name);
            let Some((_, root)) = known else {
                let names: Vec<&str> = PathRoot::NAMED.iter().map(|(name, _)| *name).collect();
                return Err(RecordPathError(format!(
                    "\"{name}\" is none of {}; the record's own names start with a dot",
                    names.join(", ")
                )));
            };
            (*root, &text[end..])
        };
        let steps = if rest == "." {
            Vec::new()
        } else {
            steps(rest)?
        };
        Ok(Self {
            root,
            steps,
            text: text.to_owned(),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the path reads every item of a list.
    pub fn is_wide(&self) -> bool {
        self.steps.contains(&PathStep::Every)
    }
}

fn steps(mut rest: &str) -> Result<Vec<PathStep>, RecordPathError> {
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            let (step, after) = bracket(&rest[1..])?;
            steps.push(step);
            rest = after;
            continue;
        }
        if first != '.' {
            return Err(RecordPathError(format!(
                "a dot or a bracket is missing before \"{rest}\""
            )));
        }
        rest = &rest[1..];
        if rest.starts_with('[') && !rest.starts_with("[[") {
            continue; // .["a.b"]
        }
        let end = rest.find(['.', '[', ']', '{', '}']).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.trim() != name {
            return Err(RecordPathError("a name is missing after a dot".to_owned()));
        }
        steps.push(PathStep::Name(name.to_owned()));
        rest = &rest[end..];
    }
    Ok(steps)
}

/// Parses the text after an opening bracket. Returns the rest after the closing one.
fn bracket(rest: &str) -> Result<(PathStep, &str), RecordPathError> {
    let not_closed = || RecordPathError("a bracket is not closed".to_owned());
    const FORMS: &str = "brackets hold *, a number, a name in double quotes, or name=value";
    if let Some(quoted) = rest.strip_prefix('"') {
        let end = quoted.find("\"]").ok_or_else(not_closed)?;
        return Ok((PathStep::Name(quoted[..end].to_owned()), &quoted[end + 2..]));
    }
    let end = rest.find(']').ok_or_else(not_closed)?;
    let (inside, after) = (&rest[..end], &rest[end + 1..]);
    let step = if inside == "*" {
        PathStep::Every
    } else if let Ok(place) = inside.parse() {
        PathStep::At(place)
    } else if let Some((name, value)) = inside.split_once('=')
        && !name.is_empty()
        && !value.is_empty()
    {
        PathStep::Where(name.to_owned(), value.to_owned())
    } else {
        return Err(RecordPathError(FORMS.to_owned()));
    };
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_parsed() {
        let name = |name: &str| PathStep::Name(name.to_owned());
        for (text, root, steps) in [
            (".", PathRoot::Record, vec![]),
            (".a.b-c d", PathRoot::Record, vec![name("a"), name("b-c d")]),
            (
                ".a[*].n[-1]",
                PathRoot::Record,
                vec![name("a"), PathStep::Every, name("n"), PathStep::At(-1)],
            ),
            (".[0]", PathRoot::Record, vec![PathStep::At(0)]),
            (
                r#".["a.b]"].c"#,
                PathRoot::Record,
                vec![name("a.b]"), name("c")],
            ),
            (
                ".f[id=36 x].value",
                PathRoot::Record,
                vec![
                    name("f"),
                    PathStep::Where("id".into(), "36 x".into()),
                    name("value"),
                ],
            ),
            ("$key", PathRoot::Key, vec![]),
            ("$item[1]", PathRoot::Item, vec![PathStep::At(1)]),
            ("$headers.ce_id", PathRoot::Headers, vec![name("ce_id")]),
        ] {
            let path = RecordPath::parse(text).unwrap();
            assert_eq!((path.root, path.steps), (root, steps), "{text}");
        }
        for text in [
            "..a", ".a.", "$keys", "$5", ".a[", ".a[x]", ".a[=1]", ".a]", ".a[\"b]", ".a[0]b",
            ".a{",
        ] {
            assert!(RecordPath::parse(text).is_err(), "{text}");
        }
    }
}
