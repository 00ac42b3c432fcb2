//! `check-config --connect`: checks that everything in a configuration exists and is usable.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::CheckConfigArguments;
use super::failure::CommandResult;
use super::terminal;
use crate::app::connect::{self, CheckFinding, CheckVerdict};
use crate::config::Config;

pub fn run(config: &Config, arguments: &CheckConfigArguments) -> CommandResult {
    let timeout = Duration::from_millis(arguments.connect_timeout.unsigned_abs());
    let mut printed: io::Result<()> = Ok(());
    let mut counts = [0_usize; 3];
    let worst = connect::check(config, timeout, &mut |finding: &CheckFinding| {
        counts[finding.verdict as usize] += 1;
        if printed.is_ok() {
            // At once: the next check may take a while.
            printed = terminal::print(&format!("{finding}\n"));
        }
    });
    printed?;
    let [fine, warnings, errors] = counts;
    terminal::notify(&format!("{fine} ok, {warnings} warnings, {errors} errors"));
    Ok(if worst == CheckVerdict::Error {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
