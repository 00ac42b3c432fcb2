//! Sliding event-time windows of every team (contract, section 6).
//!
//! Observations are first written to a journal and sorted into the windows when these are read:
//! the stream clock runs behind the events by `lateness`, and what is later than the clock is
//! not in a window yet. A history of years passes through without touching a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rules::{Kpi, Rules};
use super::series::Basis;
use super::sliding::{Scratch, Sliding, Step, scratch};
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};

/// Steps in the length of a window.
const STEPS: i64 = 60;
/// Entries after which the journal is sorted in without being asked: a bound on memory.
const JOURNAL_LIMIT: usize = 1 << 16;
/// Most entries that wait together: a chunk is written to a checkpoint as a whole.
const CHUNK: usize = 4_096;
/// Most chunks that wait beyond what their entries need: each round of the windows leaves one, and
/// each round looks at all of them. More are joined.
const SPARE_CHUNKS: usize = 1_024;
/// Most entries that wait for the clock: 24 MiB. They are more only where one partition is hours
/// behind the others on a busy desk. Then the windows go on without it (contract, section 6).
pub const MOST_WAITING: usize = 1 << 20;
/// Exposed quantiles, in thousandths, and their label values.
pub const QUANTILES: [(u64, &str); 4] = [(500, "0.5"), (900, "0.9"), (950, "0.95"), (990, "0.99")];

/// The clock before it first moved.
const UNREAD: Timestamp = Timestamp(i64::MIN);

/// The label `event` of `ticket_window_events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WindowEvent {
    Created,
    Replied,
    Solved,
    Reopened,
    Finalized,
    FirstContact,
    SlaGoal,
    SlaBreach,
    CsatGood,
    CsatBad,
}

impl WindowEvent {
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Replied,
        Self::Solved,
        Self::Reopened,
        Self::Finalized,
        Self::FirstContact,
        Self::SlaGoal,
        Self::SlaBreach,
        Self::CsatGood,
        Self::CsatBad,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replied => "replied",
            Self::Solved => "solved",
            Self::Reopened => "reopened",
            Self::Finalized => "finalized",
            Self::FirstContact => "first_contact",
            Self::SlaGoal => "sla_goal",
            Self::SlaBreach => "sla_breach",
            Self::CsatGood => "csat_good",
            Self::CsatBad => "csat_bad",
        }
    }
}

const DURATIONS: usize = Kpi::ALL.len() * Basis::ALL.len();
/// Series of a team.
pub const SERIES: usize = DURATIONS + WindowEvent::ALL.len();
const _: () = assert!(SERIES <= 1 << u8::BITS, "a series is numbered in a byte");

fn duration_series(kpi: Kpi, basis: Basis) -> u8 {
    kpi as u8 * 2 + basis as u8
}

#[allow(clippy::cast_possible_truncation, reason = "22 series")]
const fn event_series(event: WindowEvent) -> u8 {
    DURATIONS as u8 + event as u8
}

/// One observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journaled {
    pub at: Timestamp,
    /// 0 for a plain event.
    pub value: Milliseconds,
    pub team: u16,
    /// Less than [`SERIES`].
    pub series: u8,
}

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

    /// As it stands in the key of a record.
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

/// Which window of which series of which team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub team: u16,
    pub series: u8,
    pub window: WindowNumber,
}

/// What changed since it was last written.
#[derive(Debug, Default)]
pub struct WindowChanges {
    /// Windows that have changed steps. A place may stand here twice.
    pub places: Vec<Place>,
    /// Chunks of the journal that are new.
    pub chunks: Vec<u64>,
    /// Chunks of the journal whose last entry has left them.
    pub done: Vec<u64>,
}

