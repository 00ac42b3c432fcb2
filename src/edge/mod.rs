//! What blocks or awaits: files, sockets, brokers, clocks.

pub mod files;
