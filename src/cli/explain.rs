//! `explain`: explains the numbers of one ticket.

use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::{CommandLineSettings, ExplainArguments, ExplainFormat};
use super::failure::{CommandFailure, CommandResult};
use super::{history, terminal};
use crate::app::explain::{Explanation, TicketSearch, from_engine, from_files, words};
use crate::app::recovery;
use crate::config::Config;

pub fn run(settings: &CommandLineSettings, arguments: &ExplainArguments) -> CommandResult {
    let config = settings.load()?;
    let explanation = if arguments.files.is_empty() {
        look_in_store(&config, &arguments.ticket)?
    } else {
        look_in_files(config, arguments)?
    };
    match arguments.format {
        ExplainFormat::Text => terminal::print(&words(&explanation, terminal::has_colors()))?,
        ExplainFormat::Json => {
            let document =
                serde_json::to_string_pretty(&explanation).map_err(CommandFailure::other)?;
            terminal::print(&format!("{document}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn look_in_store(config: &Config, ticket: &str) -> CommandResult<Explanation> {
    let restored = recovery::read(config).map_err(CommandFailure::other)?;
    from_engine(&restored.engine, ticket).ok_or_else(|| {
        CommandFailure::other(format!(
            "ticket {ticket:?} is not among the {} tickets of checkpoint {} in {}: the exporter never \
             saw it, or has forgotten it (tickets.retain)",
            restored.engine.tickets(),
            restored.store.sequence,
            config.checkpoint.directory.display(),
        ))
    })
}

fn look_in_files(config: Config, arguments: &ExplainArguments) -> CommandResult<Explanation> {
    let files = history::files(&config, &arguments.files)?;
    let mut progress = |events: u64| terminal::progress(&format!("{events} events"));
    let looked = from_files(
        Arc::new(config.rules),
        &files,
        &arguments.ticket,
        arguments.until,
        &mut progress,
    );
    terminal::progress_done();
    let mut looked = looked.map_err(CommandFailure::other)?;
    if looked.tally.is_useless() {
        return Err(history::useless(&looked.tally));
    }
    let rejected = looked.tally.rejections();
    if rejected > 0 {
        terminal::notify(&format!(
            "{rejected} of {} lines are not events; the command replay lists them",
            looked.tally.records
        ));
    }
    let explanation = looked.explanation.take();
    explanation.ok_or_else(|| CommandFailure::other(not_found(arguments, &looked)))
}

fn not_found(arguments: &ExplainArguments, looked: &TicketSearch) -> String {
    let files: Vec<String> = arguments
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let later = if looked.later > 0 {
        format!("; --until excludes {} later events", looked.later)
    } else {
        String::new()
    };
    format!(
        "no event has the ticket id {:?} in {} ({} lines, {} tickets at the end{later})",
        arguments.ticket,
        files.join(", "),
        looked.tally.records,
        looked.tickets,
    )
}
