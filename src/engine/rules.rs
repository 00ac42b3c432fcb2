//! The rules of the engine: the part of the validated configuration that decides what the numbers
//! mean.

use std::collections::BTreeMap;

use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::named::named_enum;
use crate::domain::policy::{Policy, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND};

named_enum! {
    /// A duration KPI: a histogram family and its windows. The name is the one in the configuration
    /// (`buckets`) and in the label `kpi`: the name of the family between `ticket_` and `_seconds`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Kpi {
        FirstResponse = "first_response",
        NextResponse = "next_response",
        FirstResolution = "first_resolution",
        FullResolution = "full_resolution",
        TeamOwnership = "team_ownership",
        Handle = "handle",
        Assignment = "assignment",
        RequesterWait = "requester_wait",
        AgentWait = "agent_wait",
    }
}

impl Kpi {
    /// The default bucket bounds: common SLA targets for this duration, from chat to enterprise
    /// contracts.
    pub const fn default_buckets(self) -> &'static [Milliseconds] {
        match self {
            Self::FirstResponse | Self::NextResponse | Self::Assignment => &[
                MINUTE,
                5 * MINUTE,
                15 * MINUTE,
                30 * MINUTE,
                HOUR,
                2 * HOUR,
                4 * HOUR,
                8 * HOUR,
                DAY,
                2 * DAY,
                3 * DAY,
            ],
            Self::FirstResolution
            | Self::FullResolution
            | Self::RequesterWait
            | Self::AgentWait => &[
                15 * MINUTE,
                HOUR,
                4 * HOUR,
                8 * HOUR,
                DAY,
                2 * DAY,
                3 * DAY,
                5 * DAY,
                7 * DAY,
                14 * DAY,
                30 * DAY,
                90 * DAY,
            ],
            Self::TeamOwnership => &[
                5 * MINUTE,
                15 * MINUTE,
                HOUR,
                2 * HOUR,
                4 * HOUR,
                8 * HOUR,
                DAY,
                2 * DAY,
                3 * DAY,
                7 * DAY,
                30 * DAY,
            ],
            Self::Handle => &[
                MINUTE,
                2 * MINUTE,
                5 * MINUTE,
                10 * MINUTE,
                15 * MINUTE,
                30 * MINUTE,
                HOUR,
                2 * HOUR,
                4 * HOUR,
                8 * HOUR,
            ],
        }
    }
}

/// A sliding window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The label value, as the user wrote it.
    pub label: String,
    pub length: Milliseconds,
}

/// The number of values per label. Further values share `__other__`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub teams: usize,
    pub priorities: usize,
    pub channels: usize,
    /// Cohorts, if an attribute is a label.
    pub cohorts: usize,
}

/// One of the user's own attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    pub name: String,
    /// Values whose series exist from the start, in the user's order.
    pub values: Vec<String>,
    /// Whether the series are separate for each value.
    pub is_label: bool,
    /// The number of values. Further values share `__other__`.
    pub limit: usize,
}

/// A policy of an earlier configuration, by which goals run or under which they were counted.
#[derive(Clone, Debug, PartialEq)]
pub struct FormerPolicy {
    pub policy: Policy,
    /// The number of the policy under whose name its goals are counted. `None`: its own.
    pub counted_as: Option<u16>,
    /// Numbers of the policies that were tried before it.
    pub before: Vec<u16>,
}

/// The rules. `Default` is the meaning of an empty configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The stream clock is this far behind the greatest event time.
    pub lateness: Milliseconds,
    pub finalize_after: Milliseconds,
    pub retain: Milliseconds,
    pub undelete_grace: Milliseconds,
    /// An agent's message up to this long after the creation is the opening message.
    pub opening: Milliseconds,
    pub windows: Vec<Window>,
    /// By [`CalendarId`]. The calendars of the configuration come first, then those of earlier
    /// configurations on which goals still run.
    pub calendars: Vec<Calendar>,
    /// The names of the calendars, in the same order.
    pub calendar_names: Vec<String>,
    /// `None`: teams without a calendar are always open.
    pub default_calendar: Option<CalendarId>,
    /// Calendar by team. `None`: always open, independent of the default.
    pub team_calendars: BTreeMap<String, Option<CalendarId>>,
    /// Teams whose series exist from the start.
    pub known_teams: Vec<String>,
    /// Priorities whose series exist from the start, in the user's order.
    pub priorities: Vec<String>,
    /// In the user's order.
    pub attributes: Vec<AttributeRule>,
    /// Whether a ticket without a human reply can be resolved at first contact.
    pub allow_unanswered: bool,
    /// Whether the handle time of a ticket without worklogs is its time in `open` with an assignee.
    pub derive_handle: bool,
    /// Ratings at or above this position on the scale are good.
    pub csat_good: f64,
    /// Ratings at or below this position on the scale are bad.
    pub csat_bad: f64,
    /// Bucket bounds by [`Kpi`], ascending. They include every SLA target.
    pub buckets: [Vec<Milliseconds>; Kpi::ALL.len()],
    /// The policies, in the order in which they are tried.
    pub policies: Vec<Policy>,
    /// Policies of earlier configurations. Their numbers follow those of `policies`.
    pub former_policies: Vec<FormerPolicy>,
    pub limits: Limits,
    /// Whether histogram buckets store their last ticket as an exemplar.
    pub exemplars: bool,
    /// The settings by which records become events, in words. The engine does not use them. It only
    /// reports changes.
    pub mapping_settings: Vec<(String, String)>,
    /// The mapping of each topic, in words. Another mapping of a topic mixes two kinds of numbers.
    pub topic_mappings: BTreeMap<String, String>,
}

