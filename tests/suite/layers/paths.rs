//! The paths that a file names, in full: `use std::{fmt, io::{self, Read}}` names `std::fmt`,
//! `std::io` and `std::io::Read`; `super::` and `self::` are resolved.

use super::source::Token;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedPath {
    /// From the root: a crate, or `crate` for this one. A path that starts with a name in scope stays as
    /// it is written.
    pub(super) names: Vec<String>,
    pub(super) line: usize,
    /// The module that names it, which may be an inline module of the file.
    pub(super) module: Vec<String>,
    pub(super) import: Option<Import>,
}

/// A path of a `use` item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The name in this module; `*` for all names.
    pub(super) alias: String,
    pub(super) public: bool,
}

impl NamedPath {
    pub(super) fn text(&self) -> String {
        self.names.join("::")
    }
}

/// All paths in the tokens of a module such as `["engine", "rules"]`.
pub(super) fn paths(tokens: &[Token], module: &[String]) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut module = module.to_vec();
    // The depths at which inline modules were opened.
    let mut opened: Vec<usize> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    // Some(public) inside a `use` item.
    let mut import = None;
    while at < tokens.len() {
        let text = tokens[at].text.as_str();
        let before = at
            .checked_sub(1)
            .map_or("", |before| tokens[before].text.as_str());
        let mut start = None;
        match text {
            "{" => {
                depth += 1;
                if let [keyword, name] = &tokens[at.saturating_sub(2)..at]
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
            // Not `impl Trait + use<'a>`.
            "use" if tokens.get(at + 1).is_some_and(|next| next.text != "<") => {
                import = Some(before == "pub" || before == ")");
            }
            ";" => import = None,
            _ if is_name(text) && before != "::" && before != "." => start = Some(at),
            // `::std::fs` is `std::fs`; `Vec<T>::new` continues a type, `=> ::std::fs` does not.
            "::" if !is_name(before) && (before != ">" || is_arrow(tokens, at)) => {
                start = tokens
                    .get(at + 1)
                    .filter(|token| is_name(&token.text))
                    .map(|_| at + 1);
            }
            _ => {}
        }
        let Some(start) = start else {
            at += 1;
            continue;
        };
        let (branches, next) = branches(tokens, start, &mut Vec::new());
        found.extend(branches.into_iter().map(|(names, line, alias)| NamedPath {
            names: resolved(names, &module),
            line,
            module: module.clone(),
            import: import.map(|public| Import { alias, public }),
        }));
        at = next;
    }
    found
}

/// Whether `=>` or `->` stands before this token.
fn is_arrow(tokens: &[Token], at: usize) -> bool {
    at >= 2 && ["=", "-"].contains(&tokens[at - 2].text.as_str())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// A path as it is written, its line, and the name by which the module knows it.
type Branch = (Vec<String>, usize, String);

/// Reads one path with its braces as a continuation of `written`. Returns the paths that it names and
/// the index after it.
fn branches(tokens: &[Token], mut at: usize, written: &mut Vec<String>) -> (Vec<Branch>, usize) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let length = written.len();
    let line = tokens[at].line;
    let mut found = Vec::new();
    let mut ends_in_braces = false;
    loop {
        if is_name(text(at)) {
            written.push(text(at).to_owned());
            at += 1;
        } else if text(at) == "{" {
            ends_in_braces = true;
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                if is_name(text(at)) {
                    let (inner, next) = branches(tokens, at, written);
                    found.extend(inner);
                    at = next;
                } else {
                    at += 1;
                }
            }
            at += 1;
        }
        // Neither `::<` nor anything else continues a path.
        let leads_on = text(at) == "::" && (is_name(text(at + 1)) || text(at + 1) == "{");
        if ends_in_braces || !leads_on {
            break;
        }
        at += 1;
    }
    if !ends_in_braces {
        let mut names = written.clone();
        if names.len() > 1 && names.last().is_some_and(|last| last == "self") {
            names.pop();
        }
        let mut alias = names.last().cloned().unwrap_or_default();
        if text(at) == "as" && is_name(text(at + 1)) {
            text(at + 1).clone_into(&mut alias);
            at += 2;
        } else if text(at) == "::" && text(at + 1) == "*" {
            "*".clone_into(&mut alias);
            at += 2;
        }
        found.push((names, line, alias));
    }
    written.truncate(length);
    (found, at)
}

/// Turns leading `self` and `super` into `crate::…`.
fn resolved(names: Vec<String>, module: &[String]) -> Vec<String> {
    let relative = names
        .iter()
        .take_while(|name| *name == "self" || *name == "super");
    let (relative, supers) = (
        relative.clone().count(),
        relative.filter(|name| *name == "super").count(),
    );
    // The binary calls the library by its name.
    let library = usize::from(names[0] == "ticket_exporter");
    if library == 0 && (relative == 0 || relative == names.len() && supers == 0) {
        return names;
    }
    let parents = if library == 1 {
        &[]
    } else {
        &module[..module.len().saturating_sub(supers)]
    };
    let start = std::iter::once("crate".to_owned()).chain(parents.iter().cloned());
    start
        .chain(names[relative + library..].iter().cloned())
        .collect()
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

    #[test]
    fn imports_have_a_name_and_a_visibility() {
        let found = paths(&tokens("pub use a::{b as c, d::*}; use e::f; g::h();"), &[]);
        let found = found.into_iter().filter(|path| path.names.len() > 1);
        let imports = found.map(|path| path.import.map(|import| (import.alias, import.public)));
        let named = |alias: &str, public| Some((alias.to_owned(), public));
        assert_eq!(
            imports.collect::<Vec<_>>(),
            [named("c", true), named("*", true), named("f", false), None]
        );
    }
}
