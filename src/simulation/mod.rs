//! A simulated helpdesk for demonstrations, load tests and trials.
//!
//! A [`SimulatedHelpdesk`] generates the events of tickets as canonical events (contract, section 1). It is
//! a pure function of a seed, a [`Profile`] and a span of time. [`SimulationPace`] tells when an event is due on the
//! wall clock. Nothing here computes a KPI.

mod acts;
mod arrivals;
mod attributes;
mod configuration;
mod defaults;
mod distributions;
mod helpdesk;
mod office;
mod pace;
mod people;
mod profile;
mod story;
#[cfg(test)]
mod tests;
mod text;
mod ticket;
mod turns;

pub use helpdesk::{SimulatedEvent, SimulatedEvents, SimulatedHelpdesk};
pub use pace::{PaceError, PaceStart, SimulationPace};
pub use profile::{
    ArrivalWeek, Behavior, Delays, Delivery, Incidents, Profile, SimulatedAttribute,
    SimulatedChannel, SimulatedPriority, SimulatedTeam,
};
