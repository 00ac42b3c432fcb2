//! The history of a helpdesk: the events of files, or of topics as they are now, one partition after the
//! other in the order of arrival. It can be read several times.

mod error;
mod event_history;
mod part;

pub use error::HistoryError;
pub use event_history::EventHistory;
pub use part::HistoryPartition;
