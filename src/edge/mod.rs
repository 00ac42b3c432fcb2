//! What blocks or awaits: sockets, files, clocks.

pub mod kafka;
