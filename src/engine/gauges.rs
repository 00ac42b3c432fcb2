//! Gauges. They are counted from the tickets at each snapshot and never incremented, so they cannot
//! drift from the state (contract, section 4.7).

use super::compiled_rules::CompiledRules;
use super::goals::{self, GoalProgress};
use super::recorder::Recorder;
use super::table::TicketTable;
use super::ticket::{Flags, Ticket};
use crate::domain::event::Status;
use crate::domain::policy::Target;
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, Timestamp};

/// The label `within` of `ticket_sla_at_risk`.
pub const AT_RISK: [(Milliseconds, &str); 3] =
    [(15 * MINUTE, "15m"), (HOUR, "1h"), (4 * HOUR, "4h")];
/// The label `age` of `ticket_backlog_older_than`.
pub const AGES: [(Milliseconds, &str); 5] = [
    (4 * HOUR, "4h"),
    (DAY, "1d"),
    (3 * DAY, "3d"),
    (7 * DAY, "7d"),
    (30 * DAY, "30d"),
];

const TARGETS: usize = Target::ALL.len();

/// The gauges of a cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct CohortGauges {
    /// In the order of [`Status::UNSOLVED`].
    pub backlog: [u32; 4],
    pub awaiting_first_response: u32,
    pub unassigned: u32,
    /// The goals of the first group of policies.
    first_group: GoalGauges,
    /// Those of the other groups.
    further_groups: Vec<GoalGauges>,
}

/// The goals of a cohort under the policies of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalGauges {
    /// By [`Target`].
    pub running: [u32; TARGETS],
    pub paused: [u32; TARGETS],
    pub overdue: [u32; TARGETS],
    /// By [`Target`], then [`AT_RISK`].
    pub at_risk: [[u32; AT_RISK.len()]; TARGETS],
    /// `NEVER`: none.
    pub next_deadline: [Timestamp; TARGETS],
}

impl CohortGauges {
    pub const NONE: Self = Self {
        backlog: [0; 4],
        awaiting_first_response: 0,
        unassigned: 0,
        first_group: GoalGauges::NONE,
        further_groups: Vec::new(),
    };

    /// The goals under the policies of a group, by its number.
    pub fn group(&self, group: usize) -> &GoalGauges {
        static NONE: GoalGauges = GoalGauges::NONE;
        match group {
            0 => &self.first_group,
            further => self.further_groups.get(further - 1).unwrap_or(&NONE),
        }
    }

    fn group_mut(&mut self, group: usize) -> &mut GoalGauges {
        if group == 0 {
            return &mut self.first_group;
        }
        if self.further_groups.len() < group {
            self.further_groups.resize(group, GoalGauges::NONE);
        }
        &mut self.further_groups[group - 1]
    }

    /// Adds the gauges of the same cohort in another shard. `groups`: the number here of each group there.
    pub fn add(&mut self, other: &Self, groups: &[usize]) {
        for (count, further) in self.backlog.iter_mut().zip(other.backlog) {
            *count += further;
        }
        self.awaiting_first_response += other.awaiting_first_response;
        self.unassigned += other.unassigned;
        let goals = std::iter::once(&other.first_group).chain(&other.further_groups);
        for (goals, group) in goals.zip(groups) {
            self.group_mut(*group).add(goals);
        }
    }

    /// The goals of all groups together.
    pub fn all_groups(&self) -> GoalGauges {
        let mut all = self.first_group.clone();
        for group in &self.further_groups {
            all.add(group);
        }
        all
    }
}

impl GoalGauges {
    pub const NONE: Self = Self {
        running: [0; TARGETS],
        paused: [0; TARGETS],
        overdue: [0; TARGETS],
        at_risk: [[0; AT_RISK.len()]; TARGETS],
        next_deadline: [Timestamp::NEVER; TARGETS],
    };

    pub fn add(&mut self, other: &Self) {
        for target in 0..TARGETS {
            self.running[target] += other.running[target];
            self.paused[target] += other.paused[target];
            self.overdue[target] += other.overdue[target];
            for (count, further) in self.at_risk[target].iter_mut().zip(other.at_risk[target]) {
                *count += further;
            }
            let next = &mut self.next_deadline[target];
            *next = other.next_deadline[target].min(*next);
        }
    }
}

/// The gauges of a team.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamGauges {
    pub older_than: [u32; AGES.len()],
    /// `NEVER`: none.
    pub oldest: Timestamp,
    /// Tickets with at least one running goal whose deadline is that near, by [`AT_RISK`].
    pub tickets_at_risk: [u32; AT_RISK.len()],
    /// Tickets with an overdue goal.
    pub tickets_overdue: u32,
}

impl Default for TeamGauges {
    fn default() -> Self {
        Self {
            older_than: [0; AGES.len()],
            oldest: Timestamp::NEVER,
            tickets_at_risk: [0; AT_RISK.len()],
            tickets_overdue: 0,
        }
    }
}

