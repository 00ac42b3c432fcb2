//! The rules, compiled to numbers: which policy and which calendar apply to a ticket.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cohort::{CohortKey, MOST_ATTRIBUTES};
use super::elapsed::NumberedCalendar;
use super::labels::{AttributeTable, LabelNumber, LabelTable, Labels, NONE, NONE_ID};
use super::open_goals::GroupNumber;
use super::rules::Rules;
use super::ticket::{NO_POLICY, Ticket};
use crate::domain::calendar::CalendarId;
use crate::domain::policy::{Clock, Match, Policy, Rebase, Target};

/// The name of the calendar that is always open.
const ALWAYS_OPEN: &str = "24x7";

/// The label numbers that a policy matches. `None`: all.
#[derive(Debug)]
struct CompiledMatch {
    teams: Option<Vec<u16>>,
    priorities: Option<Vec<u8>>,
    channels: Option<Vec<u8>>,
    /// Positions of the user's own attributes, and the values that match.
    attributes: Vec<(usize, Vec<u8>)>,
}

/// The rules and the labels, with policies and calendars by number.
#[derive(Debug)]
pub struct CompiledRules {
    pub rules: Arc<Rules>,
    pub labels: Labels,
    matches: Vec<CompiledMatch>,
    /// The numbers of the current policies, by group.
    groups: Vec<Vec<u16>>,
    /// Whether a policy counts from its change.
    pub has_rebasing: bool,
    /// Whether a policy has a target for updates.
    pub has_updates: bool,
    /// By team number. Only the teams that the configuration names are listed.
    team_calendars: Vec<Option<CalendarId>>,
}

impl CompiledRules {
    /// `labels` must hold every value that the rules name.
    pub fn new(rules: Arc<Rules>, labels: Labels) -> Self {
        let matches = rules
            .all_policies()
            .map(|policy| compile(&policy.matches, &labels));
        let matches = matches.collect();
        let mut team_calendars = vec![rules.default_calendar; labels.teams.names().len()];
        for (team, calendar) in &rules.team_calendars {
            if let Some(team) = labels.teams.named(team) {
                team_calendars[usize::from(team)] = *calendar;
            }
        }
        let names = rules.groups();
        let in_group = |name: &str| -> Vec<u16> {
            let policies = (0..NO_POLICY).zip(&rules.policies);
            let policies = policies.filter(|(_, policy)| policy.group == name);
            policies.map(|(number, _)| number).collect()
        };
        let groups = names.iter().map(|name| in_group(name)).collect();
        let any = |is: fn(&Policy) -> bool| rules.all_policies().any(is);
        let has_rebasing = any(|policy| policy.rebase == Rebase::FromChange);
        let has_updates = any(|policy| policy.target(Target::Update).is_some());
        Self {
            rules,
            labels,
            matches,
            groups,
            has_rebasing,
            has_updates,
            team_calendars,
        }
    }

    /// The calendar of a team. `None`: always open.
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

    /// The numbers of the groups of policies.
    #[allow(clippy::cast_possible_truncation, reason = "at most MOST_GROUPS")]
    pub fn groups(&self) -> Range<GroupNumber> {
        0..self.groups.len() as GroupNumber
    }

    /// The number of the first policy of a group that matches a ticket, or [`NO_POLICY`].
    ///
    /// Changed policies apply to new goals only. So a ticket with a running goal keeps a policy of
    /// an earlier configuration, as long as that configuration would choose it again.
    pub fn policy_of(&self, ticket: &Ticket, group: GroupNumber) -> u16 {
        let policy = ticket.policy_in(group);
        if self.is_former_choice(policy, ticket) && ticket.has_undecided_goal(group) {
            return policy;
        }
        let mut policies = self.groups[usize::from(group)].iter().copied();
        policies
            .find(|number| self.matches(*number, ticket))
            .unwrap_or(NO_POLICY)
    }

    /// Whether a policy is of an earlier configuration, and that one would choose it again.
    pub fn is_former_choice(&self, policy: u16, ticket: &Ticket) -> bool {
        let matches = |policy: &u16| self.matches(*policy, ticket);
        self.rules
            .former_policy(policy)
            .is_some_and(|former| matches(&policy) && !former.before.iter().any(matches))
    }

    fn matches(&self, policy: u16, ticket: &Ticket) -> bool {
        fn allows<T: PartialEq>(allowed: Option<&Vec<T>>, number: &T) -> bool {
            allowed.is_none_or(|allowed| allowed.contains(number))
        }
        self.matches
            .get(usize::from(policy))
            .is_some_and(|matches| {
                allows(matches.teams.as_ref(), &ticket.team_number)
                    && allows(matches.priorities.as_ref(), &ticket.priority)
                    && allows(matches.channels.as_ref(), &ticket.channel)
                    && matches.attributes.iter().all(|(position, allowed)| {
                        allowed.contains(&ticket.memory.attribute(*position).number)
                    })
            })
    }

    pub fn policy(&self, number: u16) -> Option<&Policy> {
        self.rules.policy(number)
    }

    /// Whether a policy sets a target.
    #[inline]
    pub fn has_target(&self, policy: u16, target: Target) -> bool {
        let policy = self.policy(policy);
        policy.is_some_and(|policy| policy.target(target).is_some())
    }

    /// The calendar that a goal runs on. `None`: it runs all the time.
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

    /// The label value of a team number.
    pub fn team_label(&self, team: u16) -> &str {
        self.labels.teams.exposed(team)
    }

    /// The label value of a priority number.
    pub fn priority_label(&self, priority: u8) -> &str {
        self.labels.priorities.exposed(priority)
    }

    /// The label values of a cohort's attributes, by name.
    pub fn attribute_labels(&self, cohort: CohortKey) -> BTreeMap<String, String> {
        self.attribute_values(cohort, |attribute| attribute.is_label)
    }

    /// The same for all attributes, whether or not they are labels.
    pub fn all_attributes(&self, cohort: CohortKey) -> BTreeMap<String, String> {
        self.attribute_values(cohort, |_| true)
    }

    fn attribute_values(
        &self,
        cohort: CohortKey,
        is_wanted: impl Fn(&AttributeTable) -> bool,
    ) -> BTreeMap<String, String> {
        let attributes = self.labels.attributes.iter().zip(cohort.attributes);
        attributes
            .filter(|(attribute, _)| is_wanted(attribute))
            .map(|(attribute, number)| {
                let value = attribute.values.exposed(number);
                (attribute.name.to_string(), value.to_owned())
            })
            .collect()
    }

    pub fn calendar_name(&self, id: Option<CalendarId>) -> String {
        match id {
            None => ALWAYS_OPEN.to_owned(),
            Some(id) => self
                .rules
                .calendar_names
                .get(usize::from(id.0))
                .cloned()
                .unwrap_or_else(|| format!("calendar {}", id.0)),
        }
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
        attributes: matches
            .attributes
            .iter()
            .map(|(name, values)| {
                let mut tables = labels.attributes.iter().enumerate();
                match tables.find(|(_, table)| table.name == name.as_str()) {
                    Some((position, table)) => {
                        let numbers = numbers(Some(values), &table.values);
                        (position, numbers.unwrap_or_default())
                    }
                    // A former policy names an attribute that was removed.
                    None => {
                        let has_none = values.iter().any(|value| value == NONE);
                        (
                            MOST_ATTRIBUTES,
                            has_none.then_some(NONE_ID).into_iter().collect(),
                        )
                    }
                }
            })
            .collect(),
    }
}
