//! `infer-mapping`: proposes a mapping for the records of an unknown system.

use std::process::ExitCode;

use super::arguments::InferMappingArguments;
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::app::inference;
use crate::app::samples::{self, SampleRecord};

pub fn run(arguments: &InferMappingArguments) -> CommandResult {
    let mut all = Vec::new();
    for path in &arguments.files {
        all.extend(samples::read(path, arguments.envelope).map_err(CommandFailure::other)?);
    }
    let records: Vec<_> = all.iter().map(SampleRecord::record).collect();
    let Some(proposal) = inference::propose(&records) else {
        terminal::notify(&format!(
            "no member of the {} records is clearly the id of a ticket; add records, several of each of several \
             tickets, or write the mapping by hand, see docs/reference/mapping.md",
            all.len()
        ));
        return Ok(ExitCode::FAILURE);
    };
    terminal::print(&proposal.yaml)?;
    terminal::notify(&proposal.trial.summary());
    Ok(ExitCode::SUCCESS)
}
