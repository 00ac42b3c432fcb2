//! Runs the exporter's binary, and other commands, until they end.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::exporter::command;

/// Runs the binary to its end, with `input` on its standard input.
#[track_caller]
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    run_with_input(command().args(arguments), input)
}

/// Runs a command to its end.
#[track_caller]
pub(super) fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The command may end before it has read everything.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

/// Runs the binary, expects success and returns its standard output.
#[track_caller]
pub(crate) fn run_well(arguments: &[&str], input: &[u8]) -> String {
    let output = run(arguments, input);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