impl TeamGauges {
    /// Adds the gauges of the same team in another shard.
    pub fn add(&mut self, other: &Self) {
        for (counts, further) in [
            (&mut self.older_than[..], &other.older_than[..]),
            (&mut self.tickets_at_risk, &other.tickets_at_risk),
        ] {
            for (count, further) in counts.iter_mut().zip(further) {
                *count += further;
            }
        }
        self.oldest = self.oldest.min(other.oldest);
        self.tickets_overdue += other.tickets_overdue;
    }
}

/// The number of tickets in memory by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketStates {
    pub open: usize,
    pub solved: usize,
    pub finalized: usize,
    pub withdrawn: usize,
}

impl TicketStates {
    pub fn add(&mut self, other: Self) {
        self.open += other.open;
        self.solved += other.solved;
        self.finalized += other.finalized;
        self.withdrawn += other.withdrawn;
    }
}

/// All gauges at one point in time.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// In the order of the cohorts.
    pub cohorts: Vec<CohortGauges>,
    /// By team label.
    pub teams: Vec<TeamGauges>,
    pub states: TicketStates,
}

/// Counts all tickets. `clocks`: the stream clock of each partition.
pub fn scan(
    recorder: &mut Recorder,
    tickets: &TicketTable,
    clocks: &[Option<Timestamp>],
) -> Gauges {
    let mut gauges = Gauges::default();
    gauges
        .cohorts
        .resize(recorder.series.cohorts().len(), CohortGauges::NONE);
    gauges.teams.resize_with(
        recorder.compiled.labels.teams.names().len(),
        TeamGauges::default,
    );
    for ticket in tickets.iter() {
        if ticket.is_withdrawn() {
            gauges.states.withdrawn += 1;
        } else if ticket.has(Flags::FINALIZED) {
            gauges.states.finalized += 1;
        } else if ticket.status() == Status::Solved {
            gauges.states.solved += 1;
        } else {
            gauges.states.open += 1;
            let position = recorder.cohort_position(ticket.cohort());
            if gauges.cohorts.len() <= position {
                gauges.cohorts.resize(position + 1, CohortGauges::NONE);
            }
            // A partition that holds a ticket has a clock.
            let clock = clocks[usize::from(ticket.partition)].unwrap_or_default();
            let rules = &recorder.compiled;
            count_cohort(&mut gauges.cohorts[position], rules, ticket, clock);
            let team = usize::from(rules.labels.teams.label(ticket.team_number));
            count_team(&mut gauges.teams[team], rules, ticket, clock);
        }
    }
    gauges
}

fn count_cohort(
    gauges: &mut CohortGauges,
    rules: &CompiledRules,
    ticket: &Ticket,
    clock: Timestamp,
) {
    let status = ticket.status();
    gauges.backlog[status as usize] += 1;
    gauges.awaiting_first_response += u32::from(!ticket.has(Flags::RESPONDED));
    gauges.unassigned += u32::from(!ticket.has(Flags::ASSIGNED));
    for goal in ticket.goals() {
        let gauges = gauges.group_mut(usize::from(goal.key.group));
        let target = ticket.target(goal.key.kind) as usize;
        match goals::progress(rules, ticket, goal) {
            None => {}
            Some(GoalProgress::Overdue) => gauges.overdue[target] += 1,
            Some(GoalProgress::Paused) => gauges.paused[target] += 1,
            Some(GoalProgress::Running(deadline)) => {
                gauges.running[target] += 1;
                count_within(&mut gauges.at_risk[target], deadline, clock);
                let next = &mut gauges.next_deadline[target];
                *next = deadline.min(*next);
            }
        }
    }
}

fn count_within(counts: &mut [u32; AT_RISK.len()], deadline: Timestamp, clock: Timestamp) {
    for (count, (within, _)) in counts.iter_mut().zip(AT_RISK) {
        *count += u32::from(deadline <= clock.plus(within));
    }
}

fn count_team(gauges: &mut TeamGauges, rules: &CompiledRules, ticket: &Ticket, clock: Timestamp) {
    let mut next = Timestamp::NEVER;
    let mut overdue = false;
    for goal in ticket.goals() {
        match goals::progress(rules, ticket, goal) {
            Some(GoalProgress::Overdue) => overdue = true,
            Some(GoalProgress::Running(deadline)) => next = next.min(deadline),
            Some(GoalProgress::Paused) | None => {}
        }
    }
    gauges.tickets_overdue += u32::from(overdue);
    count_within(&mut gauges.tickets_at_risk, next, clock);
    if !ticket.has_start() {
        return; // its age is unknown
    }
    for (position, (age, _)) in AGES.iter().enumerate() {
        gauges.older_than[position] += u32::from(clock.since(ticket.created) > *age);
    }
    gauges.oldest = gauges.oldest.min(ticket.created);
}
