//! Measures the cost of a configuration: an engine with its rules counts an invented helpdesk on this
//! machine.
//!
//! The results hold for this machine and this build.

mod helpdesk;
mod series;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::edge::memory;
use crate::engine::{Engine, PartitionId, Records, RewriteCursor, Rules};
use crate::exposition::{Format, render};
use helpdesk::{DURATION, MeasuringHelpdesk, START, Tickets};

/// Number of teams if the configuration names none.
const UNKNOWN_TEAMS: usize = 10;
/// Assumed time that a ticket stays open.
const OPEN_FOR: Milliseconds = 5 * DAY;
/// Number of tickets measured: enough to tell their memory from the rest, few enough for a few seconds.
const LEAST_SAMPLE: usize = 50_000;
const LARGEST_SAMPLE: usize = 300_000;
/// Number of events decoded before they are applied, as the exporter does.
const PIECE: usize = 64;

/// The size of the helpdesk.
#[derive(Clone, Copy, Debug)]
pub struct EstimateRequest {
    /// `None`: the teams that the configuration knows.
    pub teams: Option<usize>,
    pub channels: usize,
    pub tickets_a_day: usize,
}

/// A measured cost. Sizes are in bytes.
#[derive(Debug)]
pub struct Estimate {
    pub teams: usize,
    pub priorities: usize,
    pub channels: usize,
    /// The attributes that are labels, and their numbers of values.
    pub attributes: Vec<(String, usize)>,
    /// Each family with its number of series when every team, priority, channel and label value is in use.
    pub families: Vec<(String, usize)>,
    /// Series before the first event.
    pub series_at_start: usize,
    /// Series that each further team adds.
    pub series_a_team: usize,
    pub text: Rendered,
    pub protobuf: Rendered,
    /// Tickets in memory at the same time: open, or done and not yet forgotten.
    pub tickets: usize,
    pub events_a_ticket: f64,
    /// Memory of the process before counting.
    pub base_memory: u64,
    /// Memory of counters, histograms and windows.
    pub series_memory: u64,
    /// Memory of one ticket with its timers.
    pub ticket_memory: f64,
    /// Size of one ticket in the checkpoint, uncompressed.
    pub ticket_state: f64,
    /// CPU time to decode and apply one canonical event.
    pub event: Duration,
}

/// The size of a scrape, and the time to render it.
#[derive(Clone, Copy, Debug)]
pub struct Rendered {
    pub bytes: usize,
    pub took: Duration,
}

/// Measures. This takes some seconds, and as much memory as the result says.
pub fn estimate(rules: &Rules, request: EstimateRequest) -> io::Result<Estimate> {
    let teams = request.teams.unwrap_or(match rules.known_teams.len() {
        0 => UNKNOWN_TEAMS,
        known => known,
    });
    let helpdesk = MeasuringHelpdesk::new(rules, teams, request.channels);
    let rules = Arc::new(rules.clone());
    let series_at_start = total(&families(&mut Measured::new(&rules).engine));
    let series_a_team = {
        let of = |teams| {
            let mut bare = (*rules).clone();
            bare.known_teams.clear();
            let helpdesk = MeasuringHelpdesk::new(&bare, teams, request.channels);
            let mut measured = Measured::new(&Arc::new(bare));
            measured.fill(&helpdesk);
            total(&families(&mut measured.engine))
        };
        of(2).saturating_sub(of(1))
    };

    let base_memory = memory::resident()?;
    let mut measured = Measured::new(&rules);
    measured.fill(&helpdesk);
    let series_memory = memory::resident()?.saturating_sub(base_memory);

    let alive = OPEN_FOR + rules.finalize_after + rules.retain;
    let tickets = usize::try_from(alive / DAY).unwrap_or(1).max(1) * request.tickets_a_day;
    let sample = Tickets {
        first: 2 * helpdesk.combinations(),
        count: tickets.clamp(LEAST_SAMPLE, LARGEST_SAMPLE),
        open_percent: usize::try_from(100 * OPEN_FOR / alive).unwrap_or(100),
        start: measured.now,
    };
    let before = memory::resident()?;
    let (events, took) = measured.take(&helpdesk, sample);
    let sample_memory = memory::resident()?.saturating_sub(before);
    let event = took / u32::try_from(events).unwrap_or(u32::MAX).max(1);
    let families = families(&mut measured.engine);
    let [text, protobuf] = [Format::Text, Format::Protobuf].map(|format| measured.scrape(format));
    Ok(Estimate {
        teams: teams.max(rules.known_teams.len()),
        priorities: rules.priorities.len().max(1),
        channels: request.channels.max(1),
        attributes: helpdesk
            .labels()
            .map(|(name, values)| (name.to_owned(), values))
            .collect(),
        families,
        series_at_start,
        series_a_team,
        text,
        protobuf,
        tickets,
        events_a_ticket: ratio(events as u64, sample.count),
        base_memory,
        series_memory,
        ticket_memory: ratio(sample_memory, sample.count),
        ticket_state: ratio(measured.state_bytes(), measured.engine.tickets()),
        event,
    })
}

impl Estimate {
    pub fn series(&self) -> usize {
        total(&self.families)
    }

