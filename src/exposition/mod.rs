//! Bytes out: series in the formats Prometheus reads.
//!
//! Pure writers that listen to a walk over [`Series`]; who asks and how the bytes travel is not
//! known here. None of the formats carries sample timestamps: the scraper's clock is the one
//! that counts (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Only a history
//! does, which nobody scrapes.

mod documentation;
mod event;
#[cfg(test)]
mod fixture;
mod history;
mod lines;
mod messages;
mod negotiation;
mod number;
mod openmetrics;
mod protobuf;
#[cfg(test)]
mod speed;
mod text;

pub use documentation::{catalogue_table, catalogue_text};
pub use event::event_line;
pub use history::{Standing, Written, write_history};
pub use negotiation::{Format, negotiate};

use crate::engine::{Exemplar, Series};

/// OpenMetrics 1.0, "Exemplars": the names and values of an exemplar's labels together.
/// Prometheus drops longer ones, and with some versions the whole scrape.
const EXEMPLAR_CHARACTERS: usize = 128;

/// The label of an exemplar.
const EXEMPLAR_LABEL: &str = "ticket_id";

/// Writes all `sources`, one after the other, as one exposition. Families may not occur in more
/// than one of them. `capacity` is a guess at the size in bytes: the last one is a good one.
pub fn render(format: Format, sources: &[&dyn Series], capacity: usize) -> Vec<u8> {
    let mut exposition = render_part(format, sources, capacity);
    exposition.extend_from_slice(end(format).as_bytes());
    exposition
}

/// Writes a part of an exposition, like [`render`]. Parts with different families that stand one
/// after the other, with [`end`] behind the last one, are one exposition.
pub fn render_part(format: Format, sources: &[&dyn Series], capacity: usize) -> Vec<u8> {
    let buffer = Vec::with_capacity(capacity);
    match format {
        Format::Text => {
            let mut writer = text::TextWriter::new(buffer);
            for source in sources {
                source.visit(&mut writer);
            }
            writer.finish()
        }
        Format::OpenMetrics => {
            let mut writer = openmetrics::OpenMetricsWriter::new(buffer);
            for source in sources {
                source.visit(&mut writer);
            }
            writer.finish()
        }
        Format::Protobuf => {
            let mut writer = protobuf::ProtobufWriter::new(buffer);
            for source in sources {
                source.visit(&mut writer);
            }
            writer.finish()
        }
    }
}

/// What an exposition ends with.
pub const fn end(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Protobuf => "",
        Format::OpenMetrics => openmetrics::END,
    }
}

/// Whether an exemplar is short enough to be exposed.
fn fits(exemplar: &Exemplar) -> bool {
    EXEMPLAR_LABEL.len() + exemplar.ticket_id.chars().count() <= EXEMPLAR_CHARACTERS
}
