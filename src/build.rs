//! Which commit and which compiler a build is of, for `--version` and `build_info`; and whether the
//! system has the libraries that the build needs.
//!
//! `BUILD_REVISION` and `BUILD_RUSTC` win: packagers build without git.
//! What cannot be found out is `unknown`, and fails no build; only a missing library does.
//!
//! Their names have not the prefix of settings: `cargo run` gives them to the program as well.
#![allow(clippy::print_stdout)] // how a build script talks to cargo

use std::env;
use std::path::Path;
use std::process::Command;

/// What a build is made of: a change there makes it another than the commit's.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// What `pkg-config` calls the libraries that the binary is linked with.
const LIBRARIES: [&str; 2] = ["openssl", "libzstd"];
/// Set where the feature builds them, or where the builder says where OpenSSL is.
const ELSEWHERE: [&str; 3] = ["CARGO_FEATURE_VENDORED", "OPENSSL_DIR", "OPENSSL_LIB_DIR"];

fn main() {
    check_libraries();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    set("BUILD_REVISION", revision);
    set("BUILD_RUSTC", compiler);
}

/// Says what to install, in place of what the build of each library would say about itself.
fn check_libraries() {
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    let is_cross_build = env::var("HOST") != env::var("TARGET");
    if is_cross_build || ELSEWHERE.iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    let is_there = |library: &str| {
        let found = Command::new("pkg-config")
            .args(["--exists", library])
            .status();
        found.is_ok_and(|status| status.success())
    };
    let missing: Vec<&str> = LIBRARIES
        .into_iter()
        .filter(|name| !is_there(name))
        .collect();
    if !missing.is_empty() {
        println!(
            "cargo::error=pkg-config does not find {}. On Debian and Ubuntu: apt-get install \
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
