//! The rules an engine works by: the validated, resolved part of the configuration that decides
//! what numbers mean. The rest of the configuration never reaches the engine.

use std::collections::BTreeMap;

use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::policy::{Policy, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND};

/// A duration KPI: a histogram family and its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kpi {
    FirstResponse,
    NextResponse,
    FirstResolution,
    FullResolution,
    TeamOwnership,
    Handle,
}

impl Kpi {
    pub const ALL: [Self; 6] = [
        Self::FirstResponse,
        Self::NextResponse,
        Self::FirstResolution,
        Self::FullResolution,
        Self::TeamOwnership,
        Self::Handle,
    ];

    /// The word in the configuration (`buckets`) and in the label `kpi`: the family's name
    /// between `ticket_` and `_seconds`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::FirstResolution => "first_resolution",
            Self::FullResolution => "full_resolution",
            Self::TeamOwnership => "team_ownership",
            Self::Handle => "handle",
        }
    }

    /// Bucket bounds where the configuration names none: what people promise for that kind of
    /// duration, from chat to enterprise contracts.
    pub const fn default_buckets(self) -> &'static [Milliseconds] {
        match self {
            Self::FirstResponse | Self::NextResponse => &[
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
            Self::FirstResolution | Self::FullResolution => &[
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
    /// As the user wrote it: the label value.
    pub label: String,
    pub length: Milliseconds,
}

/// How many distinct values a label may take before `__other__`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub teams: usize,
    pub priorities: usize,
    pub channels: usize,
}

/// A policy that is not in force any more but that goals run by, or were counted under.
#[derive(Clone, Debug, PartialEq)]
pub struct FormerPolicy {
    pub policy: Policy,
    /// The number of the policy whose name its goals are counted under; `None`: its own.
    pub counted_as: Option<u16>,
    /// Numbers of the policies that were tried before it.
    pub before: Vec<u16>,
}

/// See the module. `Default` is what an empty configuration means.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The stream clock stays this much behind the greatest event time.
    pub lateness: Milliseconds,
    pub finalize_after: Milliseconds,
    pub retain: Milliseconds,
    pub undelete_grace: Milliseconds,
    pub windows: Vec<Window>,
    /// Indexed by [`CalendarId`]. Behind those of the configuration may stand others that goals
    /// still run on.
    pub calendars: Vec<Calendar>,
    /// Names of the calendars.
    pub calendar_names: Vec<String>,
    /// `None`: teams without a calendar are always open.
    pub default_calendar: Option<CalendarId>,
    /// Calendar by team; `None` = always open, whatever the default is.
    pub team_calendars: BTreeMap<String, Option<CalendarId>>,
    /// Teams whose series exist from the start.
    pub known_teams: Vec<String>,
    /// Priorities whose series exist from the start, in the user's order.
    pub priorities: Vec<String>,
    /// First contact resolution allows tickets without any human reply.
    pub allow_unanswered: bool,
    /// Tickets without worklogs give the time spent open and assigned as handle time.
    pub derive_handle: bool,
    /// Ratings at or above this position on the scale are good.
    pub csat_good: f64,
    /// Ratings at or below this position on the scale are bad.
    pub csat_bad: f64,
    /// Bucket bounds, indexed by [`Kpi`], ascending; every SLA target is among them.
    pub buckets: [Vec<Milliseconds>; 6],
    /// In the order in which they are tried.
    pub policies: Vec<Policy>,
    /// Policies of earlier configurations, numbered behind those of this one.
    pub former_policies: Vec<FormerPolicy>,
    pub limits: Limits,
    /// Remember the last ticket id of each histogram bucket.
    pub exemplars: bool,
    /// How records become events: keys of settings and what they are, in a few words. No business
    /// of the engine's, which only tells when they are others than those it counted under.
    pub reading: Vec<(String, String)>,
    /// How the configuration says that the records of each topic are read, by topic. Another text
    /// for a topic makes numbers of two kinds.
    pub topic_mappings: BTreeMap<String, String>,
}

impl Rules {
    /// Producers' clocks differ by seconds; more would only delay timers.
    pub const DEFAULT_LATENESS: Milliseconds = 5 * SECOND;
    /// Four days: customers who are not satisfied come back within a few.
    pub const DEFAULT_FINALIZE_AFTER: Milliseconds = 96 * HOUR;
    pub const DEFAULT_RETAIN: Milliseconds = 30 * DAY;
    pub const DEFAULT_UNDELETE_GRACE: Milliseconds = 30 * DAY;
    pub const DEFAULT_WINDOWS: [&'static str; 4] = ["1h", "24h", "7d", "30d"];
    pub const DEFAULT_CSAT_GOOD: f64 = 0.75;
    pub const DEFAULT_CSAT_BAD: f64 = 0.5;
    pub const DEFAULT_LIMITS: Limits = Limits {
        teams: 1000,
        priorities: 20,
        channels: 50,
    };

    /// The policy of a number, in force or former.
    pub fn policy(&self, number: u16) -> Option<&Policy> {
        let number = usize::from(number);
        self.policies.get(number).or_else(|| {
            let former = self.former_policies.get(number - self.policies.len())?;
            Some(&former.policy)
        })
    }

    /// A policy that is not in force any more; `None` where it is.
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

    /// Adds every SLA target to every list of bounds, so that the goals met are exactly the
    /// observations in a bucket (contract, sections 5 and 7).
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

impl Default for Rules {
    fn default() -> Self {
        Self {
            lateness: Self::DEFAULT_LATENESS,
            finalize_after: Self::DEFAULT_FINALIZE_AFTER,
            retain: Self::DEFAULT_RETAIN,
            undelete_grace: Self::DEFAULT_UNDELETE_GRACE,
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
            allow_unanswered: false,
            derive_handle: false,
            csat_good: Self::DEFAULT_CSAT_GOOD,
            csat_bad: Self::DEFAULT_CSAT_BAD,
            buckets: Kpi::ALL.map(|kpi| kpi.default_buckets().to_vec()),
            policies: Vec::new(),
            former_policies: Vec::new(),
            limits: Self::DEFAULT_LIMITS,
            exemplars: false,
            reading: Vec::new(),
            topic_mappings: BTreeMap::new(),
        }
    }
}
