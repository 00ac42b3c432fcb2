//! The recorder turns facts into series and windows.

use std::sync::Arc;

use super::account::AccountKey;
use super::compiled_rules::CompiledRules;
use super::fact::{Fact, Measure, ObservedDuration};
use super::labels::{LabelTable, Labels, NONE};
use super::rules::{Kpi, Rules};
use super::series::{Basis, Counter, Ending, PairSeries, Rating, SeriesTable};
use super::statement::StateMember;
use super::ticket::{GoalSlot, Ticket};
use super::windows::{WindowEvent, Windows};
use crate::domain::policy::Match;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// All series and windows, with the rules that fill them.
#[derive(Debug)]
pub struct Recorder {
    pub compiled: CompiledRules,
    pub series: SeriesTable,
    pub windows: Windows,
    /// Deadlines whose breach was counted since they were last taken.
    pub breaches: Vec<Timestamp>,
    /// Statements that came too late, by [`StateMember`].
    pub stale: [u64; StateMember::ALL.len()],
    pub accounts: AccountKey,
}

impl Recorder {
    pub fn new(rules: Arc<Rules>) -> Self {
        let labels = labels(&rules);
        let windows = Windows::new(&rules);
        Self::resume(rules, labels, SeriesTable::new(), windows)
    }

    /// A recorder that continues existing series. `labels` must hold every value that the rules
    /// name.
    pub fn resume(
        rules: Arc<Rules>,
        labels: Labels,
        series: SeriesTable,
        windows: Windows,
    ) -> Self {
        let mut recorder = Self {
            compiled: CompiledRules::new(rules, labels),
            series,
            windows,
            breaches: Vec::new(),
            stale: [0; StateMember::ALL.len()],
            accounts: AccountKey::FIXED,
        };
        recorder.precreate();
        recorder
    }

    /// Counts a fact. Some facts change no number.
    #[inline]
    pub fn record(&mut self, ticket: &Ticket, at: Timestamp, fact: Fact) {
        let labels = (ticket.team_number, ticket.priority);
        match fact {
            Fact::Created => {
                let channel = self.compiled.labels.channels.label(ticket.channel);
                self.pair(labels).count_created(channel);
                self.window_event(labels.0, WindowEvent::Created, at);
            }
            Fact::StaleState { member, .. } => self.stale[member as usize] += 1,
            Fact::HumanReply => {
                self.pair(labels).count(Counter::Replies);
                self.window_event(labels.0, WindowEvent::Replied, at);
            }
            Fact::Escalated => self.pair(labels).count(Counter::Escalated),
            Fact::Transferred => self.pair(labels).count(Counter::Transferred),
            Fact::StatusTime { status, length } => {
                self.pair(labels).add_status_time(status, length);
            }
            Fact::Solved => {
                self.pair(labels).count(Counter::Solved);
                self.window_event(labels.0, WindowEvent::Solved, at);
            }
            Fact::Reopened => {
                self.pair(labels).count(Counter::Reopened);
                self.window_event(labels.0, WindowEvent::Reopened, at);
            }
            Fact::CsatOffered => self
                .pair(ticket.labels_at_solve())
                .count(Counter::CsatOffered),
            Fact::Rated(rating) => self.rated(ticket.labels_at_solve(), rating, at),
            Fact::RatingChanged => self
                .pair(ticket.labels_at_solve())
                .count(Counter::CsatChanges),
            Fact::Observed(observed) => self.observe(&observed, at, &ticket.id),
            Fact::GoalMet(slot) => self.count_goal(ticket, slot, false, at),
            Fact::GoalBreached(slot) => {
                self.count_goal(ticket, slot, true, at);
                self.window_event(labels.0, WindowEvent::SlaBreach, at);
                self.breaches.push(at);
            }
            Fact::Finalized(Some(ending)) => self.finalized(ticket, ending, at),
            Fact::Withdrawn(reason) => self.pair(labels).count_withdrawn(reason),
            Fact::Finalized(None)
            | Fact::StartLearned { .. }
            | Fact::WrittenByRequester
            | Fact::OpeningMessage
            | Fact::GoalEvaluated { .. }
            | Fact::OverdueGoalEnded(_)
            | Fact::GoalCancelled(_)
            | Fact::Restored
            | Fact::Forgotten => {}
        }
    }

    /// The position of a pair's series. Creates them if necessary.
    pub fn pair_position(&mut self, (team, priority): (u16, u8)) -> usize {
        let labels = &self.compiled.labels;
        let team = labels.teams.label(team);
        let priority = labels.priorities.label(priority);
        let names = labels.names(team, priority);
        self.series
            .position(&self.compiled.rules, names, team, priority)
    }

    fn pair(&mut self, labels: (u16, u8)) -> &mut PairSeries {
        let position = self.pair_position(labels);
        self.series.pair_mut(position)
    }

    fn window_event(&mut self, team: u16, event: WindowEvent, at: Timestamp) {
        let team = self.compiled.labels.teams.label(team);
        self.windows.event(team, event, at);
    }

