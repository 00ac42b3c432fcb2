//! Records of other systems, and mappings, of any bytes.

use std::path::Path;

use ticket_exporter::config::{self, PRESETS};
use ticket_exporter::decode::Decoder;

use super::fuzz;
use super::kept::targets;
use super::mutation::{mutated, random_bytes};
use crate::stories::dice::Dice;

/// Special words of JSON, the samples and the presets.
pub const WORDS: [&str; 30] = [
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "18446744073709551615",
    "-9223372036854775808",
    "\"\"",
    "[",
    "]",
    "{",
    "}",
    "[[[[[[[[",
    "{\"a\":",
    ",",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"value\":",
    "\"headers\":{}",
    "\"2026-03-02\"",
    "\"9999-12-31T23:59:59Z\"",
    "\"+275760-09-13\"",
    "\"\u{feff}\"",
    "\"jira:issue_updated\"",
    "\"zen:event-type:ticket.created\"",
    "\"timespent\"",
    "\"toString\":",
    "\"id\":",
    "\"assignee\":",
    "\"eyJpZCI6Mn0=\"",
];
/// Special words of the mapping language.
const YAML: [&str; 42] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "\n",
    "  ",
    "- ",
    "~",
    "off",
    "when:",
    "any:",
    "not:",
    "exists:",
    "matches:",
    "foreach:",
    "continue: true",
    "ignore: true",
    ".a[*].b",
    ".a[-1]",
    ".a[b=c]",
    ".a[b=c,d.e!=f][-1]",
    ".a[newest:b].b",
    "once: .a",
    "attributes: { tier: .a }",
    "attributes: ~",
    "zone: local",
    "{ is: { value: .a, match: b } }",
    "contains: [a, b]",
    "count: 0",
    "\"\"",
    "zone: Europe/Berlin",
    "{ value: .a, format: \"%d.%m.%Y\", zone: UTC }",
    "$item",
    "$op",
    "$headers.x",
    "\"{.a}-{.b}\"",
    "{ value: .a, map: status }",
    "times: 1e300",
    "format: \"%Q\"",
    "zone: UTC",
    "preset: jira",
];

/// The texts of the golden cases.
fn golden(file: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    let mut cases: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join(file))
        .filter(|path| path.is_file())
        .collect();
    cases.sort();
    cases
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// The values of the golden cases' records.
pub fn golden_values() -> Vec<String> {
    golden("records.jsonl")
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| {
            let envelope: serde_json::Value = serde_json::from_str(line).unwrap();
            envelope["value"].to_string()
        })
        .collect()
}

pub fn load(yaml: &str) -> Result<Decoder, config::ConfigErrors> {
    let file = Path::new("config.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |path| {
        if path == file {
            Ok(yaml.to_owned())
        } else {
            Ok("id,name\n360001,Network\n".to_owned())
        }
    })?;
    Ok(Decoder::new(&loaded.config.mapping))
}

fn check(decoder: &Decoder, value: &[u8]) {
    targets::check(decoder, value, i64::MAX);
}

#[test]
fn any_record_of_another_system() {
    let mut decoders: Vec<Decoder> = golden("config.yaml")
        .iter()
        .map(|yaml| load(yaml).unwrap())
        .collect();
    for (name, _) in PRESETS {
        decoders.push(load(&format!("mapping: {{preset: {name}}}")).unwrap());
    }
    let records = golden_values();
    fuzz("mapped records", 3_000, |dice| {
        let other = dice.pick(&records).as_bytes();
        let value = match dice.below(8) {
            0 => random_bytes(80, dice),
            _ => mutated(dice.pick(&records).as_bytes(), other, &WORDS, dice),
        };
        check(dice.pick(&decoders), &value);
    });
}

#[test]
fn any_mapping() {
    let texts = golden("config.yaml");
    let presets = PRESETS.iter().map(|(_, text)| {
        let indented = text.replace('\n', "\n  ");
        format!("mapping:\n  {indented}\n")
    });
    let texts: Vec<String> = texts.into_iter().chain(presets).collect();
    let change = |dice: &mut Dice| {
        let other = dice.pick(&texts).as_bytes();
        mutated(dice.pick(&texts).as_bytes(), other, &YAML, dice)
    };
    fuzz("mappings", 1_000, |dice| {
        let yaml = String::from_utf8_lossy(&change(dice)).into_owned();
        match load(&yaml) {
            Ok(decoder) => check(&decoder, br#"{"a":[{"b":1}],"detail":{"id":1}}"#),
            Err(errors) => assert!(!errors.errors.is_empty()),
        }
    });
}
