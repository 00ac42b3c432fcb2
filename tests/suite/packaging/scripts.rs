//! ShellCheck accepts the shell scripts.

use std::process::Command;

use super::run;
use crate::harness::repository;

const SCRIPTS: [&str; 12] = [
    ".ci/run",
    ".ci/test-data",
    "deploy/debian/build",
    "deploy/debian/generate",
    "deploy/debian/postinst",
    "deploy/debian/postrm",
    "deploy/release/build",
    "deploy/release/setup",
    "tests/packaging/lifecycle",
    "tests/packaging/throwaway",
    "tests/run",
    "tests/rustdoc",
];

#[test]
fn scripts_are_free_of_lint() {
    let said = run(Command::new("shellcheck")
        .args(SCRIPTS)
        .current_dir(repository()));
    assert!(said.success, "{}{}", said.out, said.err);
}
