//! The floor plan of `src/lib.rs`, enforced: imports only point down, rooms of one floor do
//! not know each other, and up to the floor below `edge` nothing waits, reads, logs or looks
//! at a clock. Unit tests inside the source may do all of that.
//!
//! It reads tokens, not types: a name that is smuggled in through a re-export escapes it.

mod paths;
mod rules;
mod source;

use std::path::{Path, PathBuf};

/// From the ground up. Rooms of one floor do not import each other.
const FLOORS: [&[&str]; 7] = [
    &["domain"],
    &["engine"],
    &["alerting", "config", "decode", "exposition", "simulation"],
    &["edge"],
    &["app"],
    &["cli"],
    &["main"],
];

/// Up to this floor everything is pure.
const HIGHEST_PURE_FLOOR: usize = 2;

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// A line that breaks the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Breach {
    line: usize,
    complaint: String,
}

/// The breaches in one file. `module` is its path below the crate: `["engine", "rules"]`.
fn breaches(module: &[String], text: &str) -> Vec<Breach> {
    let tokens = source::without_tests(&source::tokens(text));
    let paths = paths::paths(&tokens, module);
    let mut found = rules::imports(&module[0], &paths);
    if floor_of(&module[0]).is_some_and(|floor| floor <= HIGHEST_PURE_FLOOR) {
        found.extend(rules::impurities(&tokens, &paths));
    }
    found.sort_by_key(|breach| breach.line);
    found.dedup();
    found
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `engine/rules.rs` is `["engine", "rules"]`, `engine/mod.rs` is `["engine"]`.
fn module_of(relative: &Path) -> Vec<String> {
    let path = relative.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    let mut module: Vec<String> = names.collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

#[test]
fn every_import_points_down_and_the_core_is_pure() {
    let root = sources();
    let texts: Vec<(PathBuf, String)> = files_below(&root)
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        })
        // The plan itself, and what runs before anything is built.
        .filter(|(path, _)| path != Path::new("lib.rs") && path != Path::new("build.rs"))
        .collect();
    // `#[cfg(test)] mod tests;` makes a file a test.
    let test_modules: Vec<Vec<String>> = texts
        .iter()
        .flat_map(|(path, text)| {
            let module = module_of(path);
            let names = source::test_modules(&source::tokens(text));
            names
                .into_iter()
                .map(move |name| [module.clone(), vec![name]].concat())
        })
        .collect();
    let mut report = Vec::new();
    for (path, text) in &texts {
        let module = module_of(path);
        if test_modules.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        for breach in breaches(&module, text) {
            report.push(format!(
                "src/{}:{}: {}",
                path.display(),
                breach.line,
                breach.complaint
            ));
        }
    }
    assert!(
        texts.len() > 10,
        "too few files in {}: {}",
        root.display(),
        texts.len()
    );
    assert!(
        report.is_empty(),
        "the floor plan is broken:\n{}",
        report.join("\n")
    );
}

#[test]
fn every_room_has_its_place_in_the_plan_and_in_lib_rs() {
    let library = std::fs::read_to_string(sources().join("lib.rs")).unwrap();
    let listed: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next())
        .collect();
    let floors: Vec<Option<usize>> = listed.iter().map(|room| floor_of(room)).collect();
    assert!(
        floors.iter().all(Option::is_some),
        "a room is not in the plan: {listed:?}"
    );
    assert!(
        floors.is_sorted(),
        "lib.rs lists the rooms in another order: {listed:?}"
    );
    let planned: usize = FLOORS.iter().map(|floor| floor.len()).sum();
    // `main` is the binary's.
    assert_eq!(listed.len(), planned - 1, "{listed:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The complaints about a file of a room.
    fn complaints(module: &str, text: &str) -> Vec<String> {
        let module: Vec<String> = module.split('/').map(str::to_owned).collect();
        breaches(&module, text)
            .into_iter()
            .map(|breach| breach.complaint)
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
            "`decode` shares a floor with `config`",
        );
        fails(
            "exposition",
            "use crate::simulation;",
            "`simulation` shares a floor",
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
    fn unknown_rooms_fail() {
        fails(
            "engine",
            "use crate::util::helper;",
            "`util` is not in the floor plan",
        );
        fails("util", "use std::mem;", "`util` is not in the floor plan");
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
    fn the_core_neither_waits_nor_reads_nor_starts_anything() {
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
    fn the_core_neither_logs_nor_throws_dice() {
        fails("engine", "use tracing::warn;", "tracing");
        fails("engine", "fn f() { tracing::warn!(\"x\"); }", "tracing");
        fails("engine", "fn f() { println!(\"x\"); }", "println!");
        fails("engine", "fn f() { std::eprintln!(\"x\"); }", "eprintln!");
        fails("simulation", "let mut dice = rand::rng();", "rand::rng");
        fails("simulation", "use rand::{Rng, random};", "rand::random");
        fails("simulation", "ChaCha8Rng::from_os_rng()", "from_os_rng");
        passes(
            "simulation",
            "use rand::{Rng, SeedableRng}; ChaCha8Rng::seed_from_u64(7);",
        );
    }

    #[test]
    fn the_edge_may_do_all_of_that() {
        passes(
            "edge",
            "use std::time::Instant; use tokio::net; fn f() { tracing::info!(\"\"); }",
        );
    }

    #[test]
    fn unit_tests_may_do_all_of_that() {
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
    fn the_line_is_told() {
        let module = ["engine".to_owned()];
        let found = breaches(&module, "//! What.\n\nuse std::mem;\nuse crate::edge;\n");
        assert_eq!(
            found.iter().map(|breach| breach.line).collect::<Vec<_>>(),
            [4]
        );
    }

    #[test]
    fn modules_are_named_after_files() {
        assert_eq!(module_of(Path::new("engine/rules.rs")), ["engine", "rules"]);
        assert_eq!(module_of(Path::new("engine/mod.rs")), ["engine"]);
        assert_eq!(module_of(Path::new("main.rs")), ["main"]);
    }
}
