//! The commit of a build: the test compiles the build script and runs it in several kinds of folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::succeed;
use crate::harness::{folder, repository};

/// The build script as a program. The caller must keep its folder.
fn build_script() -> (tempfile::TempDir, PathBuf) {
    let folder = folder("revision");
    let program = folder.path().join("build-script");
    succeed(
        Command::new("rustc")
            .args(["--edition=2024", "-o"])
            .arg(&program)
            .arg(repository().join("src/build.rs")),
    );
    (folder, program)
}

/// A folder with the sources that the script asks git about.
fn sources(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    for file in ["src/main.rs", "Cargo.toml", "Cargo.lock", "README.md"] {
        fs::write(folder.join(file), "one\n").unwrap();
    }
    folder
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
    let mut command = Command::new("git");
    succeed(command.args(identity).args(arguments).current_dir(folder))
}

fn committed(parent: &Path, name: &str) -> PathBuf {
    let folder = sources(parent, name);
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "--quiet", "--message", "one"]);
    folder
}

/// The variables that the script sets for a build in a folder.
fn variables(script: &Path, folder: &Path, revision: Option<&str>) -> BTreeMap<String, String> {
    let mut command = Command::new(script);
    command.current_dir(folder).env("RUSTC", "rustc");
    // The folders of tests are inside our own repository.
    command.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap());
    match revision {
        Some(revision) => command.env("BUILD_REVISION", revision),
        None => command.env_remove("BUILD_REVISION"),
    };
    succeed(&mut command)
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::rustc-env=")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn revision(script: &Path, folder: &Path, given: Option<&str>) -> String {
    variables(script, folder, given)["BUILD_REVISION"].clone()
}

#[test]
fn without_git_the_packager_sets_it() {
    let (parent, script) = build_script();
    let folder = sources(parent.path(), "tarball");
    assert_eq!(revision(&script, &folder, None), "unknown");
    assert_eq!(revision(&script, &folder, Some("")), "unknown");
    assert_eq!(revision(&script, &folder, Some("abc123")), "abc123");
    let variables = variables(&script, &folder, None);
    let compiler = &variables["BUILD_RUSTC"];
    assert!(compiler.starts_with("1."), "{compiler}");
    // Cargo sets these for the tests, too, and would read settings with this prefix.
    for name in variables.keys() {
        assert!(!name.starts_with("TICKET_EXPORTER_"), "{name}");
    }
}

#[test]
fn with_git_it_is_the_commit_and_whether_the_sources_have_changed() {
    let (parent, script) = build_script();
    let folder = committed(parent.path(), "clone");
    let commit = git(&folder, &["rev-parse", "--short=12", "HEAD"]);
    let commit = commit.trim();
    let modified = format!("{commit}-modified");
    assert_eq!(revision(&script, &folder, None), commit);

    fs::write(folder.join("README.md"), "two\n").unwrap();
    assert_eq!(
        revision(&script, &folder, None),
        commit,
        "no part of a build"
    );
    fs::write(folder.join("src/new.rs"), "").unwrap();
    assert_eq!(revision(&script, &folder, None), modified);
    fs::remove_file(folder.join("src/new.rs")).unwrap();
    fs::write(folder.join("Cargo.lock"), "two\n").unwrap();
    assert_eq!(revision(&script, &folder, None), modified);
    assert_eq!(revision(&script, &folder, Some("abc123")), "abc123");
}

#[test]
fn within_another_repository_it_is_unknown() {
    let (parent, script) = build_script();
    let outer = committed(parent.path(), "outer");
    let folder = sources(&outer, "unpacked");
    // From the folder itself, the outer repository is above it.
    let mut command = Command::new(script);
    command.current_dir(folder).env_remove("BUILD_REVISION");
    let said = succeed(&mut command);
    assert!(
        said.contains("cargo::rustc-env=BUILD_REVISION=unknown"),
        "{said}"
    );
}

#[test]
fn a_missing_library_is_named_with_a_remedy() {
    let (parent, script) = build_script();
    let run = |more: &[(&str, &str)]| {
        let mut command = Command::new(&script);
        command.current_dir(parent.path()).env("RUSTC", "rustc");
        command
            .env_remove("OPENSSL_DIR")
            .env_remove("OPENSSL_LIB_DIR");
        succeed(command.envs(more.iter().copied()))
    };
    assert!(!run(&[]).contains("cargo::error="));
    let nowhere = ("PKG_CONFIG_LIBDIR", "/nonexistent");
    let said = run(&[nowhere]);
    let (_, error) = said.split_once("cargo::error=").unwrap();
    let error = error.lines().next().unwrap();
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let install = readme
        .lines()
        .find_map(|line| line.strip_prefix("$ apt-get install build-"));
    for part in [
        "openssl and libzstd",
        install.unwrap(),
        "--features vendored",
    ] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    for other in [
        ("CARGO_FEATURE_VENDORED", "1"),
        ("OPENSSL_DIR", "/opt/openssl"),
    ] {
        assert!(
            !run(&[nowhere, other]).contains("cargo::error="),
            "{other:?}"
        );
    }
}
