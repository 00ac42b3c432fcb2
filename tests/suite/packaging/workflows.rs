//! The workflows for GitHub: sound, with few permissions, and made of nothing that can change.

use std::process::Command;

use super::{files, read, succeed};
use crate::harness::{actionlint, repository};

const FOLDER: &str = ".github/workflows";

/// Each workflow with its name.
fn workflows() -> Vec<(String, String)> {
    let folder = repository().join(FOLDER);
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let all: Vec<(String, String)> = files(&folder)
        .iter()
        .map(|path| (name(path), read(&format!("{FOLDER}/{}", name(path)))))
        .collect();
    assert_eq!(all.len(), 2, "a new workflow is to be looked at here");
    all
}

#[test]
fn they_are_sound() {
    succeed(
        Command::new(actionlint())
            .args(["-shellcheck", "shellcheck", "-pyflakes", ""])
            .current_dir(repository()),
    );
}

/// What is wrong with an action that is used, if anything: `owner/name@40 digits # v1.2.3`, or a
/// workflow of ours.
fn complaint(used: &str) -> Option<String> {
    if used.starts_with("./.github/") {
        return None;
    }
    let Some((action, comment)) = used.split_once(" # v") else {
        return Some(format!("{used} does not say its version"));
    };
    let Some((name, commit)) = action.split_once('@') else {
        return Some(format!("{used} has no commit"));
    };
    let is_commit = commit.len() == 40
        && commit
            .chars()
            .all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit));
    let numbers: Vec<&str> = comment.split('.').collect();
    let is_version =
        numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
    if !is_commit || !is_version {
        return Some(format!(
            "{used} is not pinned to a commit of a whole version"
        ));
    }
    (!name.starts_with("actions/")).then(|| format!("{name} is not GitHub's own"))
}

#[test]
fn actions_are_pinned() {
    let commit = "de0fac2e4500dabe0009e67214ff5f5447ce83dd";
    assert_eq!(
        complaint(&format!("actions/checkout@{commit} # v6.0.2")),
        None
    );
    for wrong in [
        "actions/checkout@v6".to_owned(),
        "actions/checkout@v6 # v6.0.2".to_owned(),
        format!("actions/checkout@{commit}"),
        format!("actions/checkout@{commit} # v6"),
        format!("somebody/checkout@{commit} # v6.0.2"),
    ] {
        assert!(complaint(&wrong).is_some(), "{wrong}");
    }
    let mut seen = 0;
    for (name, text) in workflows() {
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("- ");
            if let Some(used) = line.strip_prefix("uses: ") {
                seen += 1;
                if let Some(complaint) = complaint(used) {
                    panic!("{name}: {complaint}");
                }
            }
        }
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn they_run_what_everybody_runs_and_may_do_little() {
    for (name, text) in workflows() {
        assert!(
            text.contains("\npermissions:\n  contents: read\n"),
            "{name}"
        );
        assert!(text.contains("\nconcurrency:\n"), "{name}");
        let checkouts = text.matches("uses: actions/checkout@").count();
        let without = text.matches("persist-credentials: false").count();
        assert_eq!(checkouts, without, "{name}");
        assert!(!text.contains("pull_request_target"), "{name}");
    }
    let (ci, release) = (
        read(".github/workflows/ci.yml"),
        read(".github/workflows/release.yml"),
    );
    assert!(ci.contains(" tests/run\n"));
    assert!(release.contains("uses: ./.github/workflows/ci.yml\n"));
    assert!(release.contains("needs: [test, build]\n"));
    // The compiler of the workflows is that of the release script, and what the program needs.
    let version = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap();
        rest.split(['"', '\n']).next().unwrap().to_owned()
    };
    let rust = version(&ci, "RUST_VERSION: \"");
    assert_eq!(rust, version(&release, "RUST_VERSION: \""));
    assert_eq!(
        rust,
        version(&read("deploy/release/build"), "readonly rust=")
    );
    let least = version(&read("Cargo.toml"), "rust-version = \"");
    assert!(rust.starts_with(&least), "{rust} and {least}");
}
