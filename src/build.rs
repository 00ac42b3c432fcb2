//! Which commit and which compiler a build is of, for `--version` and `build_info`.
//!
//! `BUILD_REVISION` and `BUILD_RUSTC` win: packagers build without git.
//! Whatever cannot be found out is `unknown`; nothing here fails a build.
//!
//! Their names have not the prefix of settings: `cargo run` gives them to the program as well.
#![allow(clippy::print_stdout)] // how a build script talks to cargo

use std::env;
use std::path::Path;
use std::process::Command;

/// What a build is made of: a change there makes it another than the commit's.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    set("BUILD_REVISION", revision);
    set("BUILD_RUSTC", compiler);
}

fn set(variable: &str, find: fn() -> Option<String>) {
    println!("cargo::rerun-if-env-changed={variable}");
    let given = env::var(variable).ok().filter(|value| !value.is_empty());
    let value = given.or_else(find).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env={variable}={value}");
}

/// The commit, with `-modified` where the sources are not exactly its.
fn revision() -> Option<String> {
    // Not empty in a folder of another project's repository, whose commit would say nothing.
    if !output("git", &["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // The second changes with every commit. A file that is not there would be waited for with
    // every build.
    for name in ["HEAD", "logs/HEAD"] {
        let path = output("git", &["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(SOURCES);
    let is_exact = output("git", &status)?.is_empty();
    Some(format!(
        "{commit}{}",
        if is_exact { "" } else { "-modified" }
    ))
}

/// The compiler's version, such as `1.95.0`.
fn compiler() -> Option<String> {
    let line = output(&env::var("RUSTC").ok()?, &["--version"])?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
