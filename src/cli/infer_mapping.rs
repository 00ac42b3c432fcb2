//! `infer-mapping`: a mapping for records that nobody has described.

use std::process::ExitCode;

use super::arguments::InferMapping;
use super::failure::Failure;
use super::terminal;
use crate::app::{inference, samples};

pub fn run(arguments: &InferMapping) -> Result<ExitCode, Failure> {
    let mut all = Vec::new();
    for path in &arguments.files {
        all.extend(samples::read(path, arguments.envelope).map_err(Failure::other)?);
    }
    let Some(proposal) = inference::propose(&all) else {
        terminal::complain(&format!(
            "{} records, and nothing in them looks like the id of a ticket. Are they about tickets? \
             More and different samples help; else write mapping.common.ticket_id and the rest by \
             hand, from docs/reference/mapping.md",
            all.len()
        ));
        return Ok(ExitCode::FAILURE);
    };
    terminal::print(&proposal.yaml)?;
    terminal::complain(&proposal.trial.summary());
    Ok(ExitCode::SUCCESS)
}
