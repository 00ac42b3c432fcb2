//! Policies and calendars, inside the record of the rules.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::FIRST_WITH_GROUPS;
use crate::domain::calendar::{CalendarId, CalendarSpec, OpenHours};
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Match, Policy, Rebase, StatusSet, Target};
use crate::engine::rules::FormerPolicy;

/// The minimum size of list items.
const ITEM_SIZE: usize = 1;

pub fn write_policy(value: &mut RecordWriter, policy: &Policy) {
    value.text(&policy.name);
    let matches = &policy.matches;
    for names in [&matches.team, &matches.priority, &matches.channel] {
        value.byte(u8::from(names.is_some()));
        if let Some(names) = names {
            value.length(names.len());
            for name in names {
                value.text(name);
            }
        }
    }
    value.length(matches.attributes.len());
    for (attribute, names) in &matches.attributes {
        value.text(attribute);
        value.length(names.len());
        for name in names {
            value.text(name);
        }
    }
    value.text(&policy.group);
    value.byte(policy.rebase as u8);
    value.byte(policy.clock as u8);
    match policy.calendar {
        None => value.number(0),
        Some(None) => value.number(1),
        Some(Some(CalendarId(id))) => value.number(u64::from(id) + 2),
    }
    for target in Target::ALL {
        let length = policy.target(target);
        value.byte(u8::from(length.is_some()));
        if let Some(length) = length {
            value.signed(length);
        }
        let pauses = policy.pauses[target as usize];
        let paused = Status::ALL.into_iter().filter(|one| pauses.contains(*one));
        value.byte(paused.fold(0, |bits, status| bits | 1 << status as u8));
    }
}

pub fn read_policy(version: u32, value: &mut RecordReader<'_>) -> Result<Policy, RecordError> {
    let has_groups = version >= FIRST_WITH_GROUPS;
    let name = value.text()?.to_owned();
    let mut matches = Match::default();
    for names in [
        &mut matches.team,
        &mut matches.priority,
        &mut matches.channel,
    ] {
        if value.byte()? != 0 {
            *names = Some(value.list(ITEM_SIZE, |value| value.text().map(str::to_owned))?);
        }
    }
    let (mut group, mut rebase) = (Policy::DEFAULT_GROUP.to_owned(), Rebase::default());
    if has_groups {
        let texts = |value: &mut RecordReader<'_>| {
            value.list(ITEM_SIZE, |value| value.text().map(str::to_owned))
        };
        let attributes = value.list(ITEM_SIZE, |value| {
            Ok((value.text()?.to_owned(), texts(value)?))
        })?;
        matches.attributes = attributes.into_iter().collect();
        group = value.text()?.to_owned();
        let stored = usize::from(value.byte()?);
        rebase = *Rebase::ALL.get(stored).ok_or(RecordError::UnknownValue)?;
    }
    let clock = usize::from(value.byte()?);
    let clock = *Clock::ALL.get(clock).ok_or(RecordError::UnknownValue)?;
    let calendar = match value.narrow::<u32>()? {
        0 => None,
        1 => Some(None),
        id => Some(Some(CalendarId(
            u16::try_from(id - 2).map_err(|_| RecordError::TooLarge)?,
        ))),
    };
    let mut policy = Policy {
        name,
        group,
        matches,
        clock,
        calendar,
        targets: [None; Target::ALL.len()],
        pauses: [StatusSet::EMPTY; Target::ALL.len()],
        rebase,
    };
    let targets = if has_groups { Target::ALL.len() } else { 4 };
    for target in &Target::ALL[..targets] {
        let target = *target;
        if value.byte()? != 0 {
            policy.targets[target as usize] = Some(value.signed()?);
        }
        let bits = value.byte()?;
        let paused = Status::ALL.into_iter();
        policy.pauses[target as usize] = paused
            .filter(|status| bits & 1 << *status as u8 != 0)
            .collect();
    }
    Ok(policy)
}

pub fn write_former(value: &mut RecordWriter, former: &FormerPolicy) {
    write_policy(value, &former.policy);
    value.number(former.counted_as.map_or(0, |number| u64::from(number) + 1));
    value.length(former.before.len());
    for number in &former.before {
        value.number((*number).into());
    }
}

