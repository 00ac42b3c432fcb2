//! Observations, and the series of a team that they belong to.

use crate::domain::named::named_enum;
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::engine::rules::Kpi;
use crate::engine::series::Basis;

named_enum! {
    /// The label `event` of `ticket_window_events`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum WindowEvent {
        Created = "created",
        Replied = "replied",
        Solved = "solved",
        Reopened = "reopened",
        Finalized = "finalized",
        FirstContact = "first_contact",
        SlaGoal = "sla_goal",
        SlaBreach = "sla_breach",
        CsatGood = "csat_good",
        CsatBad = "csat_bad",
    }
}

/// The durations up to the one of handle time. Their series come before those of events, and those of
/// the KPIs that came later follow the events: stores hold the numbers.
const FIRST_DURATIONS: u8 = 12;
/// The number of series of a team.
pub const SERIES: usize = Kpi::ALL.len() * Basis::ALL.len() + WindowEvent::ALL.len();
const _: () = assert!(SERIES <= 1 << u8::BITS, "a series is numbered in a byte");

#[allow(clippy::cast_possible_truncation, reason = "10 events")]
pub(super) fn duration_series(kpi: Kpi, basis: Basis) -> u8 {
    let number = kpi as u8 * 2 + basis as u8;
    if number < FIRST_DURATIONS {
        number
    } else {
        number + WindowEvent::ALL.len() as u8
    }
}

pub(super) const fn event_series(event: WindowEvent) -> u8 {
    FIRST_DURATIONS + event as u8
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowObservation {
    pub at: Timestamp,
    /// 0 for an event without duration.
    pub value: Milliseconds,
    pub team: u16,
    /// Less than [`SERIES`].
    pub series: u8,
}
