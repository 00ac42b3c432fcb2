//! `explain`: how the numbers of one ticket came about.

use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::{Explain, ExplainFormat, Settings};
use super::failure::Failure;
use super::{history, terminal};
use crate::app::explain::{Explanation, Looked, from_engine, from_files, words};
use crate::app::recovery;
use crate::config::Config;
use crate::decode::Decoder;

pub fn run(settings: &Settings, arguments: &Explain) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    let explanation = if arguments.files.is_empty() {
        look_in_store(&config, &arguments.ticket)?
    } else {
        look_in_files(config, arguments)?
    };
    match arguments.format {
        ExplainFormat::Text => terminal::print(&words(&explanation, terminal::has_colors()))?,
        ExplainFormat::Json => {
            let document = serde_json::to_string_pretty(&explanation).map_err(Failure::other)?;
            terminal::print(&format!("{document}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn look_in_store(config: &Config, ticket: &str) -> Result<Explanation, Failure> {
    let restored = recovery::read(config).map_err(Failure::other)?;
    from_engine(&restored.engine, ticket).ok_or_else(|| {
        Failure::other(format!(
            "ticket {ticket:?} is not among the {} tickets of checkpoint {} in {}: it was never \
             seen, or is forgotten since",
            restored.engine.tickets(),
            restored.store.sequence,
            config.checkpoint.directory.display(),
        ))
    })
}

fn look_in_files(config: Config, arguments: &Explain) -> Result<Explanation, Failure> {
    let mut progress = |lines: u64| terminal::progress(&format!("{lines} events"));
    let looked = from_files(
        Arc::new(config.rules),
        &Decoder::new(&config.mapping),
        &arguments.ticket,
        &arguments.files,
        arguments.until,
        &mut progress,
    );
    terminal::progress_done();
    let mut looked = looked.map_err(Failure::other)?;
    if looked.tally.is_useless() {
        return Err(history::useless(&looked.tally));
    }
    let rejected = looked.tally.rejections();
    if rejected > 0 {
        terminal::complain(&format!(
            "{rejected} of {} lines are no events; replay says which",
            looked.tally.records
        ));
    }
    let explanation = looked.explanation.take();
    explanation.ok_or_else(|| Failure::other(not_found(arguments, &looked)))
}

fn not_found(arguments: &Explain, looked: &Looked) -> String {
    let files: Vec<String> = arguments
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let later = if looked.later > 0 {
        format!("; {} events are later than --until", looked.later)
    } else {
        String::new()
    };
    format!(
        "no event names ticket {:?} in {} ({} lines, {} tickets remembered at the end{later})",
        arguments.ticket,
        files.join(", "),
        looked.tally.records,
        looked.tickets,
    )
}
