//! The layers of `src/lib.rs`. An import points to a lower layer, and modules of one layer do not import
//! each other. Layers below `edge` do not wait, read, log or ask for the time. Unit tests in `src/` may.
//!
//! The tests read tokens, not types, so they do not see an impure name behind a re-export.

mod circles;
mod forbidden;
mod names;
mod paths;
mod source;

use paths::paths;
use source::{Token, source_files};

use crate::harness::repository;

/// From the bottom up. Modules of one layer do not import each other.
const LAYERS: [&[&str]; 7] = [
    &["domain"],
    &["engine"],
    &[
        "alerting",
        "config",
        "dashboards",
        "decode",
        "exposition",
        "simulation",
    ],
    &["edge"],
    &["app"],
    &["cli"],
    &["main"],
];

/// This layer and those below it are pure.
const HIGHEST_PURE_LAYER: usize = 2;

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    line: usize,
    complaint: String,
}

/// The violations in one file. `module` is its path below the crate: `["engine", "rules"]`.
fn violations(module: &[String], tokens: &[Token]) -> Vec<Violation> {
    let paths = paths(tokens, module);
    let mut found = forbidden::imports(&module[0], &paths);
    if layer_of(&module[0]).is_some_and(|layer| layer <= HIGHEST_PURE_LAYER) {
        found.extend(forbidden::impurities(tokens, &paths));
    }
    found.sort_by_key(|violation| violation.line);
    found.dedup();
    found
}

#[test]
fn every_import_points_down_and_the_core_is_pure() {
    let mut report = Vec::new();
    for file in source_files() {
        for violation in violations(&file.module, &file.tokens) {
            let (path, line) = (file.path.display(), violation.line);
            report.push(format!("src/{path}:{line}: {}", violation.complaint));
        }
    }
    assert!(
        report.is_empty(),
        "the layers are not kept:\n{}",
        report.join("\n")
    );
}

