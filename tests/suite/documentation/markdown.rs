//! Markdown, read line by line as our documents are written: blocks between fences, links on one line.

#![allow(dead_code)] // Each of the two test binaries uses a part.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders without documents of ours.
const NOT_OURS: [&str; 2] = ["target", "golden"];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file of the repository.
pub(crate) fn documents() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with('.') || NOT_OURS.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    found.sort();
    assert!(found.contains(&root().join("README.md")));
    found
}

/// A block between fences.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
    /// The HTML comment before it.
    pub(crate) remark: String,
}

/// The blocks of a document, and the text around them.
pub(crate) fn blocks(document: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    let mut remark = String::new();
    for line in document.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.to_owned(),
                    text: String::new(),
                    remark: std::mem::take(&mut remark),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {
                if let Some(text) = line.strip_prefix("<!-- ") {
                    text.trim_end_matches(" -->").clone_into(&mut remark);
                } else if !line.is_empty() {
                    remark.clear();
                }
                prose += line;
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block without an end: {open:?}");
    (blocks, prose)
}

pub(crate) fn blocks_of(document: &str, language: &str) -> Vec<String> {
    let (blocks, _) = blocks(document);
    blocks
        .into_iter()
        .filter(|block| block.language == language)
        .map(|block| block.text)
        .collect()
}

/// The pieces of a text between backquotes.
pub(crate) fn inline_code(prose: &str) -> impl Iterator<Item = &str> {
    prose
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Everything between `start` and `end`, on one line.
pub(crate) fn between<'a>(
    text: &'a str,
    start: &'a str,
    end: char,
) -> impl Iterator<Item = &'a str> {
    text.split(start)
        .skip(1)
        .filter_map(move |rest| rest.split_once(end).map(|(inside, _)| inside))
        .filter(|inside| !inside.contains('\n'))
}

/// The command lines in a text whose commands may go on after a backslash.
pub(crate) fn command_lines(text: &str) -> Vec<String> {
    text.replace("\\\n", " ")
        .lines()
        .map(|line| line.trim().trim_start_matches("$ ").to_owned())
        .collect()
}
