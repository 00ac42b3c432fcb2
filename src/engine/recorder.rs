//! Where a ticket's life becomes numbers: the series and windows, and the rules to fill them by.

use std::sync::Arc;

use super::goal_runs::GoalRun;
use super::history::{Elapsed, NumberedCalendar};
use super::labels::{LabelNumber, LabelTable, Labels, NONE};
use super::rules::{Kpi, Rules};
use super::series::{Basis, Pair, SeriesTable};
use super::ticket::{GoalState, NO_POLICY, Ticket};
use super::trace::Trace;
use super::windows::{WindowEvent, Windows};
use crate::domain::calendar::CalendarId;
use crate::domain::policy::{Clock, Match, Policy, Target};
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// What a policy matches, as numbers of values.
#[derive(Debug)]
struct CompiledMatch {
    teams: Option<Vec<u16>>,
    priorities: Option<Vec<u8>>,
    channels: Option<Vec<u8>>,
}

/// See the module.
#[derive(Debug)]
pub struct Recorder {
    pub rules: Arc<Rules>,
    pub labels: Labels,
    pub series: SeriesTable,
    pub windows: Windows,
    /// Deadlines breached since they were last taken.
    pub breaches: Vec<Timestamp>,
    /// Where somebody wants to know all about one ticket.
    pub trace: Option<Box<Trace>>,
    /// Where somebody wants to know how long goals ran.
    pub goal_runs: Option<Vec<GoalRun>>,
    matches: Vec<CompiledMatch>,
    /// By team number, as far as the configuration names teams.
    team_calendars: Vec<Option<CalendarId>>,
}

impl Recorder {
    pub fn new(rules: Arc<Rules>) -> Self {
        let labels = labels(&rules);
        let windows = Windows::new(&rules);
        Self::over(rules, labels, SeriesTable::new(), windows)
    }

    /// A recorder that goes on with these. Labels hold what the rules name.
    pub fn over(rules: Arc<Rules>, labels: Labels, series: SeriesTable, windows: Windows) -> Self {
        let former = rules.former_policies.iter().map(|former| &former.policy);
        let matches = rules
            .policies
            .iter()
            .chain(former)
            .map(|policy| compile(&policy.matches, &labels));
        let matches = matches.collect();
        let mut team_calendars = vec![rules.default_calendar; labels.teams.names().len()];
        for (team, calendar) in &rules.team_calendars {
            if let Some(team) = labels.teams.named(team) {
                team_calendars[usize::from(team)] = *calendar;
            }
        }
        let mut recorder = Self {
            series,
            windows,
            breaches: Vec::new(),
            trace: None,
            goal_runs: None,
            rules,
            labels,
            matches,
            team_calendars,
        };
        recorder.precreate();
        recorder
    }

    /// The calendar of a team; `None` = always open.
    pub fn calendar_of(&self, team: u16) -> Option<CalendarId> {
        self.team_calendars
            .get(usize::from(team))
            .copied()
            .unwrap_or(self.rules.default_calendar)
    }

