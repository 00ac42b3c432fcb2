//! An invented support desk, for demonstrations, load tests and trials without a helpdesk.
//!
//! A [`Desk`] tells the stories of tickets as canonical events (contract, section 1): a pure
//! function of a seed, a [`Profile`] and a span of time. It waits for nobody, reads no clock and
//! writes nowhere; [`Pace`] says when a told event is due on the wall clock. What the events mean
//! is for the engine to say: nothing here computes a KPI.

mod acts;
mod arrivals;
#[cfg(test)]
mod checker;
mod configuration;
mod defaults;
mod desk;
mod distributions;
mod office;
mod pace;
mod people;
mod profile;
mod story;
mod text;
mod ticket;
mod turns;

pub use desk::{Desk, Events, SimulatedEvent};
pub use pace::{Pace, PaceError, Start};
pub use profile::{Behaviour, Channel, Delays, Delivery, Incidents, Priority, Profile, Team, Week};
