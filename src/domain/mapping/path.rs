//! Paths into a record: `.issue.fields.labels[*].name`, `$headers.ce_type`.

use std::fmt;

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The record's value, unwrapped.
    Record,
    /// The item of a rule with `foreach`.
    Item,
    Key,
    Timestamp,
    Topic,
    Headers,
    /// Attributes of the CloudEvent that was unwrapped.
    CloudEvent,
    /// Of the Debezium change that was unwrapped.
    Operation,
    Before,
    Source,
}

impl Root {
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

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Name(String),
    /// From the start, or from the end where negative: -1 is the last.
    At(i64),
    Every,
    /// The items where this member has this value.
    Where(String, String),
}

/// A path, as written and as understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    pub root: Root,
    pub steps: Vec<Step>,
    text: String,
}

impl fmt::Debug for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Path {
    /// Whether a text is meant to be a path.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(['.', '$'])
    }

    /// # Errors
    /// What is wrong, in words that go on after "a path: ".
    pub fn parse(text: &str) -> Result<Self, String> {
        let (root, rest) = if text.starts_with('.') {
            (Root::Record, text)
        } else {
            let end = text.find(['.', '[']).unwrap_or(text.len());
            let name = &text[..end];
            let known = Root::NAMED.iter().find(|(known, _)| *known == name);
            let Some((_, root)) = known else {
                let names: Vec<&str> = Root::NAMED.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "\"{name}\" is none of {}; the record's own names start with a dot",
                    names.join(", ")
                ));
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

    /// Whether it gives more than one value, of which most are not meant.
    pub fn is_wide(&self) -> bool {
        self.steps.contains(&Step::Every)
    }
}

fn steps(mut rest: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            let (step, after) = bracket(&rest[1..])?;
            steps.push(step);
            rest = after;
            continue;
        }
        if first != '.' {
            return Err(format!("a dot or a bracket is wanted before \"{rest}\""));
        }
        rest = &rest[1..];
        if rest.starts_with('[') && !rest.starts_with("[[") {
            continue; // .["a.b"]
        }
        let end = rest.find(['.', '[', ']', '{', '}']).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.trim() != name {
            return Err("a name is wanted after each dot".to_owned());
        }
        steps.push(Step::Name(name.to_owned()));
        rest = &rest[end..];
    }
    Ok(steps)
}

/// What stands between brackets, and the rest after them.
fn bracket(rest: &str) -> Result<(Step, &str), String> {
    const FORMS: &str = "brackets hold *, a number, a name in double quotes, or name=value";
    if let Some(quoted) = rest.strip_prefix('"') {
        let end = quoted.find("\"]").ok_or("a bracket is not closed")?;
        return Ok((Step::Name(quoted[..end].to_owned()), &quoted[end + 2..]));
    }
    let end = rest.find(']').ok_or("a bracket is not closed")?;
    let (inside, after) = (&rest[..end], &rest[end + 1..]);
    let step = if inside == "*" {
        Step::Every
    } else if let Ok(place) = inside.parse() {
        Step::At(place)
    } else if let Some((name, value)) = inside.split_once('=')
        && !name.is_empty()
        && !value.is_empty()
    {
        Step::Where(name.to_owned(), value.to_owned())
    } else {
        return Err(FORMS.to_owned());
    };
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_understood() {
        let name = |name: &str| Step::Name(name.to_owned());
        for (text, root, steps) in [
            (".", Root::Record, vec![]),
            (".a.b-c d", Root::Record, vec![name("a"), name("b-c d")]),
            (
                ".a[*].n[-1]",
                Root::Record,
                vec![name("a"), Step::Every, name("n"), Step::At(-1)],
            ),
            (".[0]", Root::Record, vec![Step::At(0)]),
            (
                r#".["a.b]"].c"#,
                Root::Record,
                vec![name("a.b]"), name("c")],
            ),
            (
                ".f[id=36 x].value",
                Root::Record,
                vec![
                    name("f"),
                    Step::Where("id".into(), "36 x".into()),
                    name("value"),
                ],
            ),
            ("$key", Root::Key, vec![]),
            ("$item[1]", Root::Item, vec![Step::At(1)]),
            ("$headers.ce_id", Root::Headers, vec![name("ce_id")]),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!((path.root, path.steps), (root, steps), "{text}");
        }
        for text in [
            "..a", ".a.", "$keys", "$5", ".a[", ".a[x]", ".a[=1]", ".a]", ".a[\"b]", ".a[0]b",
            ".a{",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