/// The windows of one team: `SERIES` rows of one [`Sliding`] a window.
#[derive(Clone, Debug)]
struct TeamState {
    series: Vec<Option<Box<[Sliding]>>>,
    changed: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Windows {
    lengths: Vec<Milliseconds>,
    journal: Vec<Journaled>,
    /// Entries that are later than the clock, by running number, the latest first.
    waiting: BTreeMap<u64, Vec<Journaled>>,
    /// How many entries wait, and how many may.
    waiting_entries: usize,
    most_waiting: usize,
    next_chunk: u64,
    changes: Option<WindowChanges>,
    teams: Vec<TeamState>,
    published: Vec<Arc<TeamWindows>>,
    scratch: Scratch,
    clock: Timestamp,
}

/// What the windows of a team held when they were last read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeamWindows {
    pub durations: Vec<DurationWindow>,
    /// Counts by event, then window.
    pub events: Vec<u64>,
}

/// One window of one duration that holds something.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationWindow {
    pub kpi: Kpi,
    pub basis: Basis,
    /// Position in [`Rules::windows`].
    pub window: usize,
    /// Seconds.
    pub mean: f64,
    /// Seconds, in the order of [`QUANTILES`].
    pub quantiles: [f64; 4],
}

impl Windows {
    pub fn new(rules: &Rules) -> Self {
        Self {
            lengths: rules.windows.iter().map(|window| window.length).collect(),
            journal: Vec::new(),
            waiting: BTreeMap::new(),
            waiting_entries: 0,
            most_waiting: MOST_WAITING,
            next_chunk: 0,
            changes: None,
            teams: Vec::new(),
            published: Vec::new(),
            scratch: scratch(),
            clock: UNREAD,
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
        self.journal.push(Journaled {
            at,
            value,
            team,
            series: duration_series(kpi, basis),
        });
    }

    pub fn event(&mut self, team: u16, event: WindowEvent, at: Timestamp) {
        self.journal.push(Journaled {
            at,
            value: 0,
            team,
            series: event_series(event),
        });
    }

    /// Whether the journal should be sorted in.
    pub fn is_full(&self) -> bool {
        self.journal.len() >= JOURNAL_LIMIT
    }

    /// Moves the windows to a clock, or further where too much would wait for it. They never move
    /// back.
    pub fn advance(&mut self, clock: Timestamp) {
        self.advance_to(clock);
        if self.waiting_entries > self.most_waiting {
            // Half of them, so that this does not come again with the next one.
            let mut instants: Vec<Timestamp> =
                self.waiting.values().flatten().map(|one| one.at).collect();
            let middle = instants.len() / 2;
            let (_, half, _) = instants.select_nth_unstable(middle);
            let half = *half;
            self.advance_to(half);
        }
        if self.waiting.len() > SPARE_CHUNKS + 2 * self.waiting_entries.div_ceil(CHUNK) {
            self.join_small_chunks();
        }
    }

    fn advance_to(&mut self, clock: Timestamp) {
        let clock = clock.max(self.clock);
        self.slide(clock);
        self.clock = clock;
        for entry in self.take_due(clock) {
            self.insert(entry);
        }
        let mut later = Vec::new();
        for entry in std::mem::take(&mut self.journal) {
            if entry.at > clock {
                later.push(entry);
            } else {
                self.insert(entry);
            }
        }
        self.let_wait(later);
    }

    fn let_wait(&mut self, mut later: Vec<Journaled>) {
        self.waiting_entries += later.len();
        // Sorted, so that nothing looks at them before they are due.
        later.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.at));
        for chunk in later.chunks(CHUNK) {
            self.waiting.insert(self.next_chunk, chunk.to_vec());
            if let Some(changes) = &mut self.changes {
                changes.chunks.push(self.next_chunk);
            }
            self.next_chunk += 1;
        }
    }

    /// Makes few large chunks of those that are mostly empty.
    fn join_small_chunks(&mut self) {
        let mut entries = Vec::new();
        let changes = &mut self.changes;
        self.waiting.retain(|number, chunk| {
            let is_small = chunk.len() < CHUNK / 2;
            if is_small {
                entries.append(chunk);
                if let Some(changes) = changes {
                    changes.done.push(*number);
                }
            }
            !is_small
        });
        self.waiting_entries -= entries.len();
        self.let_wait(entries);
    }

    /// Takes what the clock has reached out of the chunks that wait.
    fn take_due(&mut self, clock: Timestamp) -> Vec<Journaled> {
        let mut due = Vec::new();
        self.waiting.retain(|number, chunk| {
            while let Some(entry) = chunk.pop_if(|entry| entry.at <= clock) {
                due.push(entry);
            }
            if chunk.is_empty()
                && let Some(changes) = &mut self.changes
            {
                changes.done.push(*number);
            }
            !chunk.is_empty()
        });
        self.waiting_entries -= due.len();
        due
    }

    /// The windows of all teams, by team; `teams` of them exist.
    pub fn publish(&mut self, teams: usize) -> Vec<Arc<TeamWindows>> {
        self.teams
            .resize_with(teams.max(self.teams.len()), || TeamState {
                series: vec![None; SERIES],
                changed: true,
            });
        for (position, team) in self.teams.iter_mut().enumerate() {
            if !std::mem::take(&mut team.changed) && position < self.published.len() {
                continue;
            }
            let read = Arc::new(read(team, self.lengths.len(), &mut self.scratch));
            if position < self.published.len() {
                self.published[position] = read;
            } else {
                self.published.push(read);
            }
        }
        self.published.clone()
    }

    /// Lets slots expire where a window has moved by a step.
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
                    team.changed |= series[window].expire(first);
                }
            }
        }
        if slid {
            for team in &mut self.teams {
                for series in &mut team.series {
                    if series
                        .as_ref()
                        .is_some_and(|windows| windows.iter().all(Sliding::is_empty))
                    {
                        *series = None;
                    }
                }
            }
        }
    }

    fn insert(&mut self, entry: Journaled) {
        for (position, window) in (0..self.lengths.len()).zip(WindowNumber::all()) {
            let length = self.lengths[position];
            let slot = slot(length, entry.at);
            if slot < first_slot(length, self.clock) {
                continue;
            }
            let place = Place {
                team: entry.team,
                series: entry.series,
                window,
            };
            let is_tracked = self.changes.is_some();
            let sliding = self.sliding(place);
            sliding.add(slot, entry.value);
            if is_tracked
                && sliding.mark(slot)
                && let Some(changes) = &mut self.changes
            {
                changes.places.push(place);
            }
        }
    }

    /// The window at a place, to be changed.
    fn sliding(&mut self, place: Place) -> &mut Sliding {
        let row = usize::from(place.team);
        if self.teams.len() <= row {
            self.teams.resize_with(row + 1, || TeamState {
                series: vec![None; SERIES],
                changed: true,
            });
        }
        let team = &mut self.teams[row];
        team.changed = true;
        let windows = team.series[usize::from(place.series)]
            .get_or_insert_with(|| vec![Sliding::default(); self.lengths.len()].into());
        &mut windows[usize::from(place.window)]
    }
}