pub fn read_former(
    version: u32,
    value: &mut RecordReader<'_>,
) -> Result<FormerPolicy, RecordError> {
    Ok(FormerPolicy {
        policy: read_policy(version, value)?,
        counted_as: value.narrow::<u16>()?.checked_sub(1),
        before: value.list(ITEM_SIZE, RecordReader::narrow)?,
    })
}

pub fn write_calendar(value: &mut RecordWriter, spec: &CalendarSpec) {
    value.text(spec.timezone.name());
    for hours in &spec.weekly {
        write_hours(value, hours);
    }
    value.length(spec.holidays.len());
    for date in &spec.holidays {
        write_date(value, *date);
    }
    value.length(spec.special.len());
    for (date, hours) in &spec.special {
        write_date(value, *date);
        write_hours(value, hours);
    }
}

pub fn read_calendar(value: &mut RecordReader<'_>) -> Result<CalendarSpec, RecordError> {
    let timezone = value
        .text()?
        .parse()
        .map_err(|_| RecordError::UnknownValue)?;
    let mut weekly: [Vec<OpenHours>; 7] = Default::default();
    for hours in &mut weekly {
        *hours = read_hours(value)?;
    }
    let holidays = value.list(ITEM_SIZE, read_date)?;
    let special = value.list(ITEM_SIZE, |value| {
        Ok((read_date(value)?, read_hours(value)?))
    })?;
    Ok(CalendarSpec {
        timezone,
        weekly,
        holidays: BTreeSet::from_iter(holidays),
        special: BTreeMap::from_iter(special),
    })
}

fn write_hours(value: &mut RecordWriter, hours: &[OpenHours]) {
    value.length(hours.len());
    for one in hours {
        value.text(&one.to_string());
    }
}

fn read_hours(value: &mut RecordReader<'_>) -> Result<Vec<OpenHours>, RecordError> {
    value.list(ITEM_SIZE, |value| {
        OpenHours::parse(value.text()?).ok_or(RecordError::UnknownValue)
    })
}

fn write_date(value: &mut RecordWriter, date: NaiveDate) {
    value.signed(date.to_epoch_days().into());
}

fn read_date(value: &mut RecordReader<'_>) -> Result<NaiveDate, RecordError> {
    let days = i32::try_from(value.signed()?).map_err(|_| RecordError::TooLarge)?;
    NaiveDate::from_epoch_days(days).ok_or(RecordError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::super::record::STATE_VERSION;
    use super::*;

    #[test]
    fn policies_and_calendars_round_trip() {
        let former = FormerPolicy {
            policy: Policy {
                name: "urgent".to_owned(),
                matches: Match {
                    team: None,
                    priority: Some(vec!["p1".to_owned(), "none".to_owned()]),
                    channel: Some(Vec::new()),
                    attributes: BTreeMap::from([("tier".to_owned(), vec!["gold".to_owned()])]),
                },
                clock: Clock::Business,
                calendar: Some(Some(CalendarId(2))),
                targets: [Some(60_000), None, Some(1), None, None, Some(2)],
                pauses: Policy::default_pauses(),
                group: "ola".to_owned(),
                rebase: Rebase::FromChange,
            },
            counted_as: Some(3),
            before: vec![0, 7],
        };
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let hours = |text: &str| OpenHours::parse(text).unwrap();
        let mut spec = CalendarSpec {
            timezone: chrono_tz::Tz::Asia__Jakarta,
            weekly: Default::default(),
            holidays: BTreeSet::from([date("2026-01-01"), date("1969-12-31")]),
            special: BTreeMap::from([(date("2026-12-24"), vec![hours("08:00-12:00")])]),
        };
        spec.weekly[0] = vec![
            hours("00:00-24:00"),
            hours("22:00-06:00"),
            hours("08:00-08:00"),
        ];
        let mut value = RecordWriter::default();
        write_former(&mut value, &former);
        write_calendar(&mut value, &spec);
        let mut reader = RecordReader::new(value.bytes());
        assert_eq!(read_former(STATE_VERSION, &mut reader), Ok(former));
        assert_eq!(read_calendar(&mut reader), Ok(spec));
        assert_eq!(reader.end(), Ok(()));
    }
}
