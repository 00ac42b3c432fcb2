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
    Items(ItemChoice),
}

/// The items of a list that a path goes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemChoice {
    /// An item must meet all of them.
    pub conditions: Vec<ItemCondition>,
    pub pick: ItemPick,
}

/// A member of an item has this value, or has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCondition {
    /// The names that lead to the member.
    pub member: Vec<String>,
    pub value: String,
    pub is_not: bool,
}

/// A choice among the items that meet the conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ItemPick {
    #[default]
    Every,
    /// An index. A negative one counts from the end: -1 is the last item.
    At(i64),
    /// The item with the greatest number, or the latest time, at this member.
    Newest(Vec<String>),
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
        let mut steps = if rest == "." {
            Vec::new()
        } else {
            steps(rest)?
        };
        // HTTP bridges spell headers in several ways. The decoder gives their names in lower case.
        if let (PathRoot::Headers, Some(PathStep::Name(name))) = (root, steps.first_mut()) {
            *name = name.to_lowercase();
        }
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
        self.steps.contains(&PathStep::Items(ItemChoice::default()))
    }
}

fn steps(mut rest: &str) -> Result<Vec<PathStep>, RecordPathError> {
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            let (step, after) = bracket(&rest[1..])?;
            push(&mut steps, step);
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

/// Adds a step. A choice that follows conditions on items belongs to them.
fn push(steps: &mut Vec<PathStep>, step: PathStep) {
    match (steps.last_mut(), step) {
        (Some(PathStep::Items(before)), PathStep::Items(more))
            if !before.conditions.is_empty() && before.pick == ItemPick::Every =>
        {
            before.conditions.extend(more.conditions);
            before.pick = more.pick;
        }
        (_, step) => steps.push(step),
    }
}

/// Parses the text after an opening bracket. Returns the rest after the closing one.
fn bracket(rest: &str) -> Result<(PathStep, &str), RecordPathError> {
    let not_closed = || RecordPathError("a bracket is not closed".to_owned());
    if let Some(quoted) = rest.strip_prefix('"') {
        let end = quoted.find("\"]").ok_or_else(not_closed)?;
        return Ok((PathStep::Name(quoted[..end].to_owned()), &quoted[end + 2..]));
    }
    let end = rest.find(']').ok_or_else(not_closed)?;
    let (inside, after) = (&rest[..end], &rest[end + 1..]);
    let choice = if inside == "*" {
        ItemChoice::default()
    } else if let Ok(place) = inside.parse() {
        ItemChoice {
            pick: ItemPick::At(place),
            ..ItemChoice::default()
        }
    } else {
        choice(inside)?
    };
    Ok((PathStep::Items(choice), after))
}

/// Parses `name=value, name!=value, newest:name`.
fn choice(text: &str) -> Result<ItemChoice, RecordPathError> {
    const FORMS: &str = "brackets hold *, a number, a name in double quotes, name=value, name!=value or \
                         newest:name";
    let wrong = || RecordPathError(FORMS.to_owned());
    let mut choice = ItemChoice::default();
    for part in text.split(',') {
        if let Some((name, value)) = part.split_once('=') {
            let (name, is_not) = match name.strip_suffix('!') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let value = value.trim().to_owned();
            if value.is_empty() {
                return Err(wrong());
            }
            choice.conditions.push(ItemCondition {
                member: member(name).ok_or_else(wrong)?,
                value,
                is_not,
            });
        } else if let Some(name) = part.trim().strip_prefix("newest:")
            && choice.pick == ItemPick::Every
        {
            choice.pick = ItemPick::Newest(member(name).ok_or_else(wrong)?);
        } else {
            // A comma within a value.
            let last = choice.conditions.last_mut();
            let last = last.filter(|_| choice.pick == ItemPick::Every);
            let last = last.ok_or_else(wrong)?;
            last.value = format!("{},{part}", last.value);
        }
    }
    Ok(choice)
}

/// Parses `author.type`.
fn member(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.trim().split('.').map(str::to_owned).collect();
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_parsed() {
        let name = |name: &str| PathStep::Name(name.to_owned());
        let items = |conditions: &[(&[&str], &str, bool)], pick| {
            let conditions = conditions
                .iter()
                .map(|(member, value, is_not)| ItemCondition {
                    member: member.iter().map(|name| (*name).to_owned()).collect(),
                    value: (*value).to_owned(),
                    is_not: *is_not,
                });
            PathStep::Items(ItemChoice {
                conditions: conditions.collect(),
                pick,
            })
        };
        let at = |index| items(&[], ItemPick::At(index));
        let newest = |name: &str| ItemPick::Newest(vec![name.to_owned()]);
        let both: [(&[&str], &str, bool); 2] = [(&["a"], "1", false), (&["b", "c"], "2", true)];
        for (text, root, steps) in [
            (".", PathRoot::Record, vec![]),
            (".a.b-c d", PathRoot::Record, vec![name("a"), name("b-c d")]),
            (
                ".a[*].n[-1]",
                PathRoot::Record,
                vec![name("a"), items(&[], ItemPick::Every), name("n"), at(-1)],
            ),
            (".[0]", PathRoot::Record, vec![at(0)]),
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
                    items(&[(&["id"], "36 x", false)], ItemPick::Every),
                    name("value"),
                ],
            ),
            (
                ".f[a=1, b.c!=2]",
                PathRoot::Record,
                vec![name("f"), items(&both, ItemPick::Every)],
            ),
            (
                ".f[a=1][b.c!=2][-1]",
                PathRoot::Record,
                vec![name("f"), items(&both, ItemPick::At(-1))],
            ),
            (
                ".f[a=x,y,newest:at]",
                PathRoot::Record,
                vec![name("f"), items(&[(&["a"], "x,y", false)], newest("at"))],
            ),
            (
                ".f[newest:at][0]",
                PathRoot::Record,
                vec![name("f"), items(&[], newest("at")), at(0)],
            ),
            ("$key", PathRoot::Key, vec![]),
            ("$item[1]", PathRoot::Item, vec![at(1)]),
            ("$headers.CE_id", PathRoot::Headers, vec![name("ce_id")]),
        ] {
            let path = RecordPath::parse(text).unwrap();
            assert_eq!((path.root, path.steps), (root, steps), "{text}");
        }
        for text in [
            "..a",
            ".a.",
            "$keys",
            "$5",
            ".a[",
            ".a[x]",
            ".a[=1]",
            ".a]",
            ".a[\"b]",
            ".a[0]b",
            ".a{",
            ".a[newest:]",
            ".a[x,a=1]",
            ".a[a=1,newest:b,newest:c]",
            ".a[b..c=1]",
        ] {
            assert!(RecordPath::parse(text).is_err(), "{text}");
        }
    }
}
