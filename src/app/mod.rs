//! What starts and stops things.

pub mod replay;
