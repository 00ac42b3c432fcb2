//! The record of a cohort: all its counters and histograms.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::{RecordKind, ReferenceCounts, kpi_count};
use crate::domain::policy::Target;
use crate::domain::timestamp::Timestamp;
use crate::engine::cohort::CohortKey;
use crate::engine::series::{CohortSeries, GoalCounts, Histogram};
use crate::engine::visit::Exemplar;

/// The minimum sizes of list items.
const CREATED_SIZE: usize = 2;
const GOAL_SIZE: usize = 4;
const NATIVE_SIZE: usize = 2;
const EXEMPLAR_SIZE: usize = 11;

/// The key of a cohort: its labels.
pub fn write_key(key: &mut RecordWriter, cohort: CohortKey) {
    key.clear();
    key.byte(RecordKind::Cohort as u8);
    key.raw(&cohort.team.to_be_bytes());
    key.byte(cohort.priority);
    // Without trailing zeros, so that cohorts without attributes have the keys of earlier versions.
    let length = cohort.attributes.iter().rposition(|label| *label != 0);
    key.raw(&cohort.attributes[..length.map_or(0, |last| last + 1)]);
}

pub fn read_key(mut key: RecordReader<'_>) -> Result<CohortKey, RecordError> {
    let team = u16::from_be_bytes(key.array()?);
    let priority = key.byte()?;
    let mut cohort = CohortKey::new(team, priority);
    let labels = key.remainder();
    let places = cohort.attributes.get_mut(..labels.len());
    places
        .ok_or(RecordError::ExtraBytes)?
        .copy_from_slice(labels);
    if labels.last() == Some(&0) {
        return Err(RecordError::UnknownValue);
    }
    Ok(cohort)
}

pub fn write(value: &mut RecordWriter, cohort: &CohortSeries) {
    value.clear();
    write_counts(value, &cohort.counters);
    value.length(cohort.created.len());
    for (channel, count) in &cohort.created {
        value.byte(*channel);
        value.number(*count);
    }
    for counts in [&cohort.endings, &cohort.withdrawn, &cohort.ratings] {
        write_counts(value, counts);
    }
    for total in cohort.status_time {
        value.signed(total);
    }
    value.length(cohort.goals.len());
    for goal in &cohort.goals {
        value.number(goal.policy.into());
        value.byte(goal.target as u8);
        value.number(goal.goals);
        value.number(goal.breaches);
    }
    for histogram in cohort.histograms.iter().flatten() {
        value.byte(u8::from(histogram.is_some()));
        if let Some(histogram) = histogram {
            write_histogram(value, histogram);
        }
    }
}

/// Reads a cohort. Does not check the numbers of channels and policies, nor the number of bounds.
pub fn read(
    key: CohortKey,
    version: u32,
    mut value: RecordReader<'_>,
) -> Result<CohortSeries, RecordError> {
    let value = &mut value;
    let mut cohort = CohortSeries::new(key);
    read_counts(value, &mut cohort.counters)?;
    for _ in 0..value.items(CREATED_SIZE)? {
        let channel = value.byte()?;
        if cohort.created.last().is_some_and(|last| last.0 >= channel) {
            return Err(RecordError::Order);
        }
        cohort.created.push((channel, value.count()?));
    }
    for counts in [
        &mut cohort.endings,
        &mut cohort.withdrawn,
        &mut cohort.ratings,
    ] {
        read_counts(value, counts)?;
    }
    for total in &mut cohort.status_time {
        *total = value.signed()?;
    }
    for _ in 0..value.items(GOAL_SIZE)? {
        let policy = value.narrow()?;
        let target = usize::from(value.byte()?);
        let target = *Target::ALL.get(target).ok_or(RecordError::UnknownValue)?;
        let is_behind = |last: &GoalCounts| (last.policy, last.target) < (policy, target);
        if !cohort.goals.last().is_none_or(is_behind) {
            return Err(RecordError::Order);
        }
        cohort.goals.push(GoalCounts {
            policy,
            target,
            goals: value.count()?,
            breaches: value.count()?,
        });
    }
    let histograms = cohort.histograms[..kpi_count(version)].iter_mut();
    for histogram in histograms.flatten() {
        *histogram = match value.byte()? {
            0 => None,
            1 => Some(Box::new(read_histogram(value)?)),
            _ => return Err(RecordError::UnknownValue),
        };
    }
    value.end()?;
    Ok(cohort)
}

/// Checks that the numbers in a cohort refer to existing labels and policies.
pub fn check(cohort: &CohortSeries, existing: &ReferenceCounts) -> Result<(), RecordError> {
    let mut channels = cohort.created.iter().map(|(channel, _)| *channel);
    let mut policies = cohort.goals.iter().map(|goal| goal.policy);
    let fits = usize::from(cohort.key.team) < existing.teams
        && usize::from(cohort.key.priority) < existing.priorities
        && existing.has_attributes(cohort.key.attributes)
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
    use crate::engine::cohort::MOST_ATTRIBUTES;
    use crate::engine::rules::{Kpi, Rules};
    use crate::engine::series::{Basis, Counter};

    const KEY: CohortKey = CohortKey::new(7, 3);

    fn busy() -> CohortSeries {
        let rules = Rules {
            exemplars: true,
            ..Rules::default()
        };
        let mut cohort = CohortSeries::new(KEY);
        cohort.count(Counter::Solved);
        cohort.count_created(0);
        cohort.count_created(4);
        cohort.count_goal(2, Target::Resolution, true);
        cohort.count_goal(2, Target::Ownership, false);
        cohort.status_time[1] = 86_400_000;
        for value in [0, 1, 999, 60_000, 90_000_000_000] {
            let kpi = (Kpi::FirstResponse, Basis::Business);
            cohort.observe(&rules, kpi, value, Timestamp(value), "T-1");
        }
        cohort
    }

    #[test]
    fn cohorts_round_trip() {
        for cohort in [busy(), CohortSeries::new(KEY)] {
            let mut value = RecordWriter::default();
            write(&mut value, &cohort);
            let read = read(KEY, STATE_VERSION, RecordReader::new(value.bytes())).unwrap();
            assert_eq!(format!("{read:?}"), format!("{cohort:?}"));
            for length in 0..value.bytes().len() {
                let part = RecordReader::new(&value.bytes()[..length]);
                let cut = super::read(KEY, STATE_VERSION, part);
                assert!(cut.is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn a_key_holds_the_labels() {
        for attributes in [[0; MOST_ATTRIBUTES], [0, 7, 0, 0], [255, 0, 0, 1]] {
            let cohort = CohortKey { attributes, ..KEY };
            let mut key = RecordWriter::default();
            write_key(&mut key, cohort);
            assert_eq!(read_key(RecordReader::new(&key.bytes()[1..])), Ok(cohort));
        }
        for wrong in [&[0, 7, 3, 1, 0][..], &[0, 7, 3, 1, 2, 3, 4, 5]] {
            assert!(read_key(RecordReader::new(wrong)).is_err());
        }
    }

    #[test]
    fn numbers_must_refer_to_something() {
        let existing = ReferenceCounts {
            teams: 8,
            priorities: 4,
            channels: 5,
            attribute_values: [0; MOST_ATTRIBUTES],
            policies: 3,
            groups: 1,
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