    pub fn calendar(&self, id: Option<CalendarId>) -> Option<NumberedCalendar<'_>> {
        id.map(|id| NumberedCalendar {
            id,
            calendar: &self.rules.calendars[usize::from(id.0)],
        })
    }

    /// The policy of a ticket, or [`NO_POLICY`]: the first that matches. A ticket with a running
    /// goal under a policy of an earlier configuration stays with it as long as that
    /// configuration would not have chosen another one: changed policies apply to new goals.
    pub fn policy_of(&self, ticket: &Ticket) -> u16 {
        if let Some(former) = self.rules.former_policy(ticket.policy)
            && ticket.states.contains(&GoalState::Undecided)
            && self.fits(ticket.policy, ticket)
            && !former
                .before
                .iter()
                .any(|before| self.fits(*before, ticket))
        {
            return ticket.policy;
        }
        (0..NO_POLICY)
            .take(self.rules.policies.len())
            .find(|number| self.fits(*number, ticket))
            .unwrap_or(NO_POLICY)
    }

    fn fits(&self, policy: u16, ticket: &Ticket) -> bool {
        fn fits<T: PartialEq>(allowed: Option<&Vec<T>>, number: &T) -> bool {
            allowed.is_none_or(|allowed| allowed.contains(number))
        }
        self.matches
            .get(usize::from(policy))
            .is_some_and(|matches| {
                fits(matches.teams.as_ref(), &ticket.team_number)
                    && fits(matches.priorities.as_ref(), &ticket.priority)
                    && fits(matches.channels.as_ref(), &ticket.channel)
            })
    }

    pub fn policy(&self, number: u16) -> Option<&Policy> {
        self.rules.policy(number)
    }

    /// The calendar a goal runs on; `None` = it runs all the time.
    pub fn goal_calendar(
        &self,
        policy: &Policy,
        of_team: Option<CalendarId>,
    ) -> Option<NumberedCalendar<'_>> {
        match policy.clock {
            Clock::Calendar => None,
            Clock::Business => self.calendar(policy.calendar.unwrap_or(of_team)),
        }
    }

    /// The series of a pair, to be written.
    pub fn pair(&mut self, team: u16, priority: u8) -> &mut Pair {
        let position = self.pair_position(team, priority);
        self.series.pair_mut(position)
    }

    /// Makes a pair's series exist.
    pub fn pair_position(&mut self, team: u16, priority: u8) -> usize {
        let team = self.labels.teams.label(team);
        let priority = self.labels.priorities.label(priority);
        let names = self.labels.names(team, priority);
        self.series.position(&self.rules, names, team, priority)
    }

    /// An event for the windows of a team.
    pub fn event(&mut self, team: u16, event: WindowEvent, at: Timestamp) {
        self.windows.event(self.labels.teams.label(team), event, at);
    }

    /// A ticket was created.
    pub fn count_created(&mut self, team: u16, priority: u8, channel: u8, at: Timestamp) {
        let channel = self.labels.channels.label(channel);
        self.pair(team, priority).count_created(channel);
        self.event(team, WindowEvent::Created, at);
    }

    /// A duration on both clocks.
    pub fn observe(
        &mut self,
        kpi: Kpi,
        (team, priority): (u16, u8),
        elapsed: Elapsed,
        at: Timestamp,
        ticket: &str,
    ) {
        self.observe_one(
            (kpi, Basis::Calendar),
            (team, priority),
            elapsed.calendar,
            at,
            ticket,
        );
        self.observe_one(
            (kpi, Basis::Business),
            (team, priority),
            elapsed.business,
            at,
            ticket,
        );
    }

    /// A duration on one time base.
    pub fn observe_one(
        &mut self,
        (kpi, basis): (Kpi, Basis),
        (team, priority): (u16, u8),
        value: Milliseconds,
        at: Timestamp,
        ticket: &str,
    ) {
        let position = self.pair_position(team, priority);
        self.series
            .pair_mut(position)
            .observe(&self.rules, (kpi, basis), value, at, ticket);
        let label = self.labels.teams.label(team);
        self.windows.duration(label, kpi, basis, at, value);
    }

    /// A decided goal.
    pub fn count_goal(
        &mut self,
        (team, priority): (u16, u8),
        policy: u16,
        target: Target,
        breached: bool,
        at: Timestamp,
    ) {
        let policy = self.rules.counted_as(policy);
        self.pair(team, priority)
            .count_goal(policy, target, breached);
        self.event(team, WindowEvent::SlaGoal, at);
        if breached {
            self.event(team, WindowEvent::SlaBreach, at);
            self.breaches.push(at);
        }
    }

    /// Everything the configuration knows exists at 0 from the start.
    fn precreate(&mut self) {
        let rules = Arc::clone(&self.rules);
        for team in &rules.known_teams {
            let Some(team) = self.labels.teams.named(team) else {
                continue;
            };
            let priorities: &[String] = if rules.priorities.is_empty() {
                &[NONE.to_owned()]
            } else {
                &rules.priorities
            };
            for priority in priorities {
                let Some(priority) = self.labels.priorities.named(priority) else {
                    continue;
                };
                let position = self.pair_position(team, priority);
                self.series.precreate(&rules, position);
            }
        }
    }
}

/// Label tables in which everything the configuration names has its number.
fn labels(rules: &Rules) -> Labels {
    let [teams, priorities, channels] = Named::all(rules);
    Labels {
        teams: LabelTable::new(teams.limit, teams.known, teams.mentioned),
        priorities: LabelTable::new(priorities.limit, priorities.known, priorities.mentioned),
        channels: LabelTable::new(channels.limit, channels.known, channels.mentioned),
    }
}

/// Values of one label that the configuration names.
#[derive(Debug)]
pub struct Named<'a> {
    pub limit: usize,
    /// Those whose series exist from the start.
    pub known: Vec<&'a str>,
    /// Others.
    pub mentioned: Vec<&'a str>,
}

impl<'a> Named<'a> {
    /// Of teams, priorities and channels.
    pub fn all(rules: &'a Rules) -> [Self; 3] {
        type Names = Option<Vec<String>>;
        let matched = |which: fn(&Match) -> &Names| {
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

fn compile(matches: &Match, labels: &Labels) -> CompiledMatch {
    fn numbers<N: LabelNumber>(
        names: Option<&Vec<String>>,
        table: &LabelTable<N>,
    ) -> Option<Vec<N>> {
        let number = |name: &String| table.named(name);
        names.map(|names| names.iter().filter_map(number).collect())
    }
    CompiledMatch {
        teams: numbers(matches.team.as_ref(), &labels.teams),
        priorities: numbers(matches.priority.as_ref(), &labels.priorities),
        channels: numbers(matches.channel.as_ref(), &labels.channels),
    }
}
