//! The sources and licenses of the dependencies, checked against `.deny.toml` without cargo-deny. Only
//! cargo-deny checks the advisory database; the workflow runs it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{read, succeed};
use crate::harness::repository;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The items of a list in `.deny.toml`, one per line as there.
fn list(policy: &str, key: &str) -> BTreeSet<String> {
    let (_, rest) = policy.split_once(&format!("\n{key} = [")).unwrap();
    let (items, _) = rest.split_once(']').unwrap();
    let items = items
        .split(',')
        .map(|item| item.trim().trim_matches('"').to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

/// Whether the allowed licenses satisfy an SPDX expression. Old crates write `/` for OR.
fn is_satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let satisfied = any(&mut rest, allowed);
    assert!(rest.is_empty(), "{expression} ends too early");
    satisfied
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut satisfied = all(rest, allowed);
    while take(rest, "OR") {
        satisfied |= all(rest, allowed);
    }
    satisfied
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut satisfied = one(rest, allowed);
    while take(rest, "AND") {
        satisfied &= one(rest, allowed);
    }
    satisfied
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    if take(rest, "(") {
        let satisfied = any(rest, allowed);
        assert!(take(rest, ")"), "a bracket is not closed before {rest:?}");
        return satisfied;
    }
    let (name, others) = rest.split_first().expect("a license");
    *rest = others;
    if take(rest, "WITH") {
        let (exception, others) = rest.split_first().expect("an exception");
        *rest = others;
        return allowed.contains(&format!("{name} WITH {exception}"));
    }
    allowed.contains(*name)
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let is_next = rest.first() == Some(&word);
    if is_next {
        *rest = &rest[1..];
    }
    is_next
}

#[test]
fn expressions_have_their_meaning() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "BSD-3-Clause".to_owned()]);
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "Apache-2.0/MIT",
        "(GPL-3.0 OR MIT) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(is_satisfied(good, &allowed), "{good}");
    }
    for bad in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH Classpath-exception-2.0",
        "(MIT OR BSD-3-Clause) AND GPL-3.0",
    ] {
        assert!(!is_satisfied(bad, &allowed), "{bad}");
    }
}

#[test]
fn dependencies_are_from_the_registry_and_have_allowed_licenses() {
    let policy = read(".deny.toml");
    let allowed = list(&policy, "allow");
    assert!(allowed.contains("Apache-2.0"), "{allowed:?}");
    assert_eq!(
        list(&policy, "allow-registry"),
        BTreeSet::from([CRATES_IO.trim_start_matches("registry+").to_owned()])
    );
    let metadata = succeed(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(repository()),
    );
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for package in packages {
        let name = format!("{} {}", package["name"], package["version"]);
        let is_ours = package["source"].is_null() && package["name"] == "ticket-exporter";
        if !is_ours && package["source"] != CRATES_IO {
            complaints.push(format!("{name} comes from {}", package["source"]));
        }
        let license = package["license"].as_str().unwrap_or_default();
        if license.is_empty() || !is_satisfied(license, &allowed) {
            complaints.push(format!("{name} has the license {license:?}"));
        }
        // A license that no dependency has must not stay in the list.
        used.extend(allowed.iter().filter(|one| license.contains(one.as_str())));
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert_eq!(
        used.len(),
        allowed.len(),
        "of {allowed:?} only {used:?} are used"
    );
}
