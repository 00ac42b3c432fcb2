//! The Debian package: built from the tested binary, inspected, installed, run and removed in a copy of
//! this machine that is discarded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{run, succeed};
use crate::harness::{binary, cargo_deb, folder, repository};

/// Intended remarks of lintian: the changelog is the project's own, since there is no other packager.
const MEANT: [&str; 2] = [
    "debian-changelog-file-missing-or-wrong-name",
    "no-changelog",
];

struct Package {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// The package, built once, with the files of a release and the stripped binary of the tests.
fn package() -> &'static Path {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    &PACKAGE
        .get_or_init(|| {
            let folder = folder("debian");
            let target = folder.path().join("target");
            let dist = target.join("dist");
            fs::create_dir_all(&dist).unwrap();
            let program = dist.join("ticket-exporter");
            succeed(Command::new("strip").arg("-o").arg(&program).arg(binary()));
            let generate = repository().join("deploy/debian/generate");
            succeed(Command::new(generate).arg(&program));
            let path = folder.path().join("ticket-exporter.deb");
            let version = succeed(&mut Command::new(
                repository().join("deploy/debian/version"),
            ));
            succeed(
                Command::new(cargo_deb())
                    .args(["deb", "--locked", "--no-build", "--no-strip", "--fast"])
                    .args(["--deb-version", version.trim()])
                    .arg("--output")
                    .arg(&path)
                    .env("CARGO_TARGET_DIR", target)
                    .current_dir(repository()),
            );
            Package {
                _folder: folder,
                path,
            }
        })
        .path
}

fn field(name: &str) -> String {
    succeed(
        Command::new("dpkg-deb")
            .arg("--field")
            .arg(package())
            .arg(name),
    )
    .trim()
    .to_owned()
}

#[test]
fn it_is_complete_and_has_few_dependencies() {
    assert_eq!(field("Package"), "ticket-exporter");
    // Debian sorts a version with `~` before the one without it.
    let version = env!("CARGO_PKG_VERSION").replacen('-', "~", 1);
    assert_eq!(field("Version"), format!("{version}-1"));
    assert_eq!(field("Maintainer"), env!("CARGO_PKG_AUTHORS"));
    // Only libraries that the binary links: the C library, and the compiler's. The tests' binary also links
    // the system's OpenSSL and zstd, which a release contains.
    for dependency in field("Depends").split(", ") {
        let name = dependency.split(' ').next().unwrap();
        assert!(
            ["libc6", "libgcc-s1", "libssl3", "libzstd1", "systemd"].contains(&name),
            "{dependency}"
        );
    }
    let build = fs::read_to_string(repository().join("deploy/debian/build")).unwrap();
    assert!(build.contains("--profile dist --features vendored"));
    let listed = succeed(Command::new("dpkg-deb").arg("--contents").arg(package()));
    for file in [
        "./usr/bin/ticket-exporter",
        "./etc/ticket-exporter/ticket-exporter.yaml",
        "./etc/default/ticket-exporter",
        "./etc/default/ticket-gateway",
        "./usr/lib/systemd/system/ticket-exporter.service",
        "./usr/lib/systemd/system/ticket-gateway.service",
        "./usr/lib/sysusers.d/ticket-exporter.conf",
        "./usr/share/man/man1/ticket-exporter.1.gz",
        "./usr/share/man/man1/ticket-exporter-check-config.1.gz",
        "./usr/share/man/man5/ticket-exporter.yaml.5.gz",
        "./usr/share/bash-completion/completions/ticket-exporter",
        "./usr/share/fish/vendor_completions.d/ticket-exporter.fish",
        "./usr/share/zsh/vendor-completions/_ticket-exporter",
        "./usr/share/doc/ticket-exporter/copyright",
    ] {
        let is_there = listed.lines().any(|line| line.ends_with(file));
        assert!(is_there, "{file} is not in\n{listed}");
    }
    let kept = succeed(
        Command::new("dpkg-deb")
            .args(["--info"])
            .arg(package())
            .arg("conffiles"),
    );
    let mut kept: Vec<&str> = kept.lines().collect();
    kept.sort_unstable();
    assert_eq!(
        kept,
        [
            "/etc/default/ticket-exporter",
            "/etc/default/ticket-gateway",
            "/etc/ticket-exporter/ticket-exporter.yaml"
        ]
    );
}

#[test]
fn lintian_has_no_remarks() {
    let said = run(Command::new("lintian")
        .args(["--no-cfg", "--allow-root", "--tag-display-limit=0"])
        .args(["--suppress-tags", &MEANT.join(",")])
        .args(["--fail-on", "error,warning"])
        .arg(package()));
    assert!(said.success, "{}{}", said.out, said.err);
}

#[test]
fn it_is_installed_run_updated_removed_and_purged() {
    let scripts = repository().join("tests/packaging");
    let said = run(Command::new(scripts.join("throwaway"))
        .arg(scripts.join("lifecycle"))
        .arg(package())
        .current_dir(repository()));
    assert!(said.success, "{}{}", said.out, said.err);
    assert!(said.out.trim_end().ends_with("step: done"), "{}", said.out);
    assert!(
        said.out.contains("the configuration is valid")
            || said.err.contains("the configuration is valid"),
        "{said:?}"
    );
}
