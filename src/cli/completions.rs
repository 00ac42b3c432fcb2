//! `completions`: prints a shell script that completes commands and flags.
//!
//! clap_complete 4.6.11 cannot handle the hyphen in the program's name (bash) and the dots in the names
//! of flags (fish). This module corrects these two scripts. Tests run them in the shells.

use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::arguments::{self, Arguments};
use super::failure::CommandResult;
use super::terminal;
use super::version::PROGRAM;

/// The script for bash writes a hyphen in two different ways, so it gets a name without one.
const PLAIN_NAME: &str = "ticket_exporter";

pub fn run(completions: &arguments::CompletionsArguments) -> CommandResult {
    let command = Arguments::command();
    let script = match completions.shell {
        Shell::Bash => bash(command),
        Shell::Fish => fish(command),
        other => generate(other, command, PROGRAM),
    };
    terminal::print(&script)?;
    Ok(ExitCode::SUCCESS)
}

fn generate(shell: Shell, mut command: Command, name: &str) -> String {
    // clap_complete panics if it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Restores the real name where the script names the program to complete.
fn bash(command: Command) -> String {
    generate(Shell::Bash, command.name(PLAIN_NAME), PLAIN_NAME)
        .replace(&format!(" {PLAIN_NAME}\n"), &format!(" {PROGRAM}\n"))
}

/// fish's `argparse` accepts no dots in the names of flags. This loop skips the flags before the command
/// instead.
fn fish(command: Command) -> String {
    let with_values: Vec<String> = command
        .get_arguments()
        .filter(|flag| flag.get_action().takes_values())
        .filter_map(|flag| Some(format!("--{}", flag.get_long()?)))
        .collect();
    let script = generate(Shell::Fish, command, PROGRAM);
    let (begin, end) = ("    argparse -s ", "    return 0\nend\n");
    let Some((before, rest)) = script.split_once(begin) else {
        return script;
    };
    let Some((_, after)) = rest.split_once(end) else {
        return script;
    };
    let flags = with_values.join(" ");
    format!(
        "{before}    while string match -q -- '-*' $cmd[1]
        # The value of a flag may be the next word.
        contains -- $cmd[1] {flags}
        and set -e cmd[1]
        set -e cmd[1]
    end
    if set -q cmd[1]
        echo $cmd[1]
        return 1
    end
{end}{after}"
    )
}
