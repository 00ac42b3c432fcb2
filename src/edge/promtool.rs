//! Prometheus' own tool, which makes blocks of text.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is written to read a file of OpenMetrics; the longest block and the file follow.
const CREATE_BLOCKS: [&str; 4] = ["tsdb", "create-blocks-from", "openmetrics", "--quiet"];

/// Makes blocks of a file of OpenMetrics with timestamps in a storage of Prometheus. `longest`: of
/// a block, as Prometheus writes durations.
///
/// # Errors
/// A tool that cannot be started, or its last words where it fails.
pub fn create_blocks(
    promtool: &OsStr,
    file: &Path,
    storage: &Path,
    longest: &str,
) -> io::Result<()> {
    let output = Command::new(promtool)
        .args(CREATE_BLOCKS)
        .arg(format!("--max-block-duration={longest}"))
        .arg(file)
        .arg(storage)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::other(format!("{}: {error}", Path::new(promtool).display())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(io::Error::other(format!(
        "promtool failed ({}): {}",
        output.status,
        last.unwrap_or("it says nothing")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_named() {
        let nowhere = OsStr::new("/nowhere/promtool");
        let error = create_blocks(nowhere, Path::new("a"), Path::new("b"), "6h").unwrap_err();
        assert!(
            error.to_string().starts_with("/nowhere/promtool: "),
            "{error}"
        );
    }

    #[test]
    fn a_tool_that_fails_is_told_of() {
        let error = create_blocks(OsStr::new("false"), Path::new("a"), Path::new("b"), "6h");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("it says nothing"), "{error}");
    }
}
