//! `completions`: a script with which a shell completes our commands and flags.
//!
//! The scripts are clap_complete's. Two of them are put right here, since our names are not what it
//! expects (as of 4.6.11); the tests ask the shells themselves.

use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::arguments::{self, Arguments};
use super::failure::Failure;
use super::terminal;

const PROGRAM: &str = "ticket-exporter";
/// A name without a hyphen, which the script for bash would write in two ways, and find nothing.
const PLAIN_NAME: &str = "ticket_exporter";

pub fn run(completions: &arguments::Completions) -> Result<ExitCode, Failure> {
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
    // Into memory first: clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Functions and cases have the plain name; the last word of `complete` is the program's.
fn bash(command: Command) -> String {
    generate(Shell::Bash, command.name(PLAIN_NAME), PLAIN_NAME)
        .replace(&format!(" {PLAIN_NAME}\n"), &format!(" {PROGRAM}\n"))
}

/// fish's own reader of flags takes no dots in names, so flags before the command are passed over
/// by hand.
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
        # A value may be the next word.
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
