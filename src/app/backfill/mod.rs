//! `backfill`: writes the KPI series of a history at many instants, for Prometheus' blocks.
//!
//! At each instant the series equal those of a replay up to it. One engine passes through the history. Its
//! series are collected for the length of a block and then written by family, as the format requires.

mod blocks;
mod feed;
mod objectives;
mod plan;
mod run;

pub use blocks::{BLOCK, BackfillOutput, BackfillOutputError};
pub use objectives::Objectives;
pub use plan::{BackfillPlan, DEFAULT_STEP};
pub use run::{BackfillError, BackfillProgress, Summary, backfill};
