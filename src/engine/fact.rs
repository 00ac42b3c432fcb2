//! Facts: what the ticket lifecycle establishes, and the interface of those who listen.
//!
//! The lifecycle decides and reports facts. The [`Recorder`](super::recorder::Recorder) turns them
//! into series and windows. An [`Observer`] may receive the same facts, for example to explain one
//! ticket. An observer only listens: the state of the engine is the same with and without it.

use super::cohort::CohortKey;
use super::compiled_rules::CompiledRules;
use super::elapsed::Elapsed;
use super::open_goals::{GoalKey, OpenGoal};
use super::outcome::Outcome;
use super::rules::Kpi;
use super::series::{Ending, Rating};
use super::statement::StateMember;
use super::table::{LONGEST_MERGE_CHAIN, TicketTable};
use super::ticket::{Ticket, Withdrawal};
use crate::domain::event::{Event, Status};
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Something that became true about a ticket. Its cohort is that of the ticket at that time.
#[derive(Clone, Copy, Debug)]
pub enum Fact {
    /// The creation time became known, or was corrected. `before`: the earlier value, or
    /// [`Timestamp::NEVER`]. `event_at`: the time of the event that carried it.
    StartLearned {
        before: Timestamp,
        event_at: Timestamp,
    },
    Created,
    /// The event states a member as of a time before `known`, the time of its last statement.
    StaleState {
        member: StateMember,
        stated: Timestamp,
        known: Timestamp,
    },
    /// The same for one of the user's own attributes, by its position.
    StaleAttribute {
        position: usize,
        stated: Timestamp,
        known: Timestamp,
    },
    /// The author of a message is the ticket's requester.
    WrittenByRequester,
    /// An agent's message so soon after the creation that it is no reply.
    OpeningMessage,
    HumanReply,
    Escalated,
    /// The ticket leaves its team for another one, or for none.
    Transferred,
    /// The ticket was in a status for this long.
    StatusTime {
        status: Status,
        length: Milliseconds,
    },
    Solved,
    Reopened,
    CsatOffered,
    Rated(Rating),
    RatingChanged,
    Observed(ObservedDuration),
    /// The ticket's goals were evaluated again. This one may have begun, moved, paused, resumed or
    /// been cancelled; a breach follows as a fact of its own.
    GoalEvaluated {
        key: GoalKey,
        before: GoalBefore,
    },
    GoalMet(GoalKey),
    GoalBreached(GoalKey),
    /// The goal had breached before; now it is no longer overdue.
    OverdueGoalEnded(GoalKey),
    /// The goal ended without being counted.
    GoalCancelled(GoalKey),
    /// `None`: the creation time is unknown, so the end is not counted.
    Finalized(Option<Ending>),
    Withdrawn(Withdrawal),
    Restored,
    Forgotten,
}

/// A measured duration.
#[derive(Clone, Copy, Debug)]
pub struct ObservedDuration {
    pub kpi: Kpi,
    /// The cohort that the observation belongs to.
    pub cohort: CohortKey,
    pub start: Timestamp,
    pub end: Timestamp,
    pub measure: Measure,
    pub elapsed: Elapsed,
}

/// How a duration was measured.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// Time on both clocks, without the time in these statuses.
    Elapsed { excluded: StatusSet },
    /// The sum of worklogs, as calendar time.
    Reported,
    /// Time in `open` with an assignee, as business time.
    Derived,
}

/// A goal before its evaluation.
#[derive(Clone, Copy, Debug)]
pub struct GoalBefore {
    /// `None`: it begins.
    pub goal: Option<OpenGoal>,
    /// The policy of its group.
    pub policy: u16,
}

/// Receives the facts of all tickets, in the order in which the engine establishes them.
pub trait Observer {
    /// The engine is about to apply an event.
    fn event_begins(&mut self, _tickets: KnownTickets<'_>, _event: &Event<'_>) {}

    /// The engine has applied the event, and reported its facts.
    fn event_ends(&mut self, _tickets: KnownTickets<'_>, _event: &Event<'_>, _outcome: Outcome) {}

    /// `at`: the time as of which the fact holds.
    fn fact(&mut self, rules: &CompiledRules, ticket: &Ticket, at: Timestamp, fact: Fact);
}

/// The observer that ignores everything. It compiles to nothing.
#[derive(Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    #[inline(always)]
    fn fact(&mut self, _: &CompiledRules, _: &Ticket, _: Timestamp, _: Fact) {}
}

/// The tickets of one partition, for an observer to look up.
#[derive(Clone, Copy, Debug)]
pub struct KnownTickets<'a> {
    pub rules: &'a CompiledRules,
    pub tickets: &'a TicketTable,
    pub partition: u16,
}

impl<'a> KnownTickets<'a> {
    pub fn find(self, id: &str) -> Option<&'a Ticket> {
        self.tickets.get_in(self.partition, id)
    }

    /// The ticket that the events of a ticket apply to: the ticket itself, or the one that survived
    /// its merges.
    pub fn survivor(self, id: &str) -> Option<&'a Ticket> {
        let mut ticket = self.find(id)?;
        for _ in 0..LONGEST_MERGE_CHAIN {
            if ticket.withdrawal != Some(Withdrawal::Merged) {
                return Some(ticket);
            }
            ticket = self.find(ticket.merged_into()?)?;
        }
        None
    }
}
