//! `infer-mapping`: a mapping for records that nobody has described.

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
            "no member of the {} records is the id of a ticket beyond doubt; add records, several of each of \
             several tickets, or write mapping.common.ticket_id and the rest yourself",
            all.len()
        ));
        return Ok(ExitCode::FAILURE);
    };
    terminal::print(&proposal.yaml)?;
    terminal::complain(&proposal.trial.summary());
    Ok(ExitCode::SUCCESS)
}
