//! What the words mean. Pure values without memory: the vocabulary of every other floor.
//!
#![doc = include_str!("README.md")]

pub mod calendar;
pub mod catalogue;
pub mod duration;
pub mod event;
pub mod mapping;
pub mod policy;
pub mod timestamp;
