//! The older part of a long history, inside the record of its ticket.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use crate::domain::calendar::CalendarId;
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;
use crate::engine::past::{Past, PhaseSum, Sums};

/// The minimum sizes of list items.
const SUMS_SIZE: usize = 2;
const PHASE_SIZE: usize = 3;
const BUSINESS_SIZE: usize = 2;

/// The bit for an assignee, in the byte of the status.
const ASSIGNED_BIT: u8 = 0x08;

pub fn write(value: &mut RecordWriter, past: &Past, last: Timestamp) {
    value.instant(past.end, last);
    let is_solved = past.solved_at != Timestamp::NEVER;
    value.byte(u8::from(is_solved));
    if is_solved {
        value.instant(past.solved_at, past.end);
    }
    value.number(past.phases);
    value.length(past.sums.len());
    for sums in &past.sums {
        value.instant(sums.start, past.end);
        value.length(sums.phases.len());
        for phase in &sums.phases {
            let assigned = if phase.assigned { ASSIGNED_BIT } else { 0 };
            value.byte(phase.status as u8 | assigned);
            value.signed(phase.calendar);
            value.length(phase.business.len());
            for (calendar, length) in &phase.business {
                value.number(calendar.0.into());
                value.signed(*length);
            }
        }
    }
}

/// Reads a past. Does not check the numbers of calendars.
pub fn read(value: &mut RecordReader<'_>, last: Timestamp) -> Result<Past, RecordError> {
    let end = value.instant(last)?;
    let mut past = Past::new(end);
    match value.byte()? {
        0 => {}
        1 => past.solved_at = value.instant(end)?,
        _ => return Err(RecordError::UnknownValue),
    }
    past.phases = value.count()?;
    let mut before = Timestamp::EARLIEST;
    for _ in 0..value.items(SUMS_SIZE)? {
        let start = value.instant(end)?;
        if start < before || start >= end {
            return Err(RecordError::Order);
        }
        before = start.plus(1);
        let phases = value.list(PHASE_SIZE, read_phase)?;
        past.sums.push(Sums { start, phases });
    }
    Ok(past)
}

fn read_phase(value: &mut RecordReader<'_>) -> Result<PhaseSum, RecordError> {
    let byte = value.byte()?;
    let status = usize::from(byte & !ASSIGNED_BIT);
    let phase = PhaseSum {
        status: *Status::ALL.get(status).ok_or(RecordError::UnknownValue)?,
        assigned: byte & ASSIGNED_BIT != 0,
        calendar: value.length_of_time()?,
        business: value.list(BUSINESS_SIZE, |value| {
            Ok((CalendarId(value.narrow()?), value.length_of_time()?))
        })?,
    };
    if phase.business.is_sorted_by(|one, other| one.0 < other.0) {
        Ok(phase)
    } else {
        Err(RecordError::Order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> Past {
        let phase = |status, assigned, calendar| PhaseSum {
            status,
            assigned,
            calendar,
            business: vec![(CalendarId(0), calendar / 3), (CalendarId(7), 0)],
        };
        Past {
            sums: vec![
                Sums {
                    start: Timestamp(-5),
                    phases: vec![phase(Status::Open, true, 90_000)],
                },
                Sums {
                    start: Timestamp(100_000),
                    phases: vec![phase(Status::Solved, false, 40_000)],
                },
            ],
            end: Timestamp(200_000),
            solved_at: Timestamp(100_000),
            phases: 77,
        }
    }

    #[test]
    fn a_past_round_trips_or_is_rejected() {
        let last = Timestamp(1_000_000);
        let solved = past();
        let open = Past {
            solved_at: Timestamp::NEVER,
            ..past()
        };
        for past in [solved, open] {
            let mut value = RecordWriter::default();
            write(&mut value, &past, last);
            let bytes = value.bytes();
            assert_eq!(read(&mut RecordReader::new(bytes), last), Ok(past));
            for length in 0..bytes.len() {
                let cut = read(&mut RecordReader::new(&bytes[..length]), last);
                assert!(cut.is_err(), "cut at {length}");
            }
        }
    }
}