/// What a checkpoint needs.
impl Windows {
    /// Windows whose clock has stood at `clock`, without observations.
    pub fn restored(rules: &Rules, clock: Option<Timestamp>) -> Self {
        Self {
            clock: clock.unwrap_or(UNREAD),
            ..Self::new(rules)
        }
    }

    /// `None` before it first moved.
    pub fn clock(&self) -> Option<Timestamp> {
        (self.clock != UNREAD).then_some(self.clock)
    }

    /// Remembers from now on what changes, for [`Self::take_changes`].
    pub fn track_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    pub fn take_changes(&mut self) -> WindowChanges {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The steps at a place that changed since they were last taken.
    pub fn take_changed_steps(&mut self, place: Place) -> impl Iterator<Item = &Step> {
        let team = self.teams.get_mut(usize::from(place.team));
        let windows = team.and_then(|team| team.series[usize::from(place.series)].as_mut());
        windows
            .and_then(|windows| windows.get_mut(usize::from(place.window)))
            .map(Sliding::take_changed)
            .into_iter()
            .flatten()
    }

    /// How many teams have or had observations.
    pub fn teams(&self) -> usize {
        self.teams.len()
    }

    /// All steps of a series of a team, with their places.
    pub fn steps(&self, team: u16, series: u8) -> impl Iterator<Item = (Place, &Step)> {
        let windows = self
            .teams
            .get(usize::from(team))
            .and_then(|state| state.series.get(usize::from(series))?.as_ref());
        WindowNumber::all()
            .zip(windows.into_iter().flatten())
            .flat_map(move |(window, sliding)| {
                let place = Place {
                    team,
                    series,
                    window,
                };
                sliding.steps().map(move |step| (place, step))
            })
    }

    /// Puts a step where it was, unless it has left its window.
    pub fn restore_step(&mut self, place: Place, step: Step) {
        let length = self.lengths[usize::from(place.window)];
        if step.number >= first_slot(length, self.clock) {
            self.sliding(place).restore(step);
        }
    }

    /// The entries that wait in a chunk; `None` where there is none of that number.
    pub fn chunk(&self, number: u64) -> Option<&[Journaled]> {
        self.waiting.get(&number).map(Vec::as_slice)
    }

    /// The first chunk of at least that number.
    pub fn chunk_from(&self, number: u64) -> Option<(u64, &[Journaled])> {
        let (number, chunk) = self.waiting.range(number..).next()?;
        Some((*number, chunk))
    }

    /// Puts a chunk where it was, without what the clock has reached.
    pub fn restore_chunk(&mut self, number: u64, mut chunk: Vec<Journaled>) {
        chunk.retain(|entry| entry.at > self.clock);
        chunk.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.at));
        self.next_chunk = self.next_chunk.max(number.saturating_add(1));
        if !chunk.is_empty() {
            self.waiting_entries += chunk.len();
            self.waiting.insert(number, chunk);
        }
    }
}

