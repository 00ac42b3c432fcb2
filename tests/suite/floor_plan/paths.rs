//! The paths that a file names, in full: `use std::{fmt, io::{self, Read}}` names `std::fmt`,
//! `std::io` and `std::io::Read`; `super::` and `self::` are resolved.

use super::source::Token;

/// A path from its root: a crate, or `crate` for this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) names: Vec<String>,
    pub(super) line: usize,
}

impl NamedPath {
    pub(super) fn text(&self) -> String {
        self.names.join("::")
    }
}

/// All paths in the tokens of a module such as `["engine", "rules"]`. A path that begins with
/// a name in scope stays as it is written.
pub(super) fn paths(tokens: &[Token], module: &[String]) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut module = module.to_vec();
    // The depths at which inline modules were opened.
    let mut opened: Vec<usize> = Vec::new();
    let (mut depth, mut place) = (0_usize, 0);
    while place < tokens.len() {
        let text = tokens[place].text.as_str();
        let before = place
            .checked_sub(1)
            .map_or("", |before| tokens[before].text.as_str());
        match text {
            "{" => {
                depth += 1;
                if let [keyword, name] = &tokens[place.saturating_sub(2)..place]
                    && keyword.text == "mod"
                {
                    opened.push(depth);
                    module.push(name.text.clone());
                }
            }
            "}" => {
                if opened.last() == Some(&depth) {
                    opened.pop();
                    module.pop();
                }
                depth = depth.saturating_sub(1);
            }
            _ if is_name(text) && before != "::" && before != "." => {
                let mut written = Vec::new();
                let (tree, next) = tree(tokens, place, &mut written);
                found.extend(tree.into_iter().map(|path| resolved(path, &module)));
                place = next;
                continue;
            }
            // `::std::fs` is `std::fs`; `Vec<T>::new` goes on from a type, `=> ::std::fs` does not.
            "::" if !is_name(before) && (before != ">" || is_arrow(tokens, place)) => {
                place += 1;
                if tokens.get(place).is_some_and(|token| is_name(&token.text)) {
                    let mut written = Vec::new();
                    let (tree, next) = tree(tokens, place, &mut written);
                    found.extend(tree.into_iter().map(|path| resolved(path, &module)));
                    place = next;
                }
                continue;
            }
            _ => {}
        }
        place += 1;
    }
    found
}

/// Whether `=>` or `->` stands before this place.
fn is_arrow(tokens: &[Token], place: usize) -> bool {
    place >= 2 && ["=", "-"].contains(&tokens[place - 2].text.as_str())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Reads one path with its braces from `place` on, as a continuation of `written`: the paths
/// it names and the place after it.
fn tree(tokens: &[Token], mut place: usize, written: &mut Vec<String>) -> (Vec<NamedPath>, usize) {
    let length = written.len();
    let line = tokens[place].line;
    let mut found = Vec::new();
    let mut ends_in_braces = false;
    while let Some(token) = tokens.get(place) {
        if is_name(&token.text) {
            written.push(token.text.clone());
            place += 1;
        } else if token.text == "{" {
            ends_in_braces = true;
            place += 1;
            while tokens.get(place).is_some_and(|token| token.text != "}") {
                if is_name(&tokens[place].text) {
                    let (inner, next) = tree(tokens, place, written);
                    found.extend(inner);
                    place = next;
                    // `as other` names nothing more.
                    if tokens.get(place).is_some_and(|token| token.text == "as") {
                        place += 2;
                    }
                } else {
                    place += 1;
                }
            }
            place += 1;
        } else {
            // A star or anything else ends it.
            break;
        }
        // Only `::` leads on, and neither `::<` nor the end of a line of code.
        let leads_on = tokens.get(place).is_some_and(|token| token.text == "::")
            && tokens
                .get(place + 1)
                .is_some_and(|next| is_name(&next.text) || next.text == "{");
        if ends_in_braces || !leads_on {
            break;
        }
        place += 1;
    }
    if !ends_in_braces {
        found.push(NamedPath {
            names: written.clone(),
            line,
        });
    }
    written.truncate(length);
    (found, place)
}

/// Turns leading `self` and `super` into `crate::…`, and drops a trailing `self`.
fn resolved(mut path: NamedPath, module: &[String]) -> NamedPath {
    if path.names.len() > 1 && path.names.last().is_some_and(|last| last == "self") {
        path.names.pop();
    }
    let supers = path.names.iter().skip_while(|name| *name == "self");
    let supers = supers.take_while(|name| *name == "super").count();
    let own = usize::from(path.names.first().is_some_and(|first| first == "self"));
    if supers + own > 0 && path.names.len() > supers + own {
        let kept = module.len().saturating_sub(supers);
        let start = std::iter::once("crate".to_owned()).chain(module[..kept].iter().cloned());
        path.names = start
            .chain(path.names[supers + own..].iter().cloned())
            .collect();
    }
    // The library by its name, as the binary says it.
    if path
        .names
        .first()
        .is_some_and(|first| first == "ticket_exporter")
    {
        "crate".clone_into(&mut path.names[0]);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::source::tokens;
    use super::*;

    fn named(text: &str) -> Vec<String> {
        let module = ["engine".to_owned(), "rules".to_owned()];
        let paths = paths(&tokens(text), &module);
        paths
            .iter()
            .map(NamedPath::text)
            .filter(|text| text.contains("::"))
            .collect()
    }

    #[test]
    fn use_trees_are_named_in_full() {
        assert_eq!(
            named("use std::{fmt, io::{self, Read as R}, mem::*};"),
            ["std::fmt", "std::io", "std::io::Read", "std::mem"]
        );
    }

    #[test]
    fn relative_paths_are_resolved() {
        assert_eq!(
            named("use super::visit; use self::a::b; use super::super::domain::Event;"),
            [
                "crate::engine::visit",
                "crate::engine::rules::a::b",
                "crate::domain::Event"
            ]
        );
        assert_eq!(
            named("mod inner { use super::a; } use super::b;"),
            ["crate::engine::rules::a", "crate::engine::b"]
        );
    }

    #[test]
    fn paths_in_code_end_where_they_end() {
        assert_eq!(
            named("fn f() -> Vec<crate::domain::Event> { std::mem::take::<u8>(&mut self.x) }"),
            ["crate::domain::Event", "std::mem::take"]
        );
        assert_eq!(
            named("match x { A::B { c, d } => ::std::fs::read(c) }"),
            ["A::B", "std::fs::read"]
        );
    }
}
