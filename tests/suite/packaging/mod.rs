//! Everything around the binary in a release: manual pages, completions, the systemd unit, the Debian
//! package, and the origin of all of it.

mod completions;
mod debian;
mod licenses;
mod manual;
mod revision;
mod scripts;
mod unit;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::repository;

/// The output of a program, first standard output, then standard error.
#[derive(Debug)]
struct Said {
    success: bool,
    out: String,
    err: String,
}

/// Runs a program. A missing one fails the test and names the script that installs it.
fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|error| {
        let program = command.get_program().to_string_lossy();
        panic!("cannot run {program}: {error}. tests/setup installs what the tests need")
    });
    Said {
        success: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a program, expects success and returns its standard output.
#[track_caller]
fn succeed(command: &mut Command) -> String {
    let said = run(command);
    assert!(said.success, "{command:?}\n{}{}", said.out, said.err);
    said.out
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files directly in a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}
