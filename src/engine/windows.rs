//! Sliding event-time windows of every team, and the totals of the windows before them (contract,
//! section 6).
//!
//! Observations go to a journal first. A read of the windows sorts them in up to the clock, which is
//! behind the events by `lateness`; later ones wait. Most observations of a long history are too old
//! by then, and never touch a window.

mod observation;
mod published;
mod reach;
#[cfg(test)]
mod tests;
mod waiting;

pub use observation::{SERIES, WindowEvent, WindowObservation};
pub use published::{DurationWindow, QUANTILES, TeamWindows};
pub use reach::WindowsReach;

use std::borrow::Cow;
use std::sync::Arc;

use super::rules::{Kpi, Rules};
use super::series::Basis;
use super::sliding::{Scratch, SlidingWindow, WindowStep};
use crate::domain::timestamp::{Milliseconds, Timestamp};
use observation::{duration_series, event_series};
use published::{MeanBefore, quantiles};
use reach::{STEPS, UNREAD, first_slot};
use waiting::{ChunkChanges, WaitingObservations};

/// The journal is sorted in at this length even if nothing reads the windows, to limit its memory.
const JOURNAL_LIMIT: usize = 1 << 16;
/// The most observations that wait for the clock: 24 MiB. There are more only if one partition is hours
/// behind on a busy topic. Then the windows go on without it (contract, section 6).
pub const MOST_WAITING: usize = 1 << 20;
/// Position of a window in [`Rules::windows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowNumber(u8);

impl WindowNumber {
    /// How many windows there can be.
    pub const COUNT: usize = 1 << u8::BITS;

    /// All numbers, in order.
    fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    pub fn byte(self) -> u8 {
        self.0
    }

    pub fn of_byte(byte: u8) -> Self {
        Self(byte)
    }
}

impl From<WindowNumber> for usize {
    fn from(number: WindowNumber) -> Self {
        number.0.into()
    }
}

/// One window of one series of one team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowKey {
    pub team: u16,
    pub series: u8,
    pub window: WindowNumber,
}

/// Changes since the last checkpoint.
#[derive(Debug, Default)]
pub struct WindowChanges {
    /// Windows with changed steps; may contain duplicates.
    pub keys: Vec<WindowKey>,
    /// New chunks of the journal.
    pub chunks: Vec<u64>,
    /// Chunks of the journal that are empty now.
    pub done: Vec<u64>,
}

/// For each of the [`SERIES`] series, one [`SlidingWindow`] a configured window.
#[derive(Clone, Debug)]
struct TeamSeries {
    series: Vec<Option<Box<[SlidingWindow]>>>,
    changed: bool,
}

impl TeamSeries {
    fn new() -> Self {
        Self {
            series: vec![None; SERIES],
            changed: true,
        }
    }
}

#[derive(Debug)]
pub struct Windows {
    lengths: Vec<Milliseconds>,
    journal: Vec<WindowObservation>,
    waiting: WaitingObservations,
    most_waiting: usize,
    /// Windows with changed steps, if changes are tracked.
    changed: Option<Vec<WindowKey>>,
    teams: Vec<TeamSeries>,
    published: Vec<Arc<TeamWindows>>,
    scratch: Scratch,
    clock: Timestamp,
    past_since: Option<Timestamp>,
    /// Whether the published durations keep their buckets, because those of other shards are added.
    keeps_buckets: bool,
}

impl Windows {
    pub fn new(rules: &Rules) -> Self {
        Self {
            lengths: rules.windows.iter().map(|window| window.length).collect(),
            journal: Vec::new(),
            waiting: WaitingObservations::default(),
            most_waiting: MOST_WAITING,
            changed: None,
            teams: Vec::new(),
            published: Vec::new(),
            scratch: Scratch::new(),
            clock: UNREAD,
            past_since: None,
            keeps_buckets: false,
        }
    }

    pub fn duration(
        &mut self,
        team: u16,
        kpi: Kpi,
        basis: Basis,
        at: Timestamp,
        value: Milliseconds,
    ) {
        self.journal.push(WindowObservation {
            at,
            value,
            team,
            series: duration_series(kpi, basis),
        });
    }

    pub fn event(&mut self, team: u16, event: WindowEvent, at: Timestamp) {
        self.journal.push(WindowObservation {
            at,
            value: 0,
            team,
            series: event_series(event),
        });
    }

    /// Whether the journal has to be sorted in.
    pub fn is_full(&self) -> bool {
        self.journal.len() >= JOURNAL_LIMIT
    }

    /// Moves the windows to a clock, or further if too many observations would wait for it. They never
    /// move back.
    pub fn advance(&mut self, clock: Timestamp) {
        self.advance_to(clock);
        if self.waiting.len() > self.most_waiting
            && let Some(middle) = self.waiting.middle()
        {
            // Half of them, so that the next observation does not exceed the limit again.
            self.advance_to(middle);
        }
        self.waiting.join_small_chunks();
    }

