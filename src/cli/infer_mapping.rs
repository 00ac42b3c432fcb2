//! `infer-mapping`: proposes a mapping for the records of an unknown system.

use std::process::ExitCode;

use super::arguments::InferMapping;
use super::failure::Failure;
use super::terminal;
use crate::app::inference;
use crate::app::samples::{self, Sample};

pub fn run(arguments: &InferMapping) -> Result<ExitCode, Failure> {
    let mut all = Vec::new();
    for path in &arguments.files {
        all.extend(samples::read(path, arguments.envelope).map_err(Failure::other)?);
    }
    let records: Vec<_> = all.iter().map(Sample::record).collect();
    let Some(proposal) = inference::propose(&records) else {
        terminal::complain(&format!(
            "no member of the {} records is clearly the id of a ticket; add records, several of each of several \
             tickets, or write the mapping by hand, see docs/reference/mapping.md",
            all.len()
        ));
        return Ok(ExitCode::FAILURE);
    };
    terminal::print(&proposal.yaml)?;
    terminal::complain(&proposal.trial.summary());
    Ok(ExitCode::SUCCESS)
}