/// The slot of an instant: slot k is (k·step, (k+1)·step].
fn slot(length: Milliseconds, at: Timestamp) -> i64 {
    (at.0 - 1).div_euclid(length / STEPS)
}

/// The first slot inside a window at a clock: (s - W, t] with s the clock rounded down.
fn first_slot(length: Milliseconds, clock: Timestamp) -> i64 {
    clock.0.div_euclid(length / STEPS) - STEPS
}

fn read(team: &TeamState, windows: usize, scratch: &mut Scratch) -> TeamWindows {
    let mut result = TeamWindows {
        durations: Vec::new(),
        events: vec![0; WindowEvent::ALL.len() * windows],
    };
    for kpi in Kpi::ALL {
        for basis in Basis::ALL {
            let Some(series) = &team.series[usize::from(duration_series(kpi, basis))] else {
                continue;
            };
            for (window, sliding) in series.iter().enumerate() {
                let content = sliding.content();
                if content.count == 0 {
                    continue;
                }
                #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
                let mean = seconds(content.sum) / content.count as f64;
                let quantiles = sliding
                    .quantiles(QUANTILES.map(|quantile| quantile.0), scratch)
                    .map(|milliseconds| milliseconds / 1_000.0);
                result.durations.push(DurationWindow {
                    kpi,
                    basis,
                    window,
                    mean,
                    quantiles,
                });
            }
        }
    }
    for event in WindowEvent::ALL {
        if let Some(series) = &team.series[usize::from(event_series(event))] {
            for (window, sliding) in series.iter().enumerate() {
                result.events[event as usize * windows + window] = sliding.content().count;
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::HOUR;
    use crate::engine::rules::Window;

    fn hourly() -> Windows {
        let window = Window {
            label: "1h".to_owned(),
            length: HOUR,
        };
        Windows::new(&Rules {
            windows: vec![window],
            ..Rules::default()
        })
    }

    fn created(windows: &mut Windows, clock: i64) -> u64 {
        windows.advance(Timestamp(clock));
        windows.publish(3)[2].events[0]
    }

    #[test]
    fn holds_what_lies_between_the_last_step_less_its_length_and_the_clock() {
        let mut windows = hourly();
        let minute = 60_000;
        for at in [0, 1, minute, 60 * minute, 60 * minute + 1] {
            windows.event(2, WindowEvent::Created, Timestamp(at));
        }
        assert_eq!(
            created(&mut windows, 60 * minute),
            3,
            "(0, 60 min]: not the event at 0"
        );
        assert_eq!(created(&mut windows, 60 * minute + 1), 4);
        assert_eq!(created(&mut windows, 61 * minute - 1), 4, "no step yet");
        assert_eq!(created(&mut windows, 61 * minute), 2, "(1 min, 61 min]");
        assert_eq!(created(&mut windows, 500 * minute), 0);
    }

    #[test]
    fn an_unchanged_team_is_not_read_again() {
        let mut windows = hourly();
        windows.event(2, WindowEvent::Created, Timestamp(5));
        windows.advance(Timestamp(10));
        let first = windows.publish(3);
        windows.advance(Timestamp(11));
        assert!(Arc::ptr_eq(&first[2], &windows.publish(3)[2]));
    }

    #[test]
    fn a_late_observation_lands_in_its_own_slot() {
        let mut windows = hourly();
        windows.advance(Timestamp(2 * HOUR));
        windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(HOUR + 1), 4_000);
        windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(HOUR), 8_000);
        windows.advance(Timestamp(2 * HOUR));
        let read = windows.publish(3);
        assert_eq!(read[2].durations.len(), 1);
        assert!(
            (read[2].durations[0].mean - 4.0).abs() < 1e-9,
            "the second one is too old"
        );
    }

    /// Observations of two partitions, the second of which comes late, by the minute.
    fn two_partitions() -> impl Iterator<Item = (i64, i64)> {
        let first = (1..2_000).map(|minute| (minute, minute * 60_000));
        let second = (1..2_000).map(|minute| (minute, minute * 60_000 + 7));
        first.chain(second)
    }

    #[test]
    fn what_waits_is_bounded_and_nothing_is_lost_by_it() {
        let (mut bounded, mut patient) = (hourly(), hourly());
        bounded.most_waiting = 100;
        let mut most = 0;
        for (minute, at) in two_partitions() {
            for windows in [&mut bounded, &mut patient] {
                windows.event(2, WindowEvent::Created, Timestamp(at));
                windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(at), minute);
                // The second partition keeps the clock until it has been read.
                windows.advance(Timestamp(0));
            }
            most = most.max(bounded.waiting_entries);
        }
        assert!(most <= 100, "{most} entries wait");
        assert_eq!(patient.waiting_entries, 4 * 1_999, "all of them");
        assert!(bounded.clock() > patient.clock());
        for windows in [&mut bounded, &mut patient] {
            windows.advance(Timestamp(2_000 * 60_000));
            assert_eq!((windows.waiting_entries, windows.waiting.len()), (0, 0));
        }
        assert_eq!(bounded.publish(3), patient.publish(3));
        assert_eq!(bounded.publish(3)[2].events[0], 2 * 60 - 1);
    }

    #[test]
    fn many_small_chunks_are_joined_and_the_records_say_the_same() {
        let mut windows = hourly();
        windows.track_changes();
        windows.advance(Timestamp(0));
        let mut records = BTreeMap::new();
        let rounds = 3_000;
        for round in 1..=rounds {
            windows.event(2, WindowEvent::Created, Timestamp(round));
            windows.advance(Timestamp(0));
            let changes = windows.take_changes();
            for number in changes.done {
                records.remove(&number);
            }
            for number in changes.chunks {
                records.extend(windows.chunk(number).map(|chunk| (number, chunk.to_vec())));
            }
        }
        assert!(
            windows.waiting.len() <= SPARE_CHUNKS + 2,
            "{}",
            windows.waiting.len()
        );
        assert_eq!(records, windows.waiting);
        let mut restored = hourly();
        for (number, chunk) in records {
            restored.restore_chunk(number, chunk);
        }
        assert_eq!(restored.waiting_entries, windows.waiting_entries);
        for windows in [&mut windows, &mut restored] {
            assert_eq!(created(windows, rounds).cast_signed(), rounds);
        }
    }
}