    /// Moves the windows to a clock, however many observations wait for a later one.
    pub fn advance_to(&mut self, clock: Timestamp) {
        let clock = clock.max(self.clock);
        self.slide(clock);
        self.clock = clock;
        let position = |length: &Milliseconds| WindowPosition::new(*length, clock);
        let positions: Vec<WindowPosition> = self.lengths.iter().map(position).collect();
        for entry in self.waiting.take_due(clock) {
            self.insert(entry, &positions);
        }
        let mut later = Vec::new();
        for entry in std::mem::take(&mut self.journal) {
            if entry.at > clock {
                later.push(entry);
            } else {
                self.insert(entry, &positions);
            }
        }
        self.waiting.add(later);
    }

    /// The windows of all teams. `teams`: how many there are.
    pub fn publish(&mut self, teams: usize) -> Vec<Arc<TeamWindows>> {
        self.teams
            .resize_with(teams.max(self.teams.len()), TeamSeries::new);
        for (position, team) in self.teams.iter_mut().enumerate() {
            if !std::mem::take(&mut team.changed) && position < self.published.len() {
                continue;
            }
            let read = Arc::new(read(
                team,
                self.lengths.len(),
                &mut self.scratch,
                self.keeps_buckets,
            ));
            if position < self.published.len() {
                self.published[position] = read;
            } else {
                self.published.push(read);
            }
        }
        self.published.clone()
    }

    #[cfg(test)]
    pub fn limit_waiting(&mut self, most: usize) {
        self.most_waiting = most;
    }

    pub fn reach(&self) -> WindowsReach {
        WindowsReach {
            clock: self.clock,
            past_since: self.past_since,
        }
    }

    /// Publishes durations with their buckets from now on, so that they can be merged.
    pub fn keep_buckets(&mut self) {
        if !std::mem::replace(&mut self.keeps_buckets, true) {
            for team in &mut self.teams {
                team.changed = true;
            }
        }
    }

    /// Expires steps of the windows that have moved.
    fn slide(&mut self, clock: Timestamp) {
        let mut slid = false;
        for (window, length) in self.lengths.iter().enumerate() {
            let first = first_slot(*length, clock);
            if self.clock != UNREAD && first_slot(*length, self.clock) == first {
                continue;
            }
            slid = true;
            for team in &mut self.teams {
                for series in team.series.iter_mut().flatten() {
                    team.changed |= series[window].expire(first, first - STEPS);
                }
            }
        }
        if slid {
            for team in &mut self.teams {
                for series in &mut team.series {
                    if series
                        .as_ref()
                        .is_some_and(|windows| windows.iter().all(SlidingWindow::is_empty))
                    {
                        *series = None;
                    }
                }
            }
        }
    }

    /// Adds an observation to the windows that are at these positions.
    fn insert(&mut self, entry: WindowObservation, positions: &[WindowPosition]) {
        if positions.iter().all(|window| window.is_past(entry.at)) {
            return;
        }
        let windows = series(&mut self.teams, entry.team, entry.series, positions.len());
        let windows = windows.iter_mut().zip(positions).zip(WindowNumber::all());
        for ((sliding, position), window) in windows {
            if position.is_past(entry.at) {
                continue;
            }
            let step = position.step_of(entry.at);
            if step < position.first {
                sliding.add_to_past(step, entry.value);
            } else {
                sliding.add(step, entry.value);
            }
            if let Some(changed) = &mut self.changed
                && sliding.mark(step)
            {
                changed.push(WindowKey {
                    team: entry.team,
                    series: entry.series,
                    window,
                });
            }
        }
    }

    /// The window of a key, for a change.
    fn sliding(&mut self, key: WindowKey) -> &mut SlidingWindow {
        let windows = self.lengths.len();
        &mut series(&mut self.teams, key.team, key.series, windows)[usize::from(key.window)]
    }
}

/// For checkpoints.
impl Windows {
    /// Windows at `clock`, without observations. `past_since`: see [`Self::past_since`].
    pub fn restored(
        rules: &Rules,
        clock: Option<Timestamp>,
        past_since: Option<Timestamp>,
    ) -> Self {
        Self {
            clock: clock.unwrap_or(UNREAD),
            past_since,
            ..Self::new(rules)
        }
    }

    /// The clock from which on the windows before exist. `None`: always. Earlier versions did not have
    /// them.
    pub fn past_since(&self) -> Option<Timestamp> {
        self.past_since
    }

    /// `None` before the first move.
    pub fn clock(&self) -> Option<Timestamp> {
        (self.clock != UNREAD).then_some(self.clock)
    }

    /// Records changes from now on, for [`Self::take_changes`].
    pub fn track_changes(&mut self) {
        self.changed.get_or_insert_default();
        self.waiting.track_changes();
    }

    pub fn take_changes(&mut self) -> WindowChanges {
        let ChunkChanges { new, empty } = self.waiting.take_changes();
        WindowChanges {
            keys: self
                .changed
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
            chunks: new,
            done: empty,
        }
    }

