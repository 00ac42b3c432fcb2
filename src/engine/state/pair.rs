//! The record of a team and priority: all their counters and histograms.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::{RecordKind, ReferenceCounts, kpi_count};
use crate::domain::policy::Target;
use crate::domain::timestamp::Timestamp;
use crate::engine::series::{GoalCounts, Histogram, PairSeries};
use crate::engine::visit::Exemplar;

/// The minimum sizes of list items.
const CREATED_SIZE: usize = 2;
const GOAL_SIZE: usize = 4;
const NATIVE_SIZE: usize = 2;
const EXEMPLAR_SIZE: usize = 11;

/// The key of a pair: its labels.
pub fn write_key(key: &mut RecordWriter, team: u16, priority: u8) {
    key.clear();
    key.byte(RecordKind::Pair as u8);
    key.raw(&team.to_be_bytes());
    key.byte(priority);
}

pub fn read_key(mut key: RecordReader<'_>) -> Result<(u16, u8), RecordError> {
    let team = u16::from_be_bytes(key.array()?);
    let priority = key.byte()?;
    key.end()?;
    Ok((team, priority))
}

pub fn write(value: &mut RecordWriter, pair: &PairSeries) {
    value.clear();
    write_counts(value, &pair.counters);
    value.length(pair.created.len());
    for (channel, count) in &pair.created {
        value.byte(*channel);
        value.number(*count);
    }
    for counts in [&pair.endings, &pair.withdrawn, &pair.ratings] {
        write_counts(value, counts);
    }
    for total in pair.status_time {
        value.signed(total);
    }
    value.length(pair.goals.len());
    for goal in &pair.goals {
        value.number(goal.policy.into());
        value.byte(goal.target as u8);
        value.number(goal.goals);
        value.number(goal.breaches);
    }
    for histogram in pair.histograms.iter().flatten() {
        value.byte(u8::from(histogram.is_some()));
        if let Some(histogram) = histogram {
            write_histogram(value, histogram);
        }
    }
}

/// Reads a pair. Does not check the numbers of channels and policies, nor the number of bounds.
pub fn read(
    (team, priority): (u16, u8),
    version: u32,
    mut value: RecordReader<'_>,
) -> Result<PairSeries, RecordError> {
    let value = &mut value;
    let mut pair = PairSeries::new(team, priority);
    read_counts(value, &mut pair.counters)?;
    for _ in 0..value.items(CREATED_SIZE)? {
        let channel = value.byte()?;
        if pair.created.last().is_some_and(|last| last.0 >= channel) {
            return Err(RecordError::Order);
        }
        pair.created.push((channel, value.count()?));
    }
    for counts in [&mut pair.endings, &mut pair.withdrawn, &mut pair.ratings] {
        read_counts(value, counts)?;
    }
    for total in &mut pair.status_time {
        *total = value.signed()?;
    }
    for _ in 0..value.items(GOAL_SIZE)? {
        let policy = value.narrow()?;
        let target = usize::from(value.byte()?);
        let target = *Target::ALL.get(target).ok_or(RecordError::UnknownValue)?;
        let is_behind = |last: &GoalCounts| (last.policy, last.target) < (policy, target);
        if !pair.goals.last().is_none_or(is_behind) {
            return Err(RecordError::Order);
        }
        pair.goals.push(GoalCounts {
            policy,
            target,
            goals: value.count()?,
            breaches: value.count()?,
        });
    }
    let histograms = pair.histograms[..kpi_count(version)].iter_mut();
    for histogram in histograms.flatten() {
        *histogram = match value.byte()? {
            0 => None,
            1 => Some(Box::new(read_histogram(value)?)),
            _ => return Err(RecordError::UnknownValue),
        };
    }
    value.end()?;
    Ok(pair)
}

/// Checks that the numbers in a pair refer to existing labels and policies.
pub fn check(pair: &PairSeries, existing: &ReferenceCounts) -> Result<(), RecordError> {
    let mut channels = pair.created.iter().map(|(channel, _)| *channel);
    let mut policies = pair.goals.iter().map(|goal| goal.policy);
    let fits = usize::from(pair.team) < existing.teams
        && usize::from(pair.priority) < existing.priorities
        && channels.all(|channel| usize::from(channel) < existing.channels)
        && policies.all(|policy| usize::from(policy) < existing.policies);
    if fits {
        Ok(())
    } else {
        Err(RecordError::Reference)
    }
}

