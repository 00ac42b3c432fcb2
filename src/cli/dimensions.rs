//! `--by`: what a table tells apart.

use super::failure::{CommandFailure, CommandResult};
use crate::engine::{Rules, TableDimensions};

pub fn dimensions(rules: &Rules, names: &[String]) -> CommandResult<TableDimensions> {
    TableDimensions::of_names(rules, names).map_err(|unknown| {
        let attributes = rules.attributes.iter().map(|one| one.name.as_str());
        let known: Vec<&str> = ["team", "priority"].into_iter().chain(attributes).collect();
        CommandFailure::usage(format!(
            "--by: {unknown:?} is no attribute of the configuration; choose among {}",
            known.join(", ")
        ))
    })
}