    fn rated(&mut self, labels: (u16, u8), rating: Rating, at: Timestamp) {
        self.pair(labels).count_rating(rating);
        match rating {
            Rating::Good => self.window_event(labels.0, WindowEvent::CsatGood, at),
            Rating::Bad => self.window_event(labels.0, WindowEvent::CsatBad, at),
            Rating::Neutral => {}
        }
    }

    fn observe(&mut self, observed: &ObservedDuration, at: Timestamp, ticket: &str) {
        let (kpi, elapsed) = (observed.kpi, observed.elapsed);
        let mut add = |basis, value| {
            self.observe_one((kpi, basis), observed.labels, value, at, ticket);
        };
        match observed.measure {
            Measure::Elapsed { .. } => {
                add(Basis::Calendar, elapsed.calendar);
                add(Basis::Business, elapsed.business);
            }
            Measure::Reported => add(Basis::Calendar, elapsed.calendar),
            Measure::Derived => add(Basis::Business, elapsed.business),
        }
    }

    fn observe_one(
        &mut self,
        (kpi, basis): (Kpi, Basis),
        labels: (u16, u8),
        value: Milliseconds,
        at: Timestamp,
        ticket: &str,
    ) {
        let position = self.pair_position(labels);
        self.series.pair_mut(position).observe(
            &self.compiled.rules,
            (kpi, basis),
            value,
            at,
            ticket,
        );
        let team = self.compiled.labels.teams.label(labels.0);
        self.windows.duration(team, kpi, basis, at, value);
    }

    fn count_goal(&mut self, ticket: &Ticket, slot: GoalSlot, breached: bool, at: Timestamp) {
        let policy = self.compiled.rules.counted_as(ticket.policy);
        self.pair((ticket.team_number, ticket.priority)).count_goal(
            policy,
            ticket.target(slot),
            breached,
        );
        self.window_event(ticket.team_number, WindowEvent::SlaGoal, at);
    }

    fn finalized(&mut self, ticket: &Ticket, ending: Ending, at: Timestamp) {
        let labels = ticket.labels_at_solve();
        self.pair(labels).count_ending(ending);
        self.window_event(labels.0, WindowEvent::Finalized, at);
        if ending == Ending::FirstContact {
            self.window_event(labels.0, WindowEvent::FirstContact, at);
        }
        if ending != Ending::Again && ticket.replies() == 0 {
            self.pair(labels).count(Counter::Unanswered);
        }
    }

    /// Creates the series of every configured team and priority, so that they start at 0.
    fn precreate(&mut self) {
        let rules = Arc::clone(&self.compiled.rules);
        for team in &rules.known_teams {
            let Some(team) = self.compiled.labels.teams.named(team) else {
                continue;
            };
            let priorities: &[String] = if rules.priorities.is_empty() {
                &[NONE.to_owned()]
            } else {
                &rules.priorities
            };
            for priority in priorities {
                let Some(priority) = self.compiled.labels.priorities.named(priority) else {
                    continue;
                };
                let position = self.pair_position((team, priority));
                self.series.precreate(&rules, position);
            }
        }
    }
}

/// Label tables in which every configured value has a number.
fn labels(rules: &Rules) -> Labels {
    let [teams, priorities, channels] = ConfiguredLabels::all(rules);
    Labels {
        teams: LabelTable::new(teams.limit, teams.known, teams.mentioned),
        priorities: LabelTable::new(priorities.limit, priorities.known, priorities.mentioned),
        channels: LabelTable::new(channels.limit, channels.known, channels.mentioned),
    }
}

/// The values of one label that the configuration names.
#[derive(Debug)]
pub struct ConfiguredLabels<'a> {
    pub limit: usize,
    /// Values whose series exist from the start.
    pub known: Vec<&'a str>,
    /// Values that only calendars and policies mention.
    pub mentioned: Vec<&'a str>,
}

impl<'a> ConfiguredLabels<'a> {
    /// The values of teams, priorities and channels.
    pub fn all(rules: &'a Rules) -> [Self; 3] {
        let matched = |which: fn(&Match) -> &Option<Vec<String>>| {
            rules
                .policies
                .iter()
                .flat_map(move |policy| which(&policy.matches).iter().flatten())
                .map(String::as_str)
        };
        let calendars = rules.team_calendars.keys().map(String::as_str);
        let known = |names: &'a [String]| names.iter().map(String::as_str).collect();
        [
            Self {
                limit: rules.limits.teams,
                known: known(&rules.known_teams),
                mentioned: calendars.chain(matched(|matches| &matches.team)).collect(),
            },
            Self {
                limit: rules.limits.priorities,
                known: known(&rules.priorities),
                mentioned: matched(|matches| &matches.priority).collect(),
            },
            Self {
                limit: rules.limits.channels,
                known: Vec::new(),
                mentioned: matched(|matches| &matches.channel).collect(),
            },
        ]
    }
}
