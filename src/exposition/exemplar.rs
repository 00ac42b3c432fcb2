//! Limits of exemplars.

use crate::engine::Exemplar;

/// The most characters of an exemplar's label names and values (OpenMetrics 1.0, "Exemplars").
/// Prometheus drops longer exemplars, and some versions drop the whole scrape.
const EXEMPLAR_CHARACTERS: usize = 128;

pub(super) const EXEMPLAR_LABEL: &str = "ticket_id";

/// Whether an exemplar is short enough to be exposed.
pub(super) fn fits(exemplar: &Exemplar) -> bool {
    EXEMPLAR_LABEL.len() + exemplar.ticket_id.chars().count() <= EXEMPLAR_CHARACTERS
}
