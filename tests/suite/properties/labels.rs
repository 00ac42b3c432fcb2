//! Label limits hide names, but no amounts: sums over a limited label stay exact.

use ticket_exporter::domain::catalog;
use ticket_exporter::engine::{Limits, Rules};

use super::collected::{Collected, Value};
use super::{ensure, holds};
use crate::stories::dice::Dice;

/// Labels without a limit.
pub const UNLIMITED: [&str; 14] = [
    "first_contact",
    "reopened",
    "reason",
    "status",
    "rating",
    "clock",
    "source",
    "target",
    "policy",
    "within",
    "age",
    "kpi",
    "window",
    "event",
];

#[test]
fn sums_over_limited_labels_stay_exact() {
    holds("label limits", |seed, input| {
        let mut dice = Dice::new(seed);
        let wide = input.under(|rules| {
            rules.limits.teams = 1_000;
        });
        let mut limit = |most| usize::try_from(dice.below(most)).unwrap();
        let limits = Limits {
            teams: limit(4),
            priorities: limit(4),
            channels: limit(3),
            ..Rules::DEFAULT_LIMITS
        };
        let limited = input.under(|rules| rules.limits = limits);
        let wide = Collected::of(&wide.replay().snapshot());
        let limited = Collected::of(&limited.replay().snapshot());
        for family in wide.families.keys() {
            // A move between two priorities of `__other__` is no change: the time in the status is added
            // later, at the next change.
            let added_later = *family == catalog::STATUS_TIME.name && limits.priorities < 3;
            if !is_additive(family) || added_later {
                continue;
            }
            if wide
                .series(family)
                .any(|(_, value)| matches!(value, Value::Histogram(_)))
            {
                let (one, other) = (
                    wide.histograms(family, &UNLIMITED),
                    limited.histograms(family, &UNLIMITED),
                );
                ensure(one == other, || format!("{family}: {one:?} and {other:?}"))?;
                continue;
            }
            let (mut one, mut other) = (
                wide.sums(family, &UNLIMITED),
                limited.sums(family, &UNLIMITED),
            );
            one.retain(|_, sum| *sum != 0.0);
            other.retain(|_, sum| *sum != 0.0);
            ensure(one == other, || format!("{family}: {one:?} and {other:?}"))?;
        }
        Ok(())
    });
}

/// Instants, means and quantiles are not additive, and a target is no count.
pub fn is_additive(family: &str) -> bool {
    ![
        catalog::SLA_NEXT_DEADLINE.name,
        catalog::SLA_TARGET.name,
        catalog::BACKLOG_OLDEST.name,
        catalog::WINDOW_SECONDS.name,
        catalog::WINDOW_SECONDS_MEAN.name,
    ]
    .contains(&family)
}
