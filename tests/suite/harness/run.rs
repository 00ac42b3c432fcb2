//! The exporter's binary, run to its end.

use std::io::Write as _;
use std::process::{Output, Stdio};

use super::exporter::command;

/// Runs the binary to its end, with `input` on its standard input.
#[track_caller]
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    output
}

/// The same for a run that has to end well; its standard output.
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
