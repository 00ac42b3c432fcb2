//! The name, version, commit and compiler of this build.

use std::process::ExitCode;

use super::failure::CommandResult;
use super::terminal;
use crate::edge::self_metrics::BuildInfo;

pub const PROGRAM: &str = "ticket-exporter";

/// `build.rs` sets the commit and the compiler.
pub const BUILD: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    revision: env!("BUILD_REVISION"),
    rustc: env!("BUILD_RUSTC"),
};

pub fn print() -> CommandResult {
    let BuildInfo {
        version,
        revision,
        rustc,
    } = BUILD;
    terminal::print(&format!(
        "{PROGRAM} {version} (revision {revision}, rustc {rustc})\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}
