//! Prometheus' own command-line tool: it lints expositions, checks and tests rules.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::tools;

/// What promtool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PromtoolOutput {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs promtool with `input` on its standard input.
#[track_caller]
pub(crate) fn promtool(arguments: &[&str], input: &str) -> PromtoolOutput {
    let mut child = Command::new(tools::promtool())
        .args(arguments)
        .current_dir(tools::repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    std::thread::scope(|scope| {
        // It may end before it has read everything.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        let (mut errors, text) = (child.stderr.take().unwrap(), &mut stderr);
        scope.spawn(move || errors.read_to_string(text).unwrap());
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
    });
    PromtoolOutput {
        success: child.wait().unwrap().success(),
        stdout,
        stderr,
    }
}
