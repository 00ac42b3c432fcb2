//! Finds the commit and the compiler of a build, for `--version` and `build_info`, and checks that the
//! system has the libraries that the build needs.
//!
//! Packagers without git can set `BUILD_REVISION` and `BUILD_RUSTC`. An unknown value becomes `unknown` and
//! fails no build. The two names do not have the prefix of configuration variables, because `cargo run`
//! passes them to the program too.
#![allow(clippy::print_stdout)] // cargo reads the instructions of a build script from standard output

use std::env;
use std::path::Path;
use std::process::Command;

/// Changes in these paths make the build differ from its commit.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// The linked libraries, by their names in `pkg-config`.
const LIBRARIES: [&str; 2] = ["openssl", "libzstd"];
/// With one of these variables, the build does not use `pkg-config`.
const OTHER_SOURCES: [&str; 3] = ["CARGO_FEATURE_VENDORED", "OPENSSL_DIR", "OPENSSL_LIB_DIR"];

fn main() {
    check_libraries();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    set("BUILD_REVISION", revision);
    set("BUILD_RUSTC", compiler);
}

/// Reports all missing packages at once. The builds of the libraries would report one, with less help.
fn check_libraries() {
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    let is_cross_build = env::var("HOST") != env::var("TARGET");
    if is_cross_build || OTHER_SOURCES.iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    let exists = |library: &str| {
        let found = Command::new("pkg-config")
            .args(["--exists", library])
            .status();
        found.is_ok_and(|status| status.success())
    };
    let missing: Vec<&str> = LIBRARIES.into_iter().filter(|name| !exists(name)).collect();
    if !missing.is_empty() {
        println!(
            "cargo::error=pkg-config does not find {}. On Debian and Ubuntu, run: apt-get install \
             build-essential pkg-config libssl-dev libzstd-dev. Without these packages, \
             cargo build --features vendored compiles the libraries from source",
            missing.join(" and ")
        );
    }
}

fn set(variable: &str, find: fn() -> Option<String>) {
    println!("cargo::rerun-if-env-changed={variable}");
    let given = env::var(variable).ok().filter(|value| !value.is_empty());
    let value = given.or_else(find).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env={variable}={value}");
}

/// The commit, with `-modified` if the sources differ from it.
fn revision() -> Option<String> {
    // The prefix is not empty if this folder is inside another project's repository, whose commit would
    // be wrong.
    if !output("git", &["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // `logs/HEAD` changes with every commit. A missing file would make cargo run this script with every
    // build.
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
