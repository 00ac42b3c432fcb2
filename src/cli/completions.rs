//! `completions`: a script with which a shell completes our commands and flags.

use std::process::ExitCode;

use clap::CommandFactory;

use super::arguments::{self, Arguments};
use super::failure::Failure;
use super::terminal;

pub fn run(completions: &arguments::Completions) -> Result<ExitCode, Failure> {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    // Into memory first: clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut command, name, &mut script);
    terminal::print_bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}
