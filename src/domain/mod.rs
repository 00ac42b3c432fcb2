//! The business terms as values without state. All other layers use them.
//!
//! `docs/explanation/kpi-contract.md` defines the numbers; code and tests cite it as *the contract*.

pub mod calendar;
pub mod catalog;
pub mod duration;
pub mod event;
pub mod mapping;
pub(crate) mod named;
pub mod policy;
mod policy_yaml;
pub mod timestamp;
pub mod webhook;
pub mod yaml;
