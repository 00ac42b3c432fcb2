//! Imports that a layer may not have, and names that a pure layer may not use.

use super::paths::NamedPath;
use super::source::Token;
use super::{Violation, layer_of};

/// Crates that wait, listen, log, or talk to others.
const IMPURE_CRATES: [&str; 11] = [
    "tokio",
    "axum",
    "rdkafka",
    "tower_http",
    "tokio_rustls",
    "hyper",
    "tracing",
    "tracing_logfmt",
    "tracing_subscriber",
    "clap",
    "ureq",
];

/// Items of other crates that are not pure.
const IMPURE_PATHS: [&str; 19] = [
    "std::time::Instant",
    "std::time::SystemTime",
    "std::fs",
    "std::net",
    "std::env",
    "std::os",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::io::Stdin",
    "std::io::Stdout",
    "std::io::Stderr",
    "chrono::Local",
    "rand::rng",
    "rand::random",
    "rand::rngs::SysRng",
    "rand::rngs::ThreadRng",
];

/// The same where the start of the path was imported: the last names of a path.
const IMPURE_ENDINGS: [&str; 14] = [
    "Instant::now",
    "SystemTime::now",
    "Utc::now",
    "Local::now",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "fs::read",
    "fs::read_to_string",
    "fs::write",
    "env::var",
    "thread::spawn",
    "thread::sleep",
    "rand::rng",
];

/// Names that have one meaning only.
const IMPURE_NAMES: [&str; 8] = [
    "async",
    "await",
    "from_os_rng",
    "try_from_os_rng",
    "from_entropy",
    "OsRng",
    "SysRng",
    "thread_rng",
];

/// Macros that print.
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// Paths to higher layers, and to other modules of the same layer.
pub(super) fn imports(module: &str, paths: &[NamedPath]) -> Vec<Violation> {
    let Some(layer) = layer_of(module) else {
        return vec![Violation {
            line: 1,
            complaint: format!("`{module}` has no layer"),
        }];
    };
    let mut found = Vec::new();
    for path in paths {
        let [root, target, ..] = path.names.as_slice() else {
            continue;
        };
        if root != "crate" || target == module {
            continue;
        }
        let complaint = match layer_of(target) {
            None => format!("`{target}` has no layer"),
            Some(other) if other > layer => format!("`{target}` is above `{module}`"),
            Some(other) if other == layer => {
                format!("`{target}` is in the same layer as `{module}`")
            }
            Some(_) => continue,
        };
        found.push(Violation {
            line: path.line,
            complaint: format!("{complaint}: {}", path.text()),
        });
    }
    found
}

/// Impure names.
pub(super) fn impurities(tokens: &[Token], paths: &[NamedPath]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut complain = |line, what: &str| {
        found.push(Violation {
            line,
            complaint: format!("a pure layer may not use {what}"),
        });
    };
    for path in paths {
        let text = path.text();
        let is_import = path.names.len() > 1;
        let under = |root: &str| text == root || text.starts_with(&format!("{root}::"));
        if is_import && IMPURE_CRATES.contains(&path.names[0].as_str())
            || IMPURE_PATHS.iter().any(|root| under(root))
            || IMPURE_ENDINGS
                .iter()
                .any(|end| text.ends_with(&format!("::{end}")) || text == *end)
        {
            complain(path.line, &text);
        }
    }
    for (place, token) in tokens.iter().enumerate() {
        let called = tokens.get(place + 1).is_some_and(|next| next.text == "!");
        if IMPURE_NAMES.contains(&token.text.as_str()) {
            complain(token.line, &token.text);
        } else if called && PRINTING.contains(&token.text.as_str()) {
            complain(token.line, &format!("{}!", token.text));
        }
    }
    found
}
