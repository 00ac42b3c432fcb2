//! The user's own attributes: a limit hides combinations but no amounts, and what is no label changes no
//! number.

use std::fmt::Write as _;

use ticket_exporter::domain::catalog;
use ticket_exporter::engine::{AttributeRule, limits, precreated_cohorts};

use super::collected::{Collected, Value};
use super::input::Input;
use super::labels::{UNLIMITED, is_additive};
use super::{ensure, holds};
use crate::stories::dice::Dice;

/// The same events, many of which state attributes.
fn with_attributes(input: &Input, seed: u64) -> Input {
    let mut input = input.clone();
    for record in &mut input.records {
        // A duplicate stays a duplicate.
        let bytes = record.line.bytes();
        let mut dice = Dice::new(bytes.fold(seed, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        }));
        if record.line.contains("\"attributes\"") || dice.chance(60) {
            continue;
        }
        let tier = dice.pick(&["\"gold\"", "\"silver\"", "\"bronze\"", "null"]);
        let mut stated = format!("\"seen_tier\":{tier}");
        if dice.chance(50) {
            let product = dice.below(5);
            // Writing to a string cannot fail.
            let _ = write!(stated, ",\"seen_product\":{product}");
        }
        let line = record.line.trim_end().trim_end_matches('}');
        record.line = format!("{line},\"attributes\":{{{stated}}}}}");
    }
    input
}

fn rule(name: &str, is_label: bool, limit: usize) -> AttributeRule {
    AttributeRule {
        name: name.to_owned(),
        values: Vec::new(),
        is_label,
        limit,
    }
}

#[test]
fn sums_over_limited_combinations_stay_exact() {
    holds("combinations", |seed, input| {
        let input = with_attributes(input, seed);
        let mut dice = Dice::new(seed);
        let cohorts = usize::try_from(dice.below(6)).unwrap();
        let rules_with = |cohorts| {
            input.under(|rules| {
                rules.attributes = vec![rule("seen_tier", true, 5), rule("seen_product", true, 5)];
                rules.limits.cohorts = cohorts;
            })
        };
        let limited_to = |cohorts| Collected::of(&rules_with(cohorts).replay().snapshot());
        let (wide, limited) = (limited_to(100_000), limited_to(cohorts));
        let mut by = UNLIMITED.to_vec();
        by.extend(["team", "priority", "channel"]);
        for family in wide.families.keys().filter(|family| is_additive(family)) {
            let mut series = wide.series(family);
            if series.any(|(_, value)| matches!(value, Value::Histogram(_))) {
                let (one, other) = (
                    wide.histograms(family, &by),
                    limited.histograms(family, &by),
                );
                ensure(one == other, || format!("{family}: {one:?} and {other:?}"))?;
                continue;
            }
            let (mut one, mut other) = (wide.sums(family, &by), limited.sums(family, &by));
            one.retain(|_, sum| *sum != 0.0);
            other.retain(|_, sum| *sum != 0.0);
            ensure(one == other, || format!("{family}: {one:?} and {other:?}"))?;
        }
        let is_own = |labels: &super::collected::Labels| {
            let tier = labels.iter().find(|(name, _)| *name == "seen_tier");
            tier.is_some_and(|(_, value)| value != "__other__")
        };
        let at_least = rules_with(cohorts).rules;
        let cohorts = cohorts.max(precreated_cohorts(&at_least));
        let series = limited.series(catalog::SOLVED.name);
        let own = series.filter(|(labels, _)| is_own(labels)).count();
        ensure(own <= cohorts, || format!("{own} cohorts, not {cohorts}"))
    });
}

#[test]
fn attributes_that_nothing_uses_change_no_number() {
    holds("unused attributes", |seed, input| {
        let unknown = with_attributes(input, seed);
        let (mut plain, mut stating) = (input.replay(), unknown.replay());
        let differences =
            Collected::of(&plain.snapshot()).differences(&Collected::of(&stating.snapshot()));
        ensure(differences.is_empty(), || differences.join("\n"))?;
        let known = unknown.under(|rules| {
            if limits::ATTRIBUTES.allows(rules.attributes.len() + 1) {
                rules.attributes.push(rule("seen_tier", false, 2));
            }
        });
        let mut known = Collected::of(&known.replay().snapshot());
        let mut plain = Collected::of(&plain.snapshot());
        // A change counts the time in the status up to it.
        known.families.remove(catalog::STATUS_TIME.name);
        plain.families.remove(catalog::STATUS_TIME.name);
        let differences = plain.differences(&known);
        ensure(differences.is_empty(), || differences.join("\n"))
    });
}
