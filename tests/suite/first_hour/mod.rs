//! The first hour with a real Kafka: problems are reported before the start, a wrong mapping is named and
//! corrected, and everything can be counted again.

mod connect;
mod recount;
mod useless;
