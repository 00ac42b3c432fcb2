//! Proposals for samples of any bytes.

use ticket_exporter::app::inference;
use ticket_exporter::app::samples::SampleRecord;

use super::mapping::{WORDS, golden_values};
use super::mutation::{mutated, random_bytes};
use super::{fuzz, mapping};
use crate::stories::dice::Dice;

/// Names that inference recognizes, and names that are YAML syntax.
const NAMES: [&str; 16] = [
    "ticket_id",
    "id",
    "status",
    "at",
    "updated_at",
    "type",
    "agent",
    "team",
    "priority",
    "public",
    "a b",
    "#",
    "ä: [",
    "null",
    "-",
    "\\u2028",
];

/// Arbitrary JSON.
fn json(depth: i64, dice: &mut Dice) -> String {
    let name = |dice: &mut Dice| (*dice.pick(&NAMES)).to_owned();
    match dice.below(if depth > 0 { 9 } else { 6 }) {
        0 => "null".to_owned(),
        1 => dice.below(3_000_000_000).to_string(),
        2 => format!("\"2026-03-{:02}T09:00:00Z\"", dice.below(30) + 1),
        3 => format!(
            "\"{}\"",
            dice.pick(&[
                "open", "closed", "created", "comment", "#a", "x: y", "\\n", "é"
            ])
        ),
        4 => format!("\"{}\"", name(dice)),
        5 => (dice.below(2) == 1).to_string(),
        6 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| json(depth - 1, dice)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let members: Vec<String> = (0..dice.below(8))
                .map(|_| format!("\"{}\":{}", name(dice), json(depth - 1, dice)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[test]
fn any_samples() {
    let values = golden_values();
    fuzz("samples", 400, |dice| {
        let shape = dice.below(3);
        let samples: Vec<SampleRecord> = (0..dice.below(6) + 1)
            .map(|_| {
                let value = match shape {
                    0 => json(4, dice).into_bytes(),
                    1 => random_bytes(60, dice),
                    _ => {
                        let other = dice.pick(&values).as_bytes();
                        mutated(dice.pick(&values).as_bytes(), other, &WORDS, dice)
                    }
                };
                SampleRecord {
                    value: Some(value),
                    ..SampleRecord::default()
                }
            })
            .collect();
        let records: Vec<_> = samples.iter().map(SampleRecord::record).collect();
        if let Some(proposal) = inference::propose(&records) {
            let loaded = mapping::load(&proposal.yaml);
            let _ = loaded.unwrap_or_else(|errors| panic!("{errors}\nin\n{}", proposal.yaml));
        }
    });
}
