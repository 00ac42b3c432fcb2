//! The workflows for GitHub: they are valid, have few permissions and use pinned actions.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{files, read, succeed};
use crate::harness::{actionlint, document, repository};

const FOLDER: &str = ".github/workflows";

fn workflows() -> Vec<(String, String)> {
    let folder = repository().join(FOLDER);
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let all: Vec<(String, String)> = files(&folder)
        .iter()
        .map(|path| (name(path), read(&format!("{FOLDER}/{}", name(path)))))
        .collect();
    assert_eq!(all.len(), 2, "this test must check every workflow");
    all
}

#[test]
fn they_are_valid() {
    succeed(
        Command::new(actionlint())
            .args(["-shellcheck", "shellcheck", "-pyflakes", ""])
            .current_dir(repository()),
    );
}

/// The problem of an action reference, if any: expected is `owner/name@40 digits # v1.2.3`, or a workflow
/// of ours.
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
        format!("someone/checkout@{commit} # v6.0.2"),
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
fn they_run_the_scripts_of_the_repository_with_few_permissions() {
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
    assert!(release.contains("needs: [test, build, image]\n"));
    // The workflows use the compiler version of the release script, which the program needs.
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

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

#[test]
fn a_release_has_both_architectures_signatures_and_attestations() {
    let release = document(".github/workflows/release.yml");
    let jobs = &release["jobs"];
    for job in ["build", "image"] {
        // On machines of that architecture, by their labels.
        let builds = list(&jobs[job]["strategy"]["matrix"]["include"]).iter();
        let architectures: BTreeSet<(&str, bool)> = builds
            .map(|one| {
                let runner = one["runner"].as_str().unwrap();
                (
                    one["architecture"].as_str().unwrap(),
                    runner.ends_with("-arm"),
                )
            })
            .collect();
        assert_eq!(
            architectures,
            [("amd64", false), ("arm64", true)].into(),
            "{job}"
        );
        assert_eq!(jobs[job]["runs-on"], "${{ matrix.runner }}", "{job}");
    }
    // No image gets a tag, and nothing is published, before all tests have passed.
    let needs = |job: &str| jobs[job]["needs"].to_string();
    assert!(needs("image").contains("\"test\""));
    assert!(needs("publish").contains("\"test\""));
    let steps = list(&jobs["publish"]["steps"]);
    let position = |what: &str, is_it: &dyn Fn(&Value) -> bool| {
        let found = steps.iter().position(is_it);
        found.unwrap_or_else(|| panic!("no step runs {what}"))
    };
    let runs = |command: &str| {
        position(command, &|step| {
            step["run"]
                .as_str()
                .is_some_and(|run| run.contains(command))
        })
    };
    let tagged = runs("docker buildx imagetools create --tag");
    let chart = runs("helm push");
    let signed = runs("cosign sign --yes --recursive \"$IMAGE\"");
    assert_eq!(signed, runs("cosign sign --yes \"$CHART\""));
    assert_eq!(
        signed,
        runs("cosign sign-blob --yes --bundle release/SHA256SUMS.sigstore.json")
    );
    assert!(tagged < signed && chart < signed);
    let attested: Vec<usize> = (0..steps.len())
        .filter(|index| steps[*index]["with"]["sbom-path"].is_string())
        .collect();
    assert_eq!(attested.len(), 4, "files and image, for two architectures");
    let published = runs("gh release create");
    assert!(
        attested
            .iter()
            .all(|index| (signed..published).contains(index))
    );
    // Only the jobs that sign and push have these permissions.
    for (job, permission, allowed) in [
        ("publish", "id-token", true),
        ("publish", "packages", true),
        ("image", "packages", true),
        ("image", "id-token", false),
        ("build", "packages", false),
    ] {
        let is_allowed = jobs[job]["permissions"][permission] == "write";
        assert_eq!(is_allowed, allowed, "{job}: {permission}");
    }
}

/// Files that pin versions, with their Dependabot ecosystems.
const PINS: [(&str, &str); 5] = [
    ("Cargo.lock", "cargo"),
    ("requirements.txt", "pip"),
    ("pom.xml", "maven"),
    ("Dockerfile", "docker"),
    ("compose.yaml", "docker-compose"),
];

#[test]
fn dependabot_checks_all_pinned_versions() {
    let config = document(".github/dependabot.yml");
    let mut looked_at = BTreeSet::new();
    for update in list(&config["updates"]) {
        let ecosystem = update["package-ecosystem"].as_str().unwrap().to_owned();
        let folders = match &update["directories"] {
            Value::Null => std::slice::from_ref(&update["directory"]),
            several => list(several),
        };
        for folder in folders {
            let folder = folder.as_str().unwrap().trim_start_matches('/').to_owned();
            looked_at.insert((ecosystem.clone(), folder));
        }
    }
    assert!(looked_at.remove(&("github-actions".to_owned(), String::new())));
    let mut git = Command::new("git");
    let tracked = succeed(git.arg("ls-files").current_dir(repository()));
    let pinned: BTreeSet<(String, String)> = tracked
        .lines()
        .filter_map(|path| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let (_, ecosystem) = PINS.iter().find(|(pin, _)| *pin == name)?;
            Some(((*ecosystem).to_owned(), folder.to_owned()))
        })
        .collect();
    assert_eq!(looked_at, pinned);
}