    /// Memory of all expected tickets.
    pub fn tickets_memory(&self) -> u64 {
        times(self.ticket_memory, self.tickets)
    }

    /// Size of all expected tickets in the checkpoint, uncompressed.
    pub fn state(&self) -> u64 {
        times(self.ticket_state, self.tickets)
    }
}

/// An engine under measurement.
struct Measured {
    engine: Engine,
    partition: PartitionId,
    now: Timestamp,
    finalize_after: Milliseconds,
}

impl Measured {
    fn new(rules: &Arc<Rules>) -> Self {
        let mut engine = Engine::new(Arc::clone(rules), START);
        let partition = engine.only_partition();
        Self {
            engine,
            partition,
            now: START,
            finalize_after: rules.finalize_after,
        }
    }

    /// Creates every possible series, with final tickets first and then with open ones.
    fn fill(&mut self, helpdesk: &MeasuringHelpdesk) {
        let final_ones = Tickets {
            first: 0,
            count: helpdesk.combinations(),
            open_percent: 0,
            start: self.now,
        };
        self.take(helpdesk, final_ones);
        self.now = self.now.plus(DURATION + self.finalize_after);
        self.engine.advance(self.partition, self.now);
        let open_ones = Tickets {
            first: final_ones.count,
            open_percent: 100,
            start: self.now,
            ..final_ones
        };
        self.take(helpdesk, open_ones);
        self.now = self.now.plus(DURATION);
    }

    /// Returns the number of events, and the time to decode and apply them.
    fn take(&mut self, helpdesk: &MeasuringHelpdesk, tickets: Tickets) -> (usize, Duration) {
        let (mut count, mut took) = (0, Duration::ZERO);
        helpdesk.events(tickets, PIECE, &mut |lines| {
            let started = Instant::now();
            let events: Vec<_> = lines
                .iter()
                .filter_map(|line| decode::decode(line.as_bytes(), None).ok())
                .collect();
            self.engine.warm(events.iter());
            for event in &events {
                self.engine.apply(self.partition, event);
            }
            took += started.elapsed();
            count += events.len();
        });
        (count, took)
    }

    fn scrape(&mut self, format: Format) -> Rendered {
        let snapshot = self.engine.snapshot();
        // The exporter also knows the size of the last scrape.
        let bytes = render(format, &[&snapshot], 0).len();
        let started = Instant::now();
        let rendered = render(format, &[&snapshot], bytes);
        Rendered {
            bytes: rendered.len(),
            took: started.elapsed(),
        }
    }

    fn state_bytes(&self) -> u64 {
        let mut counted = ByteCounter(0);
        self.engine
            .write_slice(&mut RewriteCursor::default(), usize::MAX, &mut counted);
        counted.0
    }
}

/// Counts the bytes of records.
struct ByteCounter(u64);

impl Records for ByteCounter {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0 += (key.len() + value.len()) as u64;
    }

    fn delete(&mut self, _: &[u8]) {}
}

fn families(engine: &mut Engine) -> Vec<(String, usize)> {
    series::count(&render(Format::Text, &[&engine.snapshot()], 0))
}

fn total(families: &[(String, usize)]) -> usize {
    families.iter().map(|(_, series)| series).sum()
}

fn times(bytes: f64, count: usize) -> u64 {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let product = (bytes * count as f64) as u64;
    product
}

fn ratio(amount: u64, count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let ratio = amount as f64 / count.max(1) as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_follow_teams() {
        let rules = Rules {
            known_teams: vec!["billing".to_owned()],
            priorities: vec!["p1".to_owned(), "p2".to_owned()],
            ..Rules::default()
        };
        let small = EstimateRequest {
            teams: Some(3),
            channels: 2,
            tickets_a_day: 1,
        };
        let of = |teams| {
            estimate(
                &rules,
                EstimateRequest {
                    teams: Some(teams),
                    ..small
                },
            )
            .unwrap()
        };
        let (three, five) = (of(3), of(5));
        assert_eq!((three.teams, three.priorities, three.channels), (3, 2, 2));
        let series = |estimate: &Estimate, name: &str| {
            let found = estimate.families.iter().find(|family| family.0 == name);
            found.unwrap().1
        };
        assert_eq!(series(&five, "ticket_solved_total"), 5 * 2);
        // The channel `none` of a known team exists from the start.
        assert_eq!(series(&five, "ticket_created_total"), 5 * 2 * 2 + 2);
        // Quantiles of an empty window are no series, so the number varies a little.
        let two_teams = five.series() - three.series();
        assert!(two_teams.abs_diff(2 * five.series_a_team) * 20 < two_teams);
        assert!(five.series() > five.series_at_start);
        assert!(five.text.bytes > three.text.bytes && five.protobuf.bytes > 0);
        // 5 days open, 4 until final, 30 until forgotten.
        assert_eq!(five.tickets, 39);
        // An open ticket has six events, a final one nine.
        assert!((8.0..9.0).contains(&five.events_a_ticket), "{five:?}");
        assert!(
            five.ticket_memory > 50.0 && five.ticket_state > 20.0,
            "{five:?}"
        );
        assert!(five.event > Duration::ZERO);
    }
}