#[test]
fn every_module_belongs_to_a_layer_and_lib_rs_lists_it_in_order() {
    let library = std::fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let listed: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next())
        .collect();
    let layers: Vec<Option<usize>> = listed.iter().map(|module| layer_of(module)).collect();
    assert!(
        layers.iter().all(Option::is_some),
        "a module has no layer: {listed:?}"
    );
    assert!(
        layers.is_sorted(),
        "lib.rs lists the modules in another order: {listed:?}"
    );
    let known: usize = LAYERS.iter().map(|layer| layer.len()).sum();
    // `main` belongs to the binary.
    assert_eq!(listed.len(), known - 1, "{listed:?}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The complaints about a file of a module.
    fn complaints(module: &str, text: &str) -> Vec<String> {
        let module: Vec<String> = module.split('/').map(str::to_owned).collect();
        violations(&module, &source::without_tests(&source::tokens(text)))
            .into_iter()
            .map(|violation| violation.complaint)
            .collect()
    }

    #[track_caller]
    fn fails(module: &str, text: &str, expected: &str) {
        let found = complaints(module, text);
        assert!(
            found.iter().any(|complaint| complaint.contains(expected)),
            "{module}: {text}\nexpected {expected:?}, found {found:?}"
        );
    }

    #[track_caller]
    fn passes(module: &str, text: &str) {
        let found = complaints(module, text);
        assert!(found.is_empty(), "{module}: {text}\nfound {found:?}");
    }

    #[test]
    fn imports_that_point_up_fail() {
        fails(
            "domain/event",
            "use crate::engine::Engine;",
            "`engine` is above `domain`",
        );
        fails(
            "engine",
            "use crate::{domain::Event, edge::Kafka};",
            "`edge` is above `engine`",
        );
        fails(
            "engine",
            "use crate::{\n    domain::{a, b},\n    decode,\n};",
            "`decode` is above",
        );
        fails(
            "edge/http",
            "fn run() { crate::app::stop() }",
            "`app` is above `edge`",
        );
        fails(
            "engine/rules",
            "use super::super::cli::main;",
            "`cli` is above",
        );
        fails(
            "engine",
            "use super::{domain, config};",
            "`config` is above",
        );
        fails(
            "engine",
            "mod inner { use super::super::app; }",
            "`app` is above",
        );
        fails(
            "app",
            "type T = Vec<crate::cli::Flags>;",
            "`cli` is above `app`",
        );
        fails(
            "domain",
            "pub use ticket_exporter::edge::Kafka;",
            "`edge` is above",
        );
    }

    #[test]
    fn imports_that_point_sideways_fail() {
        fails(
            "config/yaml",
            "use crate::decode::Decoder;",
            "`decode` is in the same layer as `config`",
        );
        fails(
            "exposition",
            "use crate::simulation;",
            "`simulation` is in the same layer",
        );
    }

    #[test]
    fn imports_that_point_down_or_stay_pass() {
        passes("main", "fn main() { ticket_exporter::cli::main() }");
        passes(
            "edge/kafka",
            "use crate::{config::Kafka, decode, engine::Engine, domain::Event};",
        );
        passes(
            "engine/rules",
            "use super::visit::Visit; use crate::engine::rules::Rules;",
        );
        passes("domain/calendar/weekly", "use super::super::event::Event;");
        passes("engine", "mod inner { use super::rules; }");
    }

    #[test]
    fn unknown_modules_fail() {
        fails("engine", "use crate::util::helper;", "`util` has no layer");
        fails("util", "use std::mem;", "`util` has no layer");
    }

    #[test]
    fn the_core_has_no_clock() {
        fails("engine", "use std::time::Instant;", "std::time::Instant");
        fails(
            "engine",
            "use std::time::{Duration, SystemTime};",
            "std::time::SystemTime",
        );
        fails(
            "engine",
            "fn now() { let now = std::time::Instant::now(); }",
            "std::time::Instant",
        );
        fails(
            "engine",
            "use std::time; fn now() { time::SystemTime::now(); }",
            "SystemTime::now",
        );
        fails(
            "domain",
            "use chrono::Utc; fn now() { Utc::now(); }",
            "Utc::now",
        );
        fails("domain", "use chrono::{DateTime, Local};", "chrono::Local");
        passes(
            "domain",
            "use std::time::Duration; use chrono::{DateTime, Utc};",
        );
    }

    #[test]
    fn the_core_does_not_wait_read_or_start_anything() {
        fails("decode", "use tokio::sync::mpsc;", "tokio");
        fails("decode", "use rdkafka::Message;", "rdkafka");
        fails("decode", "pub async fn read() {}", "async");
        fails(
            "config",
            "let text = std::fs::read_to_string(path);",
            "std::fs",
        );
        fails(
            "config",
            "use std::{collections::BTreeMap, env};",
            "std::env",
        );
        fails("config", "use std::{self, fmt, fs::File};", "std::fs");
        fails(
            "exposition",
            "use std::net::SocketAddr as Address;",
            "std::net",
        );
        fails("simulation", "std::thread::spawn(run);", "std::thread");
        fails("simulation", "use std::process::Command;", "std::process");
        fails(
            "decode",
            "use std::io; fn f() { io::stdin().lines(); }",
            "stdin",
        );
        fails("decode", "use std::io::{Read, stdout};", "stdout");
        passes("decode", "use std::io::{self, Read};");
    }

    #[test]
    fn the_core_does_not_log_or_draw_random_numbers() {
        fails("engine", "use tracing::warn;", "tracing");
        fails("engine", "fn f() { tracing::warn!(\"x\"); }", "tracing");
        fails("engine", "fn f() { println!(\"x\"); }", "println!");
        fails("engine", "fn f() { std::eprintln!(\"x\"); }", "eprintln!");
        fails("simulation", "let mut random = rand::rng();", "rand::rng");
        fails("simulation", "use rand::{Rng, random};", "rand::random");
        fails("simulation", "ChaCha8Rng::from_os_rng()", "from_os_rng");
        passes(
            "simulation",
            "use rand::{Rng, SeedableRng}; ChaCha8Rng::seed_from_u64(7);",
        );
    }

    #[test]
    fn the_edge_may() {
        passes(
            "edge",
            "use std::time::Instant; use tokio::net; fn f() { tracing::info!(\"\"); }",
        );
    }

    #[test]
    fn unit_tests_may() {
        passes(
            "engine",
            "#[cfg(test)]\nmod tests { use std::fs; use crate::edge; fn f() { {} } }",
        );
        passes(
            "engine",
            "#[cfg(test)]\n#[allow(x)]\nuse std::fs;\nuse std::mem;",
        );
        passes("engine", "#[cfg(test)] mod tests;");
        fails(
            "engine",
            "#[cfg(test)] mod tests { } use std::fs;",
            "std::fs",
        );
        fails(
            "engine",
            "#[cfg(not(test))] mod real { use std::fs; }",
            "std::fs",
        );
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        passes(
            "engine",
            "//! See [`crate::edge::Kafka`].\n/* use std::fs; /* tokio:: */ */",
        );
        passes(
            "engine",
            "const A: &str = \"use std::fs; \\\" println!()\";",
        );
        passes(
            "engine",
            "const A: &str = r#\"use std::fs; \" println!()\"#;",
        );
        passes(
            "engine",
            "const A: char = '\"'; const B: &str = \"tokio::spawn\";",
        );
        fails(
            "engine",
            "fn f<'a>(x: &'a str) -> char { '\\'' } use std::fs;",
            "std::fs",
        );
    }

    #[test]
    fn a_violation_names_its_line() {
        let module = ["engine".to_owned()];
        let text = "//! About.\n\nuse std::mem;\nuse crate::edge;\n";
        let found = violations(&module, &source::tokens(text));
        let lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, [4]);
    }

    #[test]
    fn modules_have_the_names_of_their_files() {
        assert_eq!(
            source::module_of(Path::new("engine/rules.rs")),
            ["engine", "rules"]
        );
        assert_eq!(source::module_of(Path::new("engine/mod.rs")), ["engine"]);
        assert_eq!(source::module_of(Path::new("main.rs")), ["main"]);
    }
}
