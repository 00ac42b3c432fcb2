//! What the words mean. Pure values without memory: the vocabulary of every other floor.
//!
//! `docs/explanation/kpi-contract.md` defines the numbers; code and tests cite it as *the contract*.

pub mod calendar;
pub mod catalogue;
pub mod duration;
pub mod event;
pub mod mapping;
pub mod policy;
pub mod timestamp;
