//! What is around the binary when it is handed on: manual pages, completions, the systemd unit, the
//! Debian package, and where all of it comes from.

mod completions;
mod debian;
mod licences;
mod manual;
mod revision;
mod scripts;
mod unit;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::repository;

/// What a program printed, standard output and error together in this order.
#[derive(Debug)]
struct Said {
    success: bool,
    out: String,
    err: String,
}

/// Runs a program to its end. One that is missing fails the test and names what installs it.
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

/// The same where it has to end well; what it printed to standard output.
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

/// The files right in a folder, sorted.
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
