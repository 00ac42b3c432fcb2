//! Every file that repeats the version has the one of `Cargo.toml`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tracked;
use crate::harness::repository;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Files with the text before the version in each, and the number of occurrences.
const PLACES: [(&str, &str, usize); 10] = [
    ("Cargo.toml", "\nversion = \"", 1),
    ("deploy/docker/Dockerfile", "ARG VERSION=", 1),
    ("deploy/helm/ticket-exporter/Chart.yaml", "\nversion: ", 1),
    (
        "deploy/helm/ticket-exporter/Chart.yaml",
        "appVersion: \"",
        1,
    ),
    ("deploy/kubernetes/base/kustomization.yaml", "newTag: ", 1),
    (
        "deploy/kubernetes/base/statefulset.yaml",
        "ticket-exporter:",
        1,
    ),
    (
        "deploy/kubernetes/base/statefulset.yaml",
        "app.kubernetes.io/version: \"",
        1,
    ),
    (
        "deploy/kubernetes/base/service.yaml",
        "app.kubernetes.io/version: \"",
        2,
    ),
    (
        "deploy/kubernetes/prometheus-operator/prometheusrule.yaml",
        "app.kubernetes.io/version: \"",
        1,
    ),
    ("docs/how-to/debian.md", "./ticket-exporter_", 1),
];

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// Debian's form of the version: one with `~` is older than the one without.
fn of_debian(version: &str) -> String {
    format!("{}-1", version.replacen('-', "~", 1))
}

/// The numbers of a version, to compare; without a hyphen and the rest.
fn numbers(version: &str) -> Vec<u32> {
    let plain = version.split('-').next().unwrap();
    plain.split('.').map(|part| part.parse().unwrap()).collect()
}

#[test]
fn every_file_has_the_same_version() {
    for (path, before, times) in PLACES {
        let text = read(path);
        let expected = if before.ends_with('_') {
            of_debian(VERSION)
        } else {
            VERSION.to_owned()
        };
        let ends = |rest: &str| {
            let end = rest.find(|character| "\"_\n ".contains(character));
            rest[..end.unwrap_or(rest.len())].to_owned()
        };
        let found: Vec<String> = text.split(before).skip(1).map(ends).collect();
        assert_eq!(found, vec![expected; times], "{path}: after {before:?}");
    }
}

/// The list above has every file that repeats the version.
#[test]
fn no_other_file_repeats_it() {
    let known = ["Cargo.lock", "CHANGELOG.md"];
    for path in tracked() {
        let Ok(text) = fs::read_to_string(repository().join(&path)) else {
            continue;
        };
        let is_known = PLACES.iter().any(|(place, ..)| *place == path)
            || known.contains(&path.as_str())
            || path.starts_with("tests/stores/")
            // These come from the same labels; `kustomization.yaml` sets the image of all of them.
            || path.starts_with("deploy/kubernetes/")
            || path == "tests/deployment/values/configured.yaml";
        assert!(is_known || !text.contains(VERSION), "{path} says {VERSION}");
    }
    for path in tracked() {
        if path.starts_with("deploy/kubernetes/") && path.ends_with(".yaml") {
            let text = read(&path);
            for rest in text.split("app.kubernetes.io/version: ").skip(1) {
                assert!(rest.starts_with(&format!("\"{VERSION}\"")), "{path}");
            }
        }
    }
}

/// The changelog's headings: `Unreleased` while the version says `-dev`, otherwise the version itself. No
/// released version comes after it.
#[test]
fn the_changelog_has_the_version() {
    let text = read("CHANGELOG.md");
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let plain = |heading: &str| {
        let name = heading.split(' ').next().unwrap_or_default();
        name.trim_matches(['[', ']']).to_owned()
    };
    let first = plain(headings[0]);
    if VERSION.ends_with("-dev") {
        assert_eq!(first, "Unreleased");
    } else {
        assert_eq!(first, VERSION);
    }
    for heading in &headings[1..] {
        let older = plain(heading);
        assert!(numbers(&older) < numbers(VERSION), "{older}");
    }
}

#[test]
fn the_program_prints_its_version() {
    let output = Command::new(Path::new(env!("CARGO_BIN_EXE_ticket-exporter")))
        .arg("--version")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with(&format!("ticket-exporter {VERSION}")),
        "{said}"
    );
}
