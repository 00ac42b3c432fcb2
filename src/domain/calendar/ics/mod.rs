//! Holidays from iCalendar files.

mod error;
mod events;
mod holidays;
mod lines;
mod times;

pub use error::IcsError;
pub use holidays::{Holidays, read};
