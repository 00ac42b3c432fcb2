//! The command line: parses arguments, runs a command, prints for the user.

mod arguments;
mod backfill;
mod check;
mod completions;
mod connect;
mod dashboards;
mod demo;
mod dimensions;
mod estimate;
mod explain;
mod failure;
mod gateway;
mod healthcheck;
mod history;
mod import;
mod infer_mapping;
mod init;
mod logging;
mod main_process;
mod manual;
mod recount;
mod reload;
mod replay;
mod rules;
mod serve;
mod settings;
mod simulate;
mod simulation_progress;
mod suggest_targets;
mod terminal;
mod test_mapping;
mod verify;
mod version;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches};

use arguments::{Arguments, Command, MetricsFormat};
use failure::{CommandFailure, CommandResult};

use crate::exposition;

/// Runs the program with the arguments of the process, and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // If standard error is closed, the message is lost; the exit code remains.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(CommandFailure::USAGE),
            };
        }
    };
    match run(arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Parses the arguments of the process. In continuous integration, clap would color even a dumb terminal.
fn parse() -> Result<Arguments, clap::Error> {
    let color = if terminal::wants_colors() {
        ColorChoice::Auto
    } else {
        ColorChoice::Never
    };
    let mut command = Arguments::command().color(color);
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

fn run(arguments: Arguments) -> CommandResult {
    if arguments.version {
        return version::print();
    }
    let settings = arguments.settings;
    logging::start(&settings);
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&settings),
        Command::Gateway => gateway::run(&settings),
        Command::Demo(demo) => demo::run(&settings, &demo),
        Command::Reload(reload) => reload::run(&reload),
        Command::Import(import) => import::run(&settings, &import),
        Command::Replay(replay) => replay::run(&settings, &replay),
        Command::Explain(explain) => explain::run(&settings, &explain),
        Command::Backfill(backfill) => backfill::run(&settings, &backfill),
        Command::Verify(verify) => verify::run(&settings, &verify),
        Command::Recount(recount) => recount::run(&settings, &recount),
        Command::SuggestTargets(suggest) => suggest_targets::run(&settings, &suggest),
        Command::Simulate(simulate) => simulate::run(&settings, &simulate),
        Command::CheckConfig(check) => check::run(&settings, &check),
        Command::Healthcheck(arguments) => healthcheck::run(&settings, &arguments),
        Command::TestMapping(test) => test_mapping::run(&settings, &test),
        Command::InferMapping(infer) => infer_mapping::run(&infer),
        Command::Init(init) => init::run(&settings, &init),
        Command::Rules(arguments) => rules::run(&settings, &arguments),
        Command::Dashboards(arguments) => dashboards::run(&arguments),
        Command::Metrics(metrics) => {
            terminal::print(&match metrics.format {
                MetricsFormat::Table => exposition::catalog_text(),
                MetricsFormat::Markdown => exposition::catalog_table(),
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions(completions) => completions::run(&completions),
        Command::Man(pages) => manual::run(&pages),
        Command::Version => version::print(),
    }
}