impl Rules {
    /// The clocks of producers differ by seconds. A greater lateness would only delay timers.
    pub const DEFAULT_LATENESS: Milliseconds = 5 * SECOND;
    /// Four days. Customers who are not satisfied come back within a few days.
    pub const DEFAULT_FINALIZE_AFTER: Milliseconds = 96 * HOUR;
    pub const DEFAULT_RETAIN: Milliseconds = 30 * DAY;
    pub const DEFAULT_UNDELETE_GRACE: Milliseconds = 30 * DAY;
    /// Helpdesks write a ticket and its first message milliseconds apart, or cut a time to seconds.
    pub const DEFAULT_OPENING: Milliseconds = 2 * SECOND;
    pub const DEFAULT_WINDOWS: [&'static str; 4] = ["1h", "24h", "7d", "30d"];
    pub const DEFAULT_CSAT_GOOD: f64 = 0.75;
    pub const DEFAULT_CSAT_BAD: f64 = 0.5;
    pub const DEFAULT_ATTRIBUTE_VALUES: usize = 20;
    pub const DEFAULT_COHORTS: usize = 1000;
    pub const DEFAULT_LIMITS: Limits = Limits {
        teams: 1000,
        priorities: 20,
        channels: 50,
        cohorts: Self::DEFAULT_COHORTS,
    };

    /// The groups of policies, in the order of their first policies. Those that only former policies
    /// name come last.
    pub fn groups(&self) -> Vec<&str> {
        groups_of(self.all_policies())
    }

    /// The current and the former policies, by number.
    pub fn all_policies(&self) -> impl Iterator<Item = &Policy> {
        let former = self.former_policies.iter().map(|former| &former.policy);
        self.policies.iter().chain(former)
    }

    /// Whether the series of goals have the label `group`.
    pub fn has_groups(&self) -> bool {
        groups_of(&self.policies).len() > 1
    }

    /// The policy with this number, current or former.
    pub fn policy(&self, number: u16) -> Option<&Policy> {
        let number = usize::from(number);
        self.policies.get(number).or_else(|| {
            let former = self.former_policies.get(number - self.policies.len())?;
            Some(&former.policy)
        })
    }

    /// The former policy with this number. `None`: the number is that of a current policy.
    pub fn former_policy(&self, number: u16) -> Option<&FormerPolicy> {
        let position = usize::from(number).checked_sub(self.policies.len())?;
        self.former_policies.get(position)
    }

    /// The number under whose name goals of a policy are counted.
    pub fn counted_as(&self, number: u16) -> u16 {
        self.former_policy(number)
            .and_then(|former| former.counted_as)
            .unwrap_or(number)
    }

    /// Adds every SLA target to every list of bounds, so that the buckets count the met goals exactly
    /// (contract, sections 5 and 7).
    pub fn add_targets_to_buckets(&mut self) {
        let targets: Vec<Milliseconds> = self
            .policies
            .iter()
            .flat_map(|policy| {
                Target::ALL
                    .into_iter()
                    .filter_map(|target| policy.target(target))
            })
            .collect();
        for bounds in &mut self.buckets {
            bounds.extend(&targets);
            bounds.sort_unstable();
            bounds.dedup();
        }
    }
}

/// The groups of policies, in the order of their first policies.
pub fn groups_of<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Vec<&'a str> {
    let mut groups: Vec<&str> = Vec::new();
    for policy in policies {
        if !groups.contains(&policy.group.as_str()) {
            groups.push(&policy.group);
        }
    }
    groups
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lateness: Self::DEFAULT_LATENESS,
            finalize_after: Self::DEFAULT_FINALIZE_AFTER,
            retain: Self::DEFAULT_RETAIN,
            undelete_grace: Self::DEFAULT_UNDELETE_GRACE,
            opening: Self::DEFAULT_OPENING,
            windows: Self::DEFAULT_WINDOWS
                .into_iter()
                .filter_map(|label| {
                    let length = crate::domain::duration::parse(label)?;
                    Some(Window {
                        label: label.to_owned(),
                        length,
                    })
                })
                .collect(),
            calendars: Vec::new(),
            calendar_names: Vec::new(),
            default_calendar: None,
            team_calendars: BTreeMap::new(),
            known_teams: Vec::new(),
            priorities: Vec::new(),
            attributes: Vec::new(),
            allow_unanswered: false,
            derive_handle: false,
            csat_good: Self::DEFAULT_CSAT_GOOD,
            csat_bad: Self::DEFAULT_CSAT_BAD,
            buckets: Kpi::ALL.map(|kpi| kpi.default_buckets().to_vec()),
            policies: Vec::new(),
            former_policies: Vec::new(),
            limits: Self::DEFAULT_LIMITS,
            exemplars: false,
            mapping_settings: Vec::new(),
            topic_mappings: BTreeMap::new(),
        }
    }
}
