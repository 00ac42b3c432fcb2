//! What the plan forbids: imports by floor, and what a pure floor may not name.

use super::paths::NamedPath;
use super::source::Token;
use super::{Breach, floor_of};

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

/// What else is no business of a pure floor, by the path it is had from.
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

/// The same where the beginning of the path was imported: the last names of a path.
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

/// Names that mean one thing only, wherever they come from.
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

/// Paths into this crate that do not lead down.
pub(super) fn imports(room: &str, paths: &[NamedPath]) -> Vec<Breach> {
    let Some(floor) = floor_of(room) else {
        return vec![Breach {
            line: 1,
            complaint: format!("`{room}` is not in the floor plan"),
        }];
    };
    let mut found = Vec::new();
    for path in paths {
        let [root, target, ..] = path.names.as_slice() else {
            continue;
        };
        if root != "crate" || target == room {
            continue;
        }
        let complaint = match floor_of(target) {
            None => format!("`{target}` is not in the floor plan"),
            Some(other) if other > floor => format!("`{target}` is above `{room}`"),
            Some(other) if other == floor => format!("`{target}` shares a floor with `{room}`"),
            Some(_) => continue,
        };
        found.push(Breach {
            line: path.line,
            complaint: format!("{complaint}: {}", path.text()),
        });
    }
    found
}

/// What a pure floor may not name.
pub(super) fn impurities(tokens: &[Token], paths: &[NamedPath]) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut complain = |line, what: &str| {
        found.push(Breach {
            line,
            complaint: format!("a pure floor has no business with {what}"),
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
