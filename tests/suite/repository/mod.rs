//! A fresh clone works: the README's example starts, and a run leaves no file that the next commit would
//! include.

mod versions;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Signal, eventually, folder, launch, repository};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs git in a folder and returns its standard output.
#[track_caller]
fn git(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "core.excludesFile=/dev/null"])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    output.stdout
}

/// The tracked files, by their paths from the root.
fn tracked() -> Vec<String> {
    let listed = git(repository(), &["ls-files", "-z"]);
    let names = listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    names
        .map(|name| String::from_utf8(name.to_vec()).unwrap())
        .collect()
}

/// A new repository with the tracked files in their present state.
fn fresh_clone() -> tempfile::TempDir {
    let clone = folder("clone");
    for name in tracked() {
        let (from, to) = (repository().join(&name), clone.path().join(&name));
        // A file may be deleted but not yet committed as such.
        if from.exists() {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    git(clone.path(), &["init", "--quiet"]);
    git(clone.path(), &["add", "--all"]);
    clone
}

/// The first configuration in the README, which it calls `ticket-exporter.yaml`.
fn example() -> String {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, rest) = text
        .split_once("a small configuration, `ticket-exporter.yaml`:")
        .unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_example_of_the_readme_starts_in_a_fresh_clone_and_leaves_it_clean() {
    let clone = fresh_clone();
    fs::write(clone.path().join("ticket-exporter.yaml"), example()).unwrap();
    git(clone.path(), &["add", "ticket-exporter.yaml"]);
    let arguments = [
        "--config.file=ticket-exporter.yaml".to_owned(),
        "--web.listen-address=127.0.0.1:0".to_owned(),
    ];
    let mut process = launch(&arguments, &Vec::new(), clone.path());
    eventually("a started exporter", PATIENCE, || {
        if let Some(status) = process.ended() {
            panic!("it ended with {status}:\n{}", process.last_lines());
        }
        let segments = fs::read_dir(clone.path().join("data"));
        match segments.map(Iterator::count) {
            Ok(files) if files > 1 => Ok(()),
            _ => Err(format!("no checkpoint:\n{}", process.last_lines())),
        }
    });
    process.signal(Signal::Term);
    let status = process.wait(PATIENCE);
    assert!(status.success(), "{status}:\n{}", process.last_lines());
    fs::remove_file(clone.path().join("exporter.log")).unwrap();
    let changes = git(
        clone.path(),
        &["ls-files", "--others", "--exclude-standard"],
    );
    assert_eq!(String::from_utf8_lossy(&changes), "", "files of the run");
}

/// A tracked file that is ignored was added by force, or before it was ignored.
#[test]
fn nothing_that_is_ignored_is_tracked() {
    let ignored = git(
        repository(),
        &["ls-files", "--cached", "--ignored", "--exclude-standard"],
    );
    assert_eq!(String::from_utf8_lossy(&ignored), "");
    // The only stores are those of earlier versions.
    let stores = tracked().into_iter().filter(|name| {
        let file = Path::new(name).file_name().unwrap().as_bytes();
        (file.starts_with(b"segment-") || file == b"acknowledged" || file == b"lock")
            && !name.starts_with("tests/stores/")
    });
    assert_eq!(stores.collect::<Vec<_>>(), Vec::<String>::new());
}
