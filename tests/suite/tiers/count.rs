//! Counts the tests in the sources of a test binary without compiling it.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of a root, each with its file or folder.
pub(crate) fn modules(root: &str) -> Vec<(String, PathBuf)> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let text = fs::read_to_string(suite.join(root)).unwrap_or_default();
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    names
        .map(|name| {
            let folder = suite.join(name);
            let file = suite.join(format!("{name}.rs"));
            let path = if folder.is_dir() { folder } else { file };
            (name.to_owned(), path)
        })
        .collect()
}

/// Every Rust source in a folder, or the file itself.
pub(crate) fn sources(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return vec![path.to_owned()];
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .flat_map(|entry| sources(&entry.path()))
        .filter(|path| path.extension().is_some_and(|one| one == "rs"))
        .collect();
    found.sort();
    found
}

/// The tests of `with_tools` that a plain `cargo test` does not run.
pub(crate) fn with_tools() -> usize {
    modules("with_tools.rs")
        .iter()
        // The basic tests include those of the harness.
        .filter(|(name, _)| name != "harness")
        .flat_map(|(_, path)| sources(path))
        .map(|path| fs::read_to_string(path).unwrap_or_default())
        .map(|text| text.lines().filter(|line| line.trim() == "#[test]").count())
        .sum()
}