    /// The steps that changed since the last call.
    pub fn take_changed_steps(
        &mut self,
        key: WindowKey,
    ) -> impl Iterator<Item = Cow<'_, WindowStep>> {
        let team = self.teams.get_mut(usize::from(key.team));
        let windows = team.and_then(|team| team.series[usize::from(key.series)].as_mut());
        windows
            .and_then(|windows| windows.get_mut(usize::from(key.window)))
            .map(SlidingWindow::take_changed)
            .into_iter()
            .flatten()
    }

    /// The number of teams that have or had observations.
    pub fn teams(&self) -> usize {
        self.teams.len()
    }

    /// All steps of a series of a team, with their windows.
    pub fn steps(
        &self,
        team: u16,
        series: u8,
    ) -> impl Iterator<Item = (WindowKey, Cow<'_, WindowStep>)> {
        let windows = self
            .teams
            .get(usize::from(team))
            .and_then(|state| state.series.get(usize::from(series))?.as_ref());
        WindowNumber::all()
            .zip(windows.into_iter().flatten())
            .flat_map(move |(window, sliding)| {
                let key = WindowKey {
                    team,
                    series,
                    window,
                };
                sliding.steps().map(move |step| (key, step))
            })
    }

    /// Restores a step, unless it has left the window before.
    pub fn restore_step(&mut self, key: WindowKey, step: WindowStep) {
        let first = first_slot(self.lengths[usize::from(key.window)], self.clock);
        if step.number >= first {
            self.sliding(key).restore(step);
        } else if step.number >= first - STEPS {
            self.sliding(key).restore_past(&step);
        }
    }

    /// The observations of a chunk.
    pub fn chunk(&self, number: u64) -> Option<&[WindowObservation]> {
        self.waiting.chunk(number)
    }

    /// The first chunk with at least this number.
    pub fn chunk_from(&self, number: u64) -> Option<(u64, &[WindowObservation])> {
        self.waiting.chunk_from(number)
    }

    /// Restores a chunk, without the observations that the clock has reached.
    pub fn restore_chunk(&mut self, number: u64, chunk: Vec<WindowObservation>) {
        self.waiting.restore(self.clock, number, chunk);
    }
}

/// The windows of a series of a team, for a change.
fn series(
    teams: &mut Vec<TeamSeries>,
    team: u16,
    series: u8,
    windows: usize,
) -> &mut [SlidingWindow] {
    let row = usize::from(team);
    if teams.len() <= row {
        teams.resize_with(row + 1, TeamSeries::new);
    }
    let team = &mut teams[row];
    team.changed = true;
    team.series[usize::from(series)]
        .get_or_insert_with(|| vec![SlidingWindow::default(); windows].into())
}

/// The place of a window in time.
struct WindowPosition {
    /// The length of a step.
    step: Milliseconds,
    /// The first step of the window.
    first: i64,
    /// The window before begins after this instant.
    before: Timestamp,
}

impl WindowPosition {
    fn new(length: Milliseconds, clock: Timestamp) -> Self {
        let step = length / STEPS;
        let first = first_slot(length, clock);
        Self {
            step,
            first,
            before: Timestamp((first - STEPS).saturating_mul(step)),
        }
    }

    /// Whether an instant precedes the window and the one before.
    fn is_past(&self, at: Timestamp) -> bool {
        at <= self.before
    }

    /// The number of the step of an instant: step k is (k·step, (k+1)·step].
    fn step_of(&self, at: Timestamp) -> i64 {
        (at.0 - 1).div_euclid(self.step)
    }
}

fn read(
    team: &TeamSeries,
    windows: usize,
    scratch: &mut Scratch,
    keeps_buckets: bool,
) -> TeamWindows {
    let events = WindowEvent::ALL.len() * windows;
    let mut result = TeamWindows {
        events: vec![0; events],
        events_before: vec![0; events],
        ..TeamWindows::default()
    };
    for kpi in Kpi::ALL {
        for basis in Basis::ALL {
            let Some(series) = &team.series[usize::from(duration_series(kpi, basis))] else {
                continue;
            };
            for (window, sliding) in series.iter().enumerate() {
                let totals = sliding.totals();
                if totals.count > 0 {
                    sliding.collect_buckets(scratch);
                    result.durations.push(DurationWindow {
                        kpi,
                        basis,
                        window,
                        totals,
                        quantiles: quantiles(scratch),
                        buckets: if keeps_buckets {
                            scratch.distribution()
                        } else {
                            Box::default()
                        },
                    });
                }
                let totals = sliding.totals_before();
                if totals.count > 0 {
                    result.means_before.push(MeanBefore {
                        kpi,
                        basis,
                        window,
                        totals,
                    });
                }
            }
        }
    }
    for event in WindowEvent::ALL {
        if let Some(series) = &team.series[usize::from(event_series(event))] {
            for (window, sliding) in series.iter().enumerate() {
                let position = event as usize * windows + window;
                result.events[position] = sliding.totals().count;
                result.events_before[position] = sliding.totals_before().count;
            }
        }
    }
    result
}
