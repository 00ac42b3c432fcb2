//! `check-config --connect`: is everything there that a configuration names?

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::CheckConfig;
use super::failure::Failure;
use super::terminal;
use crate::app::connect::{self, Finding, Verdict};
use crate::config::Config;

pub fn run(config: &Config, arguments: &CheckConfig) -> Result<ExitCode, Failure> {
    let timeout = Duration::from_millis(arguments.connect_timeout.unsigned_abs());
    let mut printed: io::Result<()> = Ok(());
    let mut counts = [0_usize; 3];
    let worst = connect::check(config, timeout, &mut |finding: &Finding| {
        counts[finding.verdict as usize] += 1;
        if printed.is_ok() {
            // As they come: the next check may take a while.
            printed = terminal::print(&format!("{finding}\n"));
        }
    });
    printed?;
    let [fine, warnings, errors] = counts;
    terminal::complain(&format!("{fine} ok, {warnings} warnings, {errors} errors"));
    Ok(if worst == Verdict::Error {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
