//! No circles between files: the files of the crate can be read in some order in which each file uses
//! only files before it.
//!
//! A file uses the file that defines an item. Re-exports are followed, so `mod x;` and `pub use x::Y;`
//! in a `mod.rs` use nothing, and importing a module uses only what is then named in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::paths::{NamedPath, paths};
use super::source::{SourceFile, Token, source_files};

#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    items: BTreeSet<String>,
    /// Names in scope, with the path that each stands for.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// All modules, inline ones too, by their path below the crate.
struct Modules(BTreeMap<Vec<String>, Module>);

impl Modules {
    fn new(files: &[SourceFile], paths: &[Vec<NamedPath>]) -> Self {
        let mut modules = BTreeMap::new();
        modules.insert(Vec::new(), Module::default());
        for (file, paths) in files.iter().zip(paths) {
            let new = || Module {
                file: file.path.clone(),
                ..Module::default()
            };
            modules.entry(file.module.clone()).or_insert_with(new);
            for item in items(&file.tokens, &file.module) {
                let module = modules.entry(item.module).or_insert_with(new);
                module.items.insert(item.name);
            }
            for path in paths {
                let Some(import) = &path.import else { continue };
                let module = modules.entry(path.module.clone()).or_insert_with(new);
                if import.alias == "*" {
                    module.globs.push(path.names.clone());
                } else {
                    module
                        .imports
                        .insert(import.alias.clone(), path.names.clone());
                }
            }
        }
        Self(modules)
    }

    /// The file that defines what a path names in a module; none for modules and other crates.
    fn defining_file(&self, names: &[String], module: &[String], depth: usize) -> Option<&PathBuf> {
        // Re-exports that lead to each other.
        if depth > 10 {
            return None;
        }
        let (first, rest) = names.split_first()?;
        if first == "crate" {
            return self.item(rest, depth);
        }
        let scope = self.0.get(module)?;
        if let Some(target) = scope.imports.get(first)
            && target.first() != Some(first)
        {
            return self.defining_file(&[target, rest].concat(), module, depth + 1);
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.item(&[module, names].concat(), depth);
        }
        None
    }

    /// The same for a path below the crate.
    fn item(&self, names: &[String], depth: usize) -> Option<&PathBuf> {
        let inside = |length: &usize| self.0.contains_key(&names[..*length]);
        let length = (0..=names.len()).take_while(inside).last()?;
        let (module, rest) = (&self.0[&names[..length]], &names[length..]);
        let Some(name) = rest.first() else {
            // A function may have the name of its module.
            let (name, parent) = names.split_last()?;
            let parent = &self.0[parent];
            return parent.items.contains(name).then_some(&parent.file);
        };
        if module.items.contains(name) {
            return Some(&module.file);
        }
        if let Some(target) = module.imports.get(name) {
            let target = [target, &rest[1..]].concat();
            return self.defining_file(&target, &names[..length], depth + 1);
        }
        let through_glob = module.globs.iter().find_map(|glob| {
            let target = [glob, rest].concat();
            self.defining_file(&target, &names[..length], depth + 1)
        });
        // A macro may define it.
        let otherwise = (length > 0).then_some(&module.file);
        through_glob.or(otherwise)
    }
}

pub(super) struct Item {
    pub(super) module: Vec<String>,
    pub(super) keyword: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) public: bool,
}

const ITEM_KEYWORDS: [&str; 9] = [
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
];

/// The items that the modules of a file define, without those inside of functions and `impl` blocks.
pub(super) fn items(tokens: &[Token], module: &[String]) -> Vec<Item> {
    let mut found = Vec::new();
    let mut module = module.to_vec();
    // Brackets that are open inside of the module, and the brackets around each inline module.
    let (mut depth, mut around) = (0_usize, Vec::new());
    let mut public = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| {
            at.checked_sub(back)
                .map_or("", |at| tokens[at].text.as_str())
        };
        match token.text.as_str() {
            "{" if depth == 0 && before(2) == "mod" => {
                around.push(depth);
                module.push(before(1).to_owned());
                public = false;
            }
            "{" | "(" | "[" => depth += 1,
            "}" if depth == 0 => {
                depth = around.pop().unwrap_or(0);
                module.pop();
            }
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.text == "}" {
                    public = false;
                }
            }
            ";" if depth == 0 => public = false,
            "pub" if depth == 0 => public = true,
            keyword if depth == 0 && ITEM_KEYWORDS.contains(&keyword) => {
                let next = tokens[at + 1..].iter().find(|next| next.text != "!");
                let Some(next) = next.filter(|next| !ITEM_KEYWORDS.contains(&next.text.as_str()))
                else {
                    continue;
                };
                found.push(Item {
                    module: module.clone(),
                    keyword: keyword.to_owned(),
                    name: next.text.clone(),
                    line: next.line,
                    public,
                });
            }
            _ => {}
        }
    }
    found
}

