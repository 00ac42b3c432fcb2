//! Approximate running times from the cumulative histograms of a store, for use without events.
//!
//! A value counts as the upper bound of its native bucket, so it is up to 9 % too long and never too short.
//! Business time is that of the team in the label, although a goal keeps the calendar of the team it began
//! with. The first resolution stands for the resolution goal: it includes time in `pending` and `on_hold`,
//! and leaves out later cycles. Responses that a solve made unnecessary and running goals are not known.

use super::distribution::{Distributions, GoalGroup};
use crate::domain::catalog::{self, Family};
use crate::domain::policy::{Clock, Target};
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::engine::{NativeView, Sample, Series, TableDimensions, Visitor};

/// The histogram for each target.
const SOURCES: [(&Family, Target); 5] = [
    (&catalog::FIRST_RESPONSE, Target::FirstResponse),
    (&catalog::NEXT_RESPONSE, Target::NextResponse),
    (&catalog::FIRST_RESOLUTION, Target::Resolution),
    (&catalog::TEAM_OWNERSHIP, Target::Ownership),
    (&catalog::ASSIGNMENT, Target::Assignment),
];

pub fn from_snapshot(series: &dyn Series, clock: Clock, by: &TableDimensions) -> Distributions {
    let mut reader = HistogramReader {
        clock,
        by,
        target: None,
        label_names: Vec::new(),
        distributions: Distributions::new(),
    };
    series.visit(&mut reader);
    reader.distributions
}

struct HistogramReader<'a> {
    clock: Clock,
    by: &'a TableDimensions,
    target: Option<Target>,
    label_names: Vec<String>,
    distributions: Distributions,
}

impl Visitor for HistogramReader<'_> {
    fn family(&mut self, family: &'static Family, labels: &[&str], _start: Option<Timestamp>) {
        let mut sources = SOURCES.into_iter();
        let source = sources.find(|(source, _)| source.name == family.name);
        self.target = source.map(|(_, target)| target);
        self.label_names = labels.iter().map(|name| (*name).to_owned()).collect();
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let (Some(target), Sample::Histogram(histogram)) = (self.target, sample) else {
            return;
        };
        let Some(native) = histogram.native else {
            return;
        };
        let value = |name: &str| {
            let position = self.label_names.iter().position(|label| label == name)?;
            values.get(position).copied()
        };
        if value("clock") != Some(self.clock.name()) || histogram.count == 0 {
            return;
        }
        let group = GoalGroup {
            tickets: self.by.values(value),
            target,
        };
        let distribution = self.distributions.entry(group).or_default();
        if native.zero_count > 0 {
            distribution.add_ended(0, native.zero_count);
        }
        for (bucket, count) in native.buckets {
            distribution.add_ended(upper_bound(&native, *bucket), *count);
        }
    }
}

/// The upper bound of a native bucket, in milliseconds, rounded up.
fn upper_bound(native: &NativeView<'_>, bucket: i32) -> Milliseconds {
    let exponent = f64::from(bucket) / f64::from(1 << native.schema);
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let bound = (exponent.exp2() * 1_000.0).ceil() as Milliseconds;
    bound
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType};
    use crate::domain::timestamp::MINUTE;
    use crate::engine::{Engine, Rules};

    #[test]
    fn observations_are_a_little_too_long() {
        let mut engine = Engine::new(Arc::new(Rules::default()), Timestamp(0));
        let partition = engine.only_partition();
        for minutes in 1..=20 {
            let id = minutes.to_string();
            let event = |kind, at: Milliseconds| {
                let identity = EventIdentity(at.unsigned_abs());
                let mut event = Event::new(id.clone(), kind, Timestamp(at), identity);
                event.team = Some(Some("a".into()));
                event.actor = Some(Actor::Agent);
                event
            };
            engine.apply(partition, &event(EventType::Created, 1_000));
            let at = 1_000 + minutes * MINUTE;
            engine.apply(partition, &event(EventType::Message, at));
        }
        let snapshot = engine.snapshot();
        let distributions = from_snapshot(
            &snapshot,
            Clock::Business,
            &TableDimensions {
                team: true,
                ..TableDimensions::default()
            },
        );
        let [(group, distribution)] = &distributions.iter().collect::<Vec<_>>()[..] else {
            panic!("{distributions:?}");
        };
        assert_eq!(group.target, Target::FirstResponse);
        assert_eq!(group.tickets.all().collect::<Vec<_>>(), ["a"]);
        assert_eq!(distribution.ended(), 20);
        let exact = 18 * MINUTE;
        let target = distribution.target(0.9).unwrap();
        assert!(target >= exact && target <= exact * 109 / 100, "{target}");
    }
}
