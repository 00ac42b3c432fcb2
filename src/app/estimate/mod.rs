//! What a configuration will cost, measured and not calculated: an engine with its rules takes an
//! invented desk in, here and now. The figures are those of this machine and this build.

mod desk;
mod series;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::edge::memory;
use crate::engine::{Engine, PartitionId, Records, RewriteCursor, Rules};
use crate::exposition::{Format, render};
use desk::{DURATION, MeasuringDesk, START, Tickets};

/// Teams of a desk whose configuration knows none.
const UNKNOWN_TEAMS: usize = 10;
/// How long a ticket stays open, for want of knowledge.
const OPEN_FOR: Milliseconds = 5 * DAY;
/// Tickets that are measured: enough for the memory of one to be told from everything else, few
/// enough for a few seconds.
const LEAST_SAMPLE: usize = 50_000;
const LARGEST_SAMPLE: usize = 300_000;
/// Events that are decoded before they are applied, as when reading.
const PIECE: usize = 64;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Questions {
    /// `None`: those that the configuration knows.
    pub teams: Option<usize>,
    pub channels: usize,
    pub tickets_a_day: usize,
}

/// See the module. Sizes are bytes.
#[derive(Debug)]
pub struct Estimate {
    pub teams: usize,
    pub priorities: usize,
    pub channels: usize,
    /// Each family with its series, all teams, priorities and channels in use.
    pub families: Vec<(String, usize)>,
    /// Series before the first event.
    pub series_at_start: usize,
    /// Series that one more team brings.
    pub series_a_team: usize,
    pub text: Rendered,
    pub protobuf: Rendered,
    /// Tickets in memory at the same time, open or done and not forgotten yet.
    pub tickets: usize,
    pub events_a_ticket: f64,
    /// Memory of the process before anything was counted.
    pub base_memory: u64,
    /// Memory of counters, histograms and windows.
    pub series_memory: u64,
    /// Memory of a ticket, its timers included.
    pub ticket_memory: f64,
    /// A ticket in the checkpoint, before it is compressed.
    pub ticket_state: f64,
    /// Decoding and applying one canonical event, on one core.
    pub event: Duration,
}

/// A scrape.
#[derive(Clone, Copy, Debug)]
pub struct Rendered {
    pub bytes: usize,
    pub took: Duration,
}

/// Measures; takes some seconds and as much memory as the answer says.
///
/// # Errors
/// A system that does not tell its memory.
pub fn estimate(rules: &Rules, questions: Questions) -> io::Result<Estimate> {
    let teams = questions.teams.unwrap_or(match rules.known_teams.len() {
        0 => UNKNOWN_TEAMS,
        known => known,
    });
    let desk = MeasuringDesk::new(rules, teams, questions.channels);
    let rules = Arc::new(rules.clone());
    let series_at_start = total(&families(&mut Measured::new(&rules).engine));
    let series_a_team = {
        let of = |teams| {
            let mut bare = (*rules).clone();
            bare.known_teams.clear();
            let desk = MeasuringDesk::new(&bare, teams, questions.channels);
            let mut measured = Measured::new(&Arc::new(bare));
            measured.fill(&desk);
            total(&families(&mut measured.engine))
        };
        of(2).saturating_sub(of(1))
    };

    let base_memory = memory::resident()?;
    let mut measured = Measured::new(&rules);
    measured.fill(&desk);
    let series_memory = memory::resident()?.saturating_sub(base_memory);

    let alive = OPEN_FOR + rules.finalize_after + rules.retain;
    let tickets = usize::try_from(alive / DAY).unwrap_or(1).max(1) * questions.tickets_a_day;
    let sample = Tickets {
        first: 2 * desk.combinations(),
        count: tickets.clamp(LEAST_SAMPLE, LARGEST_SAMPLE),
        open_percent: usize::try_from(100 * OPEN_FOR / alive).unwrap_or(100),
        start: measured.now,
    };
    let before = memory::resident()?;
    let (events, took) = measured.take(&desk, sample);
    let sample_memory = memory::resident()?.saturating_sub(before);
    let event = took / u32::try_from(events).unwrap_or(u32::MAX).max(1);
    let families = families(&mut measured.engine);
    let [text, protobuf] = [Format::Text, Format::Protobuf].map(|format| measured.scrape(format));
    Ok(Estimate {
        teams: teams.max(rules.known_teams.len()),
        priorities: rules.priorities.len().max(1),
        channels: questions.channels.max(1),
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

    /// Memory of all tickets that are expected.
    pub fn tickets_memory(&self) -> u64 {
        times(self.ticket_memory, self.tickets)
    }

    /// All of them in the checkpoint, before it is compressed.
    pub fn state(&self) -> u64 {
        times(self.ticket_state, self.tickets)
    }
}

/// An engine that is measured.
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

    /// Every series there can be: of tickets that are final, then of others that are open.
    fn fill(&mut self, desk: &MeasuringDesk) {
        let final_ones = Tickets {
            first: 0,
            count: desk.combinations(),
            open_percent: 0,
            start: self.now,
        };
        self.take(desk, final_ones);
        self.now = self.now.plus(DURATION + self.finalize_after);
        self.engine.advance(self.partition, self.now);
        let open_ones = Tickets {
            first: final_ones.count,
            open_percent: 100,
            start: self.now,
            ..final_ones
        };
        self.take(desk, open_ones);
        self.now = self.now.plus(DURATION);
    }

    /// How many events, and how long decoding and applying them took.
    fn take(&mut self, desk: &MeasuringDesk, tickets: Tickets) -> (usize, Duration) {
        let (mut count, mut took) = (0, Duration::ZERO);
        desk.events(tickets, PIECE, &mut |lines| {
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
        // The exporter knows the size of the last one too.
        let bytes = render(format, &[&snapshot], 0).len();
        let started = Instant::now();
        let rendered = render(format, &[&snapshot], bytes);
        Rendered {
            bytes: rendered.len(),
            took: started.elapsed(),
        }
    }

    fn state_bytes(&self) -> u64 {
        let mut counted = Counted(0);
        self.engine
            .write_slice(&mut RewriteCursor::default(), usize::MAX, &mut counted);
        counted.0
    }
}

/// Records that are counted and not kept.
struct Counted(u64);

impl Records for Counted {
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

    /// What is measured agrees with what can be counted by hand.
    #[test]
    fn series_follow_teams() {
        let rules = Rules {
            known_teams: vec!["billing".to_owned()],
            priorities: vec!["p1".to_owned(), "p2".to_owned()],
            ..Rules::default()
        };
        let small = Questions {
            teams: Some(3),
            channels: 2,
            tickets_a_day: 1,
        };
        let of = |teams| {
            estimate(
                &rules,
                Questions {
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
        // The channel `none` is there from the start for the known team.
        assert_eq!(series(&five, "ticket_created_total"), 5 * 2 * 2 + 2);
        // Quantiles of a window without events are no series: a few more or less.
        let two_teams = five.series() - three.series();
        assert!(two_teams.abs_diff(2 * five.series_a_team) * 20 < two_teams);
        assert!(five.series() > five.series_at_start);
        assert!(five.text.bytes > three.text.bytes && five.protobuf.bytes > 0);
        // 5 days open, 4 to become final, 30 to be forgotten.
        assert_eq!(five.tickets, 39);
        // Six events of an open ticket, nine of another.
        assert!((8.0..9.0).contains(&five.events_a_ticket), "{five:?}");
        assert!(
            five.ticket_memory > 50.0 && five.ticket_state > 20.0,
            "{five:?}"
        );
        assert!(five.event > Duration::ZERO);
    }
}
