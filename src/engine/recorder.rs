//! The recorder turns facts into series and windows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::account::AccountKey;
use super::cohort::{CohortKey, MOST_ATTRIBUTES};
use super::compiled_rules::CompiledRules;
use super::fact::{Fact, Measure, ObservedDuration};
use super::labels::{AttributeTable, LabelTable, Labels, NONE};
use super::open_goals::GoalKey;
use super::rules::{AttributeRule, Rules};
use super::series::{Basis, CohortSeries, Counter, Ending, Rating, SeriesTable};
use super::shared_places::{SharedLimits, SharedPlaces};
use super::statement::StateMember;
use super::table::TicketTable;
use super::ticket::Ticket;
use super::windows::{WindowEvent, Windows};
use crate::domain::policy::Match;
use crate::domain::timestamp::Timestamp;

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
    /// The same, by the user's own attribute.
    pub stale_attributes: [u64; MOST_ATTRIBUTES],
    /// Cohorts that count against the limit.
    places: usize,
    /// `None`: all cohorts are in this recorder.
    shared_places: Option<SharedPlaces>,
    /// Tickets that took a combination of attributes beyond the limit.
    pub overflowed_combinations: u64,
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
            stale_attributes: [0; MOST_ATTRIBUTES],
            places: 0,
            shared_places: None,
            overflowed_combinations: 0,
            accounts: AccountKey::FIXED,
        };
        let labels = &recorder.compiled.labels;
        let keys = recorder.series.cohorts().iter().map(|cohort| cohort.key);
        recorder.places = keys.filter(|key| *key != labels.beyond_limit(*key)).count();
        recorder.precreate();
        recorder
    }

    /// Counts a fact. Some facts change no number.
    #[inline]
    pub fn record(&mut self, ticket: &Ticket, at: Timestamp, fact: Fact) {
        match fact {
            Fact::Created => {
                let channel = self.compiled.labels.channels.label(ticket.channel);
                self.cohort(ticket.cohort()).count_created(channel);
                self.window_event(ticket.team_number, WindowEvent::Created, at);
            }
            Fact::StaleState { member, .. } => self.stale[member as usize] += 1,
            Fact::StaleAttribute { position, .. } => self.stale_attributes[position] += 1,
            Fact::HumanReply => {
                self.cohort(ticket.cohort()).count(Counter::Replies);
                self.window_event(ticket.team_number, WindowEvent::Replied, at);
            }
            Fact::Escalated => self.cohort(ticket.cohort()).count(Counter::Escalated),
            Fact::Transferred => self.cohort(ticket.cohort()).count(Counter::Transferred),
            Fact::StatusTime { status, length } => {
                self.cohort(ticket.cohort()).add_status_time(status, length);
            }
            Fact::Solved => {
                self.cohort(ticket.cohort()).count(Counter::Solved);
                self.window_event(ticket.team_number, WindowEvent::Solved, at);
            }
            Fact::Reopened => {
                self.cohort(ticket.cohort()).count(Counter::Reopened);
                self.window_event(ticket.team_number, WindowEvent::Reopened, at);
            }
            Fact::CsatOffered => self
                .cohort(ticket.cohort_at_solve())
                .count(Counter::CsatOffered),
            Fact::Rated(rating) => self.rated(ticket.cohort_at_solve(), rating, at),
            Fact::RatingChanged => self
                .cohort(ticket.cohort_at_solve())
                .count(Counter::CsatChanges),
            Fact::Observed(observed) => self.observe(&observed, at, &ticket.id),
            Fact::GoalMet(goal) => self.count_goal(ticket, goal, false, at),
            Fact::GoalBreached(goal) => {
                self.count_goal(ticket, goal, true, at);
                self.window_event(ticket.team_number, WindowEvent::SlaBreach, at);
                self.breaches.push(at);
            }
            Fact::Finalized(Some(ending)) => self.finalized(ticket, ending, at),
            Fact::Withdrawn(reason) => self.cohort(ticket.cohort()).count_withdrawn(reason),
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

    /// The position of a cohort's series. Creates them if necessary.
    pub fn cohort_position(&mut self, numbers: CohortKey) -> usize {
        self.exposed_position(self.compiled.labels.exposed(numbers))
    }

    fn exposed_position(&mut self, key: CohortKey) -> usize {
        match self.series.find(key) {
            Some(position) => position,
            None => self.create(key),
        }
    }

    /// Creates the series of a cohort. Beyond the limit, gives those that the combinations of its team and
    /// priority share.
    #[cold]
    fn create(&mut self, key: CohortKey) -> usize {
        let CompiledRules { rules, labels, .. } = &self.compiled;
        let shared = labels.beyond_limit(key);
        let limit = rules.limits.cohorts;
        let has_place = match &self.shared_places {
            None => self.places < limit,
            Some(places) => key == shared || places.take(&labels.names(key).joined(), limit, false),
        };
        self.create_even_beyond_limit(if has_place { key } else { shared })
    }

    /// Shares the limits of labels and cohorts with other shards.
    pub fn share_limits(&mut self, limits: &SharedLimits) {
        let labels = &mut self.compiled.labels;
        labels.share(limits);
        for cohort in self.series.cohorts() {
            if cohort.key != labels.beyond_limit(cohort.key) {
                limits
                    .cohorts
                    .note(&labels.names(cohort.key).joined(), true);
            }
        }
        self.shared_places = Some(limits.cohorts.clone());
    }

    fn create_even_beyond_limit(&mut self, key: CohortKey) -> usize {
        let CompiledRules { rules, labels, .. } = &self.compiled;
        if let Some(position) = self.series.find(key) {
            return position;
        }
        self.places += usize::from(key != labels.beyond_limit(key));
        self.series.create(rules, &labels.names(key), key)
    }

    /// Takes a place for the cohort of a ticket whose labels changed. Without attributes as labels there is
    /// no limit, and the first fact creates the cohort.
    #[inline]
    pub fn take_place(&mut self, ticket: &Ticket) {
        if self.compiled.labels.has_attribute_labels() {
            let key = self.compiled.labels.exposed(ticket.cohort());
            let position = self.exposed_position(key);
            let is_own = self.series.cohorts()[position].key == key;
            self.overflowed_combinations += u64::from(!is_own);
        }
    }

    /// Takes places for the cohorts of all tickets, in the order of the labels. The rules may have fewer
    /// or more labels than those under which the tickets were stored.
    pub fn take_places(&mut self, tickets: &TicketTable) {
        if self.compiled.labels.has_attribute_labels() {
            let keys = tickets.iter().map(Ticket::cohort);
            for key in BTreeSet::from_iter(keys) {
                self.cohort_position(key);
            }
        }
    }

    fn cohort(&mut self, key: CohortKey) -> &mut CohortSeries {
        let position = self.cohort_position(key);
        self.series.cohort_mut(position)
    }

    fn window_event(&mut self, team: u16, event: WindowEvent, at: Timestamp) {
        let team = self.compiled.labels.teams.label(team);
        self.windows.event(team, event, at);
    }

    fn rated(&mut self, key: CohortKey, rating: Rating, at: Timestamp) {
        self.cohort(key).count_rating(rating);
        match rating {
            Rating::Good => self.window_event(key.team, WindowEvent::CsatGood, at),
            Rating::Bad => self.window_event(key.team, WindowEvent::CsatBad, at),
            Rating::Neutral => {}
        }
    }

    fn observe(&mut self, observed: &ObservedDuration, at: Timestamp, ticket: &str) {
        let (kpi, elapsed) = (observed.kpi, observed.elapsed);
        let team = self.compiled.labels.teams.label(observed.cohort.team);
        let position = self.cohort_position(observed.cohort);
        let cohort = self.series.cohort_mut(position);
        let mut add = |basis, value| {
            cohort.observe(&self.compiled.rules, (kpi, basis), value, at, ticket);
            self.windows.duration(team, kpi, basis, at, value);
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

    fn count_goal(&mut self, ticket: &Ticket, goal: GoalKey, breached: bool, at: Timestamp) {
        let policy = self.compiled.rules.counted_as(ticket.policy_in(goal.group));
        self.cohort(ticket.cohort())
            .count_goal(policy, ticket.target(goal.kind), breached);
        self.window_event(ticket.team_number, WindowEvent::SlaGoal, at);
    }

    fn finalized(&mut self, ticket: &Ticket, ending: Ending, at: Timestamp) {
        let key = ticket.cohort_at_solve();
        self.cohort(key).count_ending(ending);
        self.window_event(key.team, WindowEvent::Finalized, at);
        if ending == Ending::FirstContact {
            self.window_event(key.team, WindowEvent::FirstContact, at);
        }
        if ending != Ending::Again && ticket.replies() == 0 {
            self.cohort(key).count(Counter::Unanswered);
        }
    }

    /// Creates the series of every combination of configured values, so that they start at 0.
    fn precreate(&mut self) {
        let rules = Arc::clone(&self.compiled.rules);
        let combinations = self.compiled.labels.known_combinations(&rules);
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
                for attributes in &combinations {
                    let key = CohortKey {
                        attributes: *attributes,
                        ..CohortKey::new(team, priority)
                    };
                    let key = self.compiled.labels.exposed(key);
                    let position = self.create_even_beyond_limit(key);
                    self.series.precreate(&rules, position);
                }
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
        attributes: rules
            .attributes
            .iter()
            .map(|rule| {
                let values = ConfiguredLabels::of_attribute(rules, rule);
                AttributeTable {
                    name: rule.name.as_str().into(),
                    is_label: rule.is_label,
                    values: LabelTable::new(values.limit, values.known, values.mentioned),
                }
            })
            .collect(),
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
    pub fn of_attribute(rules: &'a Rules, attribute: &'a AttributeRule) -> Self {
        let matches = rules.policies.iter().map(|policy| &policy.matches);
        let allowed = matches.filter_map(|matches| matches.attributes.get(&attribute.name));
        Self {
            limit: attribute.limit,
            known: attribute.values.iter().map(String::as_str).collect(),
            mentioned: allowed.flatten().map(String::as_str).collect(),
        }
    }

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
