//! The memory of the process.

use std::fs;
use std::io::{Error, ErrorKind, Result};

/// Bytes of this process in memory (Linux: `VmRSS` of proc(5)).
pub fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes
        .map(|number| number * 1024)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "/proc/self/status has no VmRSS"))
}
