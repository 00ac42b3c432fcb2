//! Bytes in: from a record value to the canonical ticket event, or to the reason why not.

mod canonical;
mod rejection;

pub use canonical::{MAX_VALUE_BYTES, decode};
pub use rejection::Rejection;
