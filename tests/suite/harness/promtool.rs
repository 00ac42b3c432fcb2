//! Prometheus' command-line tool, which lints expositions and checks and tests rules.

use std::process::Command;

use super::run::{run_with_input, text};
use super::tools;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PromtoolOutput {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs promtool with `input` on its standard input.
#[track_caller]
pub(crate) fn promtool(arguments: &[&str], input: &str) -> PromtoolOutput {
    let mut command = Command::new(tools::promtool());
    command.args(arguments).current_dir(tools::repository());
    let output = run_with_input(&mut command, input.as_bytes());
    PromtoolOutput {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
