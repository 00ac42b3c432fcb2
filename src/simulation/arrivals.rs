//! Arrivals of new tickets: a Poisson process. Its rate changes with the local hour, the weekday and the
//! season, and rises in outages.
//!
//! The rate of an hour depends only on the seed and the hour, so the outages do not depend on the start of
//! the simulation.

use chrono_tz::Tz;

use super::distributions::{Chance, mixed, uniform_at};
use super::office::{Local, local, weekday};
use super::profile::{ArrivalWeek, Incidents, OFFICE_DAYS, Profile};
use crate::domain::timestamp::{HOUR, Milliseconds, Timestamp};

/// First hour in which outages begin.
const FIRST_OUTAGE_HOUR: usize = 8;
const OUTAGE_START_HOURS: f64 = 7.0;
/// The search for the next arrival ends after a year.
const HOURS_SEARCHED: u32 = 366 * 24;

/// A ticket about to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TicketArrival {
    pub(super) at: Timestamp,
    /// The local day of the outage that the ticket reports, if any.
    pub(super) outage: Option<i64>,
}

/// Generates arrivals.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    seed: u64,
    timezone: Tz,
    season: f64,
    incidents: Option<Incidents>,
    /// Tickets in an average hour.
    hourly: f64,
    /// Factors with a mean of 1.
    hours: [f64; 24],
    weekdays: [f64; 7],
}

impl Arrivals {
    pub(super) fn new(seed: u64, profile: &Profile) -> Self {
        let ArrivalWeek { hours, weekdays } = profile.week;
        Self {
            seed,
            timezone: profile.timezone,
            season: profile.season,
            incidents: profile.incidents.clone(),
            hourly: sane(profile.tickets_a_day) / 24.0,
            hours: balanced(hours),
            weekdays: balanced(weekdays),
        }
    }

    /// The first arrival after `at`; `None` if there are no more.
    pub(super) fn next(&self, chance: &mut Chance, at: Timestamp) -> Option<TicketArrival> {
        let mut from = at;
        for _ in 0..HOURS_SEARCHED {
            let shown = local(self.timezone, from);
            let usual = self.usual(shown);
            let extra = self.outage(shown);
            // The process has no memory: a wait beyond the hour is drawn again with the next
            // rate.
            #[allow(clippy::cast_precision_loss, reason = "an hour fits exactly")]
            let due = from.plus(chance.exponential(HOUR as f64 / (usual + extra)));
            if due < shown.next_hour {
                let reports = extra > 0.0 && chance.happens(extra / (usual + extra));
                return Some(TicketArrival {
                    at: due,
                    outage: reports.then_some(shown.day),
                });
            }
            from = shown.next_hour;
        }
        None
    }

    /// Tickets per hour without an outage.
    fn usual(&self, shown: Local) -> f64 {
        self.hourly
            * self.hours[shown.hour]
            * self.weekdays[weekday(shown.day)]
            * (1.0 + self.season * swing(shown.day))
    }

    /// Tickets per hour because of an outage.
    fn outage(&self, shown: Local) -> f64 {
        let Some(incidents) = &self.incidents else {
            return 0.0;
        };
        if weekday(shown.day) >= OFFICE_DAYS || uniform_at(self.seed, shown.day) >= incidents.share
        {
            return 0.0;
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few hours"
        )]
        let start = FIRST_OUTAGE_HOUR
            + (uniform_at(mixed(self.seed), shown.day) * OUTAGE_START_HOURS) as usize;
        match shown.hour.checked_sub(start).map(u32::try_from) {
            Some(Ok(hours)) if hours < incidents.hours => {
                self.hourly * sane(incidents.burst) / f64::from(1 << hours.min(30))
            }
            _ => 0.0,
        }
    }
}

/// A value from -1 to 1 over a year.
fn swing(day: i64) -> f64 {
    let year: Milliseconds = 365;
    #[allow(clippy::cast_precision_loss, reason = "a day of the year")]
    let part = day.rem_euclid(year) as f64 / year as f64;
    (part * std::f64::consts::TAU).sin()
}

/// The weights as factors with a mean of 1, none below 0.
#[allow(clippy::cast_precision_loss, reason = "24 at most")]
fn balanced<const N: usize>(weights: [f64; N]) -> [f64; N] {
    let weights = weights.map(sane);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| {
        if sum > 0.0 {
            weight * N as f64 / sum
        } else {
            0.0
        }
    })
}

/// The number as a rate: not negative, and finite.
fn sane(number: f64) -> f64 {
    if number.is_finite() {
        number.max(0.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::DAY;

    const START: &str = "2026-03-02T00:00:00+07:00"; // a Monday

    fn of(profile: &Profile, days: i64) -> Vec<TicketArrival> {
        let arrivals = Arrivals::new(5, profile);
        let mut chance = Chance::new(5);
        let start = Timestamp::parse(START).unwrap();
        let mut found = Vec::new();
        let mut at = start;
        while let Some(arrival) = arrivals.next(&mut chance, at) {
            at = arrival.at;
            if at >= start.plus(days * DAY) {
                break;
            }
            found.push(arrival);
        }
        found
    }

    /// Asserts that a count is within four standard deviations of a Poisson expectation.
    fn close(count: usize, expected: f64) {
        let count = f64::from(u32::try_from(count).unwrap());
        assert!(
            (count - expected).abs() < 4.0 * expected.sqrt(),
            "{count}, expected {expected}"
        );
    }

    #[test]
    fn follow_hours_and_weekdays() {
        let profile = Profile {
            season: 0.0,
            incidents: None,
            ..Profile::default()
        };
        let found = of(&profile, 28);
        close(found.len(), 28.0 * profile.tickets_a_day);
        let hours: f64 = profile.week.hours.iter().sum();
        let weekdays: f64 = profile.week.weekdays.iter().sum();
        for hour in [0, 10, 12, 14, 20] {
            let count = found
                .iter()
                .filter(|arrival| local(profile.timezone, arrival.at).hour == hour)
                .count();
            close(
                count,
                28.0 * profile.tickets_a_day * profile.week.hours[hour] / hours,
            );
        }
        for day in 0..7 {
            let count = found
                .iter()
                .filter(|arrival| weekday(local(profile.timezone, arrival.at).day) == day)
                .count();
            let expected = 28.0 * profile.tickets_a_day * profile.week.weekdays[day] / weekdays;
            close(count, expected);
        }
    }

    #[test]
    fn outages_come_on_their_share_of_working_days() {
        let profile = Profile {
            season: 0.0,
            ..Profile::default()
        };
        let reports: Vec<i64> = of(&profile, 364)
            .iter()
            .filter_map(|arrival| arrival.outage)
            .collect();
        let mut days = reports.clone();
        days.dedup();
        assert!((5..25).contains(&days.len()), "{} outages", days.len());
        assert!(days.iter().all(|day| weekday(*day) < OFFICE_DAYS));
        // Four hours' tickets in the first hour, then half as many in each.
        let each = profile.tickets_a_day / 24.0 * 7.5;
        close(
            reports.len(),
            f64::from(u32::try_from(days.len()).unwrap()) * each,
        );
    }

    #[test]
    fn a_helpdesk_without_tickets_has_no_arrivals() {
        for tickets_a_day in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let profile = Profile {
                tickets_a_day,
                ..Profile::default()
            };
            assert_eq!(of(&profile, 7), [], "{tickets_a_day}");
        }
    }
}