/// A file uses another: the first line that does, and what it names there.
type Uses = BTreeMap<PathBuf, BTreeMap<PathBuf, (usize, String)>>;

fn uses(files: &[SourceFile]) -> Uses {
    let named: Vec<Vec<NamedPath>> = files
        .iter()
        .map(|file| paths(&file.tokens, &file.module))
        .collect();
    let modules = Modules::new(files, &named);
    let mut uses = Uses::new();
    for (file, paths) in files.iter().zip(&named) {
        let used = uses.entry(file.path.clone()).or_default();
        for path in paths {
            if is_mere_reexport(file, path, paths) {
                continue;
            }
            let single = path.import.is_none() && path.names.len() == 1;
            let defined = modules.defining_file(&path.names, &path.module, 0);
            if let Some(defined) = defined.filter(|defined| **defined != file.path && !single) {
                used.entry(defined.clone())
                    .or_insert_with(|| (path.line, path.text()));
            }
        }
    }
    uses
}

/// Whether a `mod.rs` passes an item on without using it.
fn is_mere_reexport(file: &SourceFile, path: &NamedPath, all: &[NamedPath]) -> bool {
    let Some(import) = path.import.as_ref().filter(|import| import.public) else {
        return false;
    };
    file.path.ends_with("mod.rs")
        && !all
            .iter()
            .any(|other| other.import.is_none() && other.names[0] == import.alias)
}

/// The uses that are part of a circle.
fn circles(uses: &Uses) -> Vec<(&PathBuf, &PathBuf, &(usize, String))> {
    let reachable: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = uses
        .keys()
        .map(|start| {
            let mut seen = BTreeSet::new();
            let mut open = vec![start];
            while let Some(file) = open.pop() {
                for next in uses.get(file).into_iter().flat_map(BTreeMap::keys) {
                    if seen.insert(next) {
                        open.push(next);
                    }
                }
            }
            (start, seen)
        })
        .collect();
    let mut found = Vec::new();
    for (from, used) in uses {
        for (to, place) in used {
            if reachable.get(to).is_some_and(|files| files.contains(from)) {
                found.push((from, to, place));
            }
        }
    }
    found
}

#[test]
fn no_circles_between_files() {
    let uses = uses(&source_files());
    let mut report = String::new();
    for (from, to, (line, text)) in circles(&uses) {
        let (from, to) = (from.display(), to.display());
        writeln!(report, "src/{from}:{line}: uses {to} ({text})").unwrap();
    }
    assert!(report.is_empty(), "files import in circles:\n{report}");
}

#[cfg(test)]
mod tests {
    use super::super::source::tokens;
    use super::*;

    /// The circles in files of this text, as `from to`.
    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: PathBuf::from(path),
            module: super::super::source::module_of(path.as_ref()),
            tokens: tokens(text),
        };
        let uses = uses(&files.iter().map(file).collect::<Vec<_>>());
        let found = circles(&uses).into_iter();
        found
            .map(|(from, to, _)| format!("{} {}", from.display(), to.display()))
            .collect()
    }

    #[test]
    fn files_that_use_each_other_are_a_circle() {
        let a = ("engine/a.rs", "use super::b::B; pub struct A;");
        let b = (
            "engine/b.rs",
            "pub struct B; fn f(a: crate::engine::a::A) {}",
        );
        let both = ["engine/a.rs engine/b.rs", "engine/b.rs engine/a.rs"];
        let modules = ("engine/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;");
        assert_eq!(circles_of(&[modules, a, b]), both);
        // Through the names of the parent.
        let a = (
            "engine/a.rs",
            "use super::{B, b}; pub struct A; fn f() { b::g() }",
        );
        let b = ("engine/b.rs", "use super::A; pub struct B; pub fn g() {}");
        assert_eq!(circles_of(&[modules, a, b]), both);
        let b = ("engine/b.rs", "pub struct B; pub fn g() {}");
        assert_eq!(circles_of(&[modules, a, b]), [""; 0]);
    }

    #[test]
    fn a_parent_that_uses_what_it_passes_on_is_part_of_a_circle() {
        let child = ("engine/a.rs", "use super::Limit; pub struct A(Limit);");
        let parent = ("engine/mod.rs", "mod a; pub use a::A; pub struct Limit;");
        assert_eq!(circles_of(&[parent, child]), [""; 0]);
        let parent = (
            "engine/mod.rs",
            "mod a; pub use a::A; pub struct Limit; fn f(a: A) {}",
        );
        let both = ["engine/a.rs engine/mod.rs", "engine/mod.rs engine/a.rs"];
        assert_eq!(circles_of(&[parent, child]), both);
        let parent = (
            "engine/mod.rs",
            "mod a; pub struct Limit; fn f() { a::A::new() }",
        );
        assert_eq!(circles_of(&[parent, child]), both);
    }
}
