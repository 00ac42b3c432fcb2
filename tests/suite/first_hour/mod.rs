//! The first hour with a real Kafka: what is wrong is said before the start, a wrong mapping is named
//! and put right, and everything can be counted again.

mod connect;
mod recount;
mod useless;
