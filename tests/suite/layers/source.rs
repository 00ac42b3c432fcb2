//! The source files of the crate, as tokens without comments, literals and unit tests.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::harness::repository;

/// An identifier, `::`, or one other character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
}

/// A file below `src/` that is not a unit test.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to `src/`.
    pub(super) path: PathBuf,
    /// `["engine", "rules"]`
    pub(super) module: Vec<String>,
    pub(super) tokens: Vec<Token>,
}

/// All files but `lib.rs`, which only lists the modules, the build script and the unit tests.
pub(super) fn source_files() -> Vec<SourceFile> {
    let root = repository().join("src");
    let mut files = Vec::new();
    let mut test_modules = Vec::new();
    for path in files_below(&root) {
        let relative = path.strip_prefix(&root).unwrap().to_owned();
        if relative == Path::new("lib.rs") || relative == Path::new("build.rs") {
            continue;
        }
        let tokens = tokens(&std::fs::read_to_string(&path).unwrap());
        let module = module_of(&relative);
        let names = test_modules_in(&tokens).into_iter();
        test_modules.extend(names.map(|name| [module.clone(), vec![name]].concat()));
        files.push(SourceFile {
            path: relative,
            module,
            tokens: without_tests(&tokens),
        });
    }
    files.retain(|file| {
        !test_modules
            .iter()
            .any(|test| file.module.starts_with(test))
    });
    assert!(
        files.len() > 10,
        "{} has {} files",
        root.display(),
        files.len()
    );
    files
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `engine/rules.rs` is `["engine", "rules"]`, `engine/mod.rs` is `["engine"]`.
pub(super) fn module_of(relative: &Path) -> Vec<String> {
    let path = relative.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    let mut module: Vec<String> = names.collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let stream = text
        .parse()
        .unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut found = Vec::new();
    flatten(stream, &mut found);
    found
}

fn flatten(stream: TokenStream, found: &mut Vec<Token>) {
    let mut after_colon = false;
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |text: String, line| found.push(Token { text, line });
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis | Delimiter::None => ("(", ")"),
                };
                push(open.to_owned(), line);
                flatten(group.stream(), found);
                found.push(Token {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                });
            }
            TokenTree::Ident(name) => push(name.to_string(), line),
            TokenTree::Punct(mark) if mark.as_char() == ':' && after_colon => {
                push("::".to_owned(), line);
                after_colon = false;
                continue;
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint => {
                after_colon = true;
                continue;
            }
            TokenTree::Punct(mark) => push(mark.to_string(), line),
            TokenTree::Literal(_) => {}
        }
        after_colon = false;
    }
}

/// Leaves out every item under `#[cfg(test)]`.
pub(super) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut rest = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = item_end(tokens, at);
        } else {
            rest.push(tokens[at].clone());
            at += 1;
        }
    }
    rest
}

/// The names in `#[cfg(test)] mod name;`: these files are unit tests.
fn test_modules_in(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            let item = &tokens[at..item_end(tokens, at)];
            if let [.., keyword, name, end] = item
                && (keyword.text.as_str(), end.text.as_str()) == ("mod", ";")
            {
                names.push(name.text.clone());
            }
        }
    }
    names
}

const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

fn is_test_attribute(tokens: &[Token]) -> bool {
    tokens.len() >= TEST_ATTRIBUTE.len()
        && tokens
            .iter()
            .zip(TEST_ATTRIBUTE)
            .all(|(token, expected)| token.text == expected)
}

/// The index after the item that starts, with its attributes, at `start`.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    // `use a::{b, c};` continues to its semicolon.
                    let semicolon = tokens.get(at + 1).is_some_and(|next| next.text == ";");
                    return at + 1 + usize::from(semicolon);
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}
