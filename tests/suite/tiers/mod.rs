//! The tiers of the tests: every test belongs to one, and tests that are left out are reported.

pub(crate) mod count;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::repository;

/// The start of the reason, by the place of the ignored test.
const RECORDED: &str = "recorded data";
const LONG: &str = "long";
/// No test by itself: other tests start it as a second process.
const HELPER: &str = "started by the tests that need a second process";

/// Reasons of ignored tests in these files, with the file.
fn reasons(path: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in count::sources(path) {
        let text = fs::read_to_string(&source).unwrap();
        let place = source.display().to_string();
        for line in text.lines().map(str::trim) {
            assert!(line != "#[ignore]", "{place}: say why the test is ignored");
            if let Some(rest) = line.strip_prefix("#[ignore = \"") {
                found.push((place.clone(), rest.trim_end_matches("\"]").to_owned()));
            }
        }
    }
    found
}

/// `tests/run` runs the ignored tests of each binary in one tier, so all of them belong to that tier.
#[test]
fn every_ignored_test_belongs_to_a_tier() {
    let mut places: Vec<(&str, _)> = vec![(LONG, repository().join("src"))];
    for (root, tier) in [("basic.rs", RECORDED), ("with_tools.rs", LONG)] {
        let modules = count::modules(root);
        assert!(modules.len() > 5, "{root}: {modules:?}");
        places.extend(modules.into_iter().map(|(_, path)| (tier, path)));
    }
    let mut seen = BTreeSet::new();
    for (tier, path) in places {
        for (place, reason) in reasons(&path) {
            let is_right = reason.starts_with(&format!("{tier}: ")) || reason == HELPER;
            assert!(is_right, "{place}: {reason:?} is not of the tier {tier:?}");
            seen.insert(tier);
        }
    }
    assert_eq!(seen.len(), 2, "both tiers have tests");
}

/// A subject that is in no binary is not compiled and tests nothing.
#[test]
fn every_subject_belongs_to_a_binary() {
    let mut named: BTreeSet<String> = ["basic", "with_tools", "left_out"]
        .map(str::to_owned)
        .into_iter()
        .collect();
    for root in ["basic.rs", "with_tools.rs"] {
        named.extend(count::modules(root).into_iter().map(|(name, _)| name));
    }
    for entry in fs::read_dir(repository().join("tests/suite")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(named.contains(&name), "{} is in no binary", path.display());
    }
}

/// The number that `cargo test` prints is that of the tests that it leaves out.
#[test]
fn left_out_tests_are_counted() {
    let output = Command::new("grep")
        .args(["-rlE", r"^\s*#\[(tokio::)?test"])
        .arg(repository().join("tests/suite"))
        .output()
        .unwrap();
    assert!(output.status.success());
    let of_basic: BTreeSet<_> = count::modules("basic.rs")
        .iter()
        .flat_map(|(_, path)| count::sources(path))
        .collect();
    let text = String::from_utf8(output.stdout).unwrap();
    let others = text
        .lines()
        .filter(|line| !of_basic.contains(Path::new(line)));
    let in_others: usize = others
        .map(|path| fs::read_to_string(path).unwrap().matches("#[test]").count())
        .sum();
    let counted = count::with_tools();
    assert_eq!(counted, in_others);
    assert!(counted > 100, "{counted}");
}