/// Writes a histogram without its count, which is the sum of the buckets.
fn write_histogram(value: &mut RecordWriter, histogram: &Histogram) {
    value.signed(histogram.sum);
    value.length(histogram.counts.len());
    write_counts(value, &histogram.counts);
    value.number(histogram.native_zero);
    value.length(histogram.native.len());
    let mut before = 0;
    for (index, count) in &histogram.native {
        value.signed((index - before).into());
        value.number(*count);
        before = *index;
    }
    value.length(histogram.exemplars.iter().flatten().count());
    for (bucket, exemplar) in histogram.exemplars.iter().enumerate() {
        if let Some(exemplar) = exemplar {
            value.length(bucket);
            value.text(&exemplar.ticket_id);
            value.raw(&exemplar.value.to_bits().to_le_bytes());
            value.instant(exemplar.at, Timestamp(0));
        }
    }
}

fn read_histogram(value: &mut RecordReader<'_>) -> Result<Histogram, RecordError> {
    let sum = value.signed()?;
    let counts = value.items(1)?;
    let mut histogram = Histogram::new(counts.checked_sub(1).ok_or(RecordError::EndsEarly)?);
    histogram.sum = sum;
    read_counts(value, &mut histogram.counts)?;
    let total = histogram
        .counts
        .iter()
        .try_fold(0_u64, |total, count| total.checked_add(*count));
    histogram.count = total.ok_or(RecordError::TooLarge)?;
    histogram.native_zero = value.count()?;
    let mut before = 0_i32;
    for position in 0..value.items(NATIVE_SIZE)? {
        let step = i32::try_from(value.signed()?).map_err(|_| RecordError::TooLarge)?;
        let index = before.checked_add(step).ok_or(RecordError::TooLarge)?;
        if position > 0 && step <= 0 {
            return Err(RecordError::Order);
        }
        histogram.native.push((index, value.count()?));
        before = index;
    }
    for _ in 0..value.items(EXEMPLAR_SIZE)? {
        let bucket: usize = value.narrow()?;
        histogram.exemplars.resize(counts, None);
        let exemplar = histogram.exemplars.get_mut(bucket);
        *exemplar.ok_or(RecordError::Reference)? = Some(Exemplar {
            ticket_id: value.text()?.to_owned(),
            value: f64::from_bits(u64::from_le_bytes(value.array()?)),
            at: value.any_instant(Timestamp(0))?,
        });
    }
    Ok(histogram)
}

fn write_counts(value: &mut RecordWriter, counts: &[u64]) {
    for count in counts {
        value.number(*count);
    }
}

fn read_counts(value: &mut RecordReader<'_>, counts: &mut [u64]) -> Result<(), RecordError> {
    for count in counts {
        *count = value.count()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::record::STATE_VERSION;
    use super::*;
    use crate::engine::rules::{Kpi, Rules};
    use crate::engine::series::{Basis, Counter};

    fn busy() -> PairSeries {
        let rules = Rules {
            exemplars: true,
            ..Rules::default()
        };
        let mut pair = PairSeries::new(7, 3);
        pair.count(Counter::Solved);
        pair.count_created(0);
        pair.count_created(4);
        pair.count_goal(2, Target::Resolution, true);
        pair.count_goal(2, Target::Ownership, false);
        pair.status_time[1] = 86_400_000;
        for value in [0, 1, 999, 60_000, 90_000_000_000] {
            let kpi = (Kpi::FirstResponse, Basis::Business);
            pair.observe(&rules, kpi, value, Timestamp(value), "T-1");
        }
        pair
    }

    #[test]
    fn pairs_round_trip() {
        for pair in [busy(), PairSeries::new(7, 3)] {
            let mut value = RecordWriter::default();
            write(&mut value, &pair);
            let read = read((7, 3), STATE_VERSION, RecordReader::new(value.bytes())).unwrap();
            assert_eq!(format!("{read:?}"), format!("{pair:?}"));
            for length in 0..value.bytes().len() {
                let cut = super::read(
                    (7, 3),
                    STATE_VERSION,
                    RecordReader::new(&value.bytes()[..length]),
                );
                assert!(cut.is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn numbers_must_refer_to_something() {
        let existing = ReferenceCounts {
            teams: 8,
            priorities: 4,
            channels: 5,
            policies: 3,
            calendars: 0,
        };
        assert_eq!(check(&busy(), &existing), Ok(()));
        for fewer in [
            ReferenceCounts {
                teams: 7,
                ..existing
            },
            ReferenceCounts {
                priorities: 3,
                ..existing
            },
            ReferenceCounts {
                channels: 4,
                ..existing
            },
            ReferenceCounts {
                policies: 2,
                ..existing
            },
        ] {
            assert_eq!(check(&busy(), &fewer), Err(RecordError::Reference));
        }
    }
}
