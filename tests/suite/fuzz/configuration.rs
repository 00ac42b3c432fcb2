//! Configurations of any text, environment and flags.

use std::io;
use std::path::Path;

use ticket_exporter::config::{self, ENVIRONMENT_PREFIX, Flag, KEYS, REFERENCE};

use super::fuzz;
use super::mutation::{mutated, random_bytes, random_text};
use crate::stories::dice::Dice;
use crate::stories::{self, Size};

const WORDS: [&str; 56] = [
    "null",
    "~",
    "true",
    "yes",
    "0",
    "-1",
    "1e400",
    ".inf",
    ".nan",
    "0x10",
    "0o7",
    "1_000",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775807ms",
    "106751991167d",
    "0s",
    "1ms",
    "15000w",
    "24x7",
    "Etc/GMT+5",
    "Asia/Jakarta",
    "\"08:00-12:00\"",
    "\"24:00-24:00\"",
    "[\"22:00-06:00\", \"05:00-07:00\"]",
    "2026-02-30",
    "9999-12-31",
    "-0001-01-01",
    "&a ",
    "*a",
    "&a [*a, *a]",
    "<<: *a",
    "!!str ",
    "!!binary ",
    "? ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "#",
    "\t",
    "\n  ",
    "\"",
    "'",
    "\"\\u0000\"",
    "\u{feff}",
    "none",
    "__other__",
    ",",
];

/// Loads a text with a few variables and flags. Other files have arbitrary content.
fn load(text: &str, dice: &mut Dice) {
    let environment: Vec<(String, String)> = (0..dice.below(4))
        .map(|_| {
            let path = dice.pick(KEYS).path;
            let name = path.replace(['.', '-'], "_").to_uppercase();
            let value = any_value(dice);
            (format!("{ENVIRONMENT_PREFIX}{name}"), value)
        })
        .collect();
    let flags: Vec<Flag> = (0..dice.below(3))
        .map(|_| {
            let path = match dice.below(4) {
                0 => random_text(10, dice),
                _ => dice.pick(KEYS).path.to_owned(),
            };
            Flag::set(path, any_value(dice))
        })
        .collect();
    let with_others = dice.chance(70);
    let (environment, flags): (Vec<_>, Vec<_>) = if with_others {
        (environment, flags)
    } else {
        (Vec::new(), Vec::new())
    };
    let main = Path::new("folder/desk.yaml");
    let other = random_bytes(60, dice);
    let loaded = config::load(Some(main), environment, &flags, &mut |path| {
        if path == main {
            Ok(text.to_owned())
        } else {
            String::from_utf8(other.clone())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
    });
    match loaded {
        Ok(loaded) => {
            let rules = &loaded.config.rules;
            assert!(!format!("{loaded:?}").is_empty());
            for bounds in &rules.buckets {
                assert!(bounds.is_sorted_by(|one, next| one < next), "{text}");
            }
            for window in &rules.windows {
                assert!(window.length >= 60, "{text}");
            }
            assert!(rules.lateness >= 0 && rules.retain >= 0, "{text}");
            // The engine accepts every accepted configuration.
            let start = ticket_exporter::domain::timestamp::Timestamp(0);
            let rules = std::sync::Arc::new(rules.clone());
            ticket_exporter::engine::Engine::new(rules, start).snapshot();
        }
        Err(errors) => assert!(!errors.to_string().is_empty(), "{text}"),
    }
}

fn any_value(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => random_text(20, dice),
        1 => (0..dice.below(4)).map(|_| *dice.pick(&WORDS)).collect(),
        _ => (*dice.pick(&WORDS)).to_owned(),
    }
}

#[test]
fn any_text() {
    fuzz("any yaml", 1_500, |dice| {
        let text = match dice.below(3) {
            0 => random_text(120, dice),
            1 => String::from_utf8_lossy(&random_bytes(120, dice)).into_owned(),
            _ => (0..dice.below(25)).map(|_| *dice.pick(&WORDS)).collect(),
        };
        load(&text, dice);
    });
}

#[test]
fn a_changed_reference() {
    // Includes the settings that it shows in comments.
    let shown = REFERENCE.replace("\n# ", "\n").replace("\n#", "\n");
    fuzz("changed reference", 150, |dice| {
        let text = if dice.chance(50) { REFERENCE } else { &shown };
        let other = random_text(40, dice);
        let text = mutated(text.as_bytes(), other.as_bytes(), &WORDS, dice);
        load(&String::from_utf8_lossy(&text), dice);
    });
}

#[test]
fn changed_random_configurations() {
    fuzz("changed configurations", 60, |dice| {
        let size = Size {
            tickets: 1,
            events: 1,
        };
        let seed = u64::try_from(dice.below(1 << 40)).unwrap();
        let yaml = stories::random(seed, size).0.to_yaml();
        let text = mutated(yaml.as_bytes(), REFERENCE.as_bytes(), &WORDS, dice);
        load(&String::from_utf8_lossy(&text), dice);
    });
}

#[test]
fn nested_and_multiplied() {
    let mut dice = Dice::new(0);
    load(&"[".repeat(50_000), &mut dice);
    load(&"{a: ".repeat(50_000), &mut dice);
    load(&"- ".repeat(50_000), &mut dice);
    load(
        &format!("kafka: {}{}", "[".repeat(20_000), "]".repeat(20_000)),
        &mut dice,
    );
    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let before = format!("*a{}", level - 1);
        aliases.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![before; 9].join(", ")
        ));
    }
    load(&aliases, &mut dice);
}
