//! Runs promtool, which turns OpenMetrics text into blocks of Prometheus.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

const CREATE_BLOCKS: [&str; 4] = ["tsdb", "create-blocks-from", "openmetrics", "--quiet"];

/// Adds the samples of an OpenMetrics file to a storage of Prometheus. `longest`: the longest block,
/// as a duration of Prometheus.
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty());
    Err(io::Error::other(format!(
        "promtool failed ({}): {}",
        output.status,
        last.unwrap_or("it printed no error")
    )))
}

/// Whether a storage of Prometheus has a block or a write-ahead log.
pub fn has_data(storage: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(storage)? {
        let path = entry?.path();
        if path.join("meta.json").exists() || path.ends_with("wal") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_an_error_with_its_path() {
        let nowhere = OsStr::new("/nowhere/promtool");
        let error = create_blocks(nowhere, Path::new("a"), Path::new("b"), "6h").unwrap_err();
        assert!(
            error.to_string().starts_with("/nowhere/promtool: "),
            "{error}"
        );
    }

    #[test]
    fn a_failing_tool_is_an_error() {
        let error = create_blocks(OsStr::new("false"), Path::new("a"), Path::new("b"), "6h");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("it printed no error"), "{error}");
    }

    #[test]
    fn a_storage_has_data_once_it_has_a_block_or_a_log() {
        for (entry, expected) in [
            ("lost+found", false),
            ("01ABC/meta.json", true),
            ("wal/0", true),
        ] {
            let storage = tempfile::tempdir().unwrap();
            assert!(!has_data(storage.path()).unwrap());
            let path = storage.path().join(entry);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
            assert_eq!(has_data(storage.path()).unwrap(), expected, "{entry}");
        }
        assert!(has_data(Path::new("/nowhere")).is_err());
    }
}
