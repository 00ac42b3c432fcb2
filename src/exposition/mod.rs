//! Writes series in the formats that Prometheus reads.
//!
//! The writers are visitors of [`Series`]. They write no sample timestamps, because the scraper's clock
//! decides (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Only a history has
//! timestamps.

mod documentation;
mod event;
mod exemplar;
#[cfg(test)]
mod fixture;
mod history;
mod lines;
mod messages;
mod negotiation;
mod number;
mod protobuf;
mod text;

pub use documentation::{catalog_table, catalog_text};
pub use event::event_line;
pub use history::{SeriesAtInstant, WrittenHistory, write_history};
pub use negotiation::{Format, negotiate};

use crate::engine::Series;

/// Writes all `sources`, in their order, as one exposition. A family may occur in one source only.
/// `capacity` is an estimate of the bytes.
pub fn render(format: Format, sources: &[&dyn Series], capacity: usize) -> Vec<u8> {
    let mut exposition = render_part(format, sources, capacity);
    exposition.extend_from_slice(end(format).as_bytes());
    exposition
}

/// Writes a part of an exposition, like [`render`]. Parts with different families, followed by [`end`],
/// are one exposition.
pub fn render_part(format: Format, sources: &[&dyn Series], capacity: usize) -> Vec<u8> {
    let buffer = Vec::with_capacity(capacity);
    match format {
        Format::Text | Format::OpenMetrics => {
            let mut writer = text::TextWriter::new(buffer, format == Format::OpenMetrics);
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

/// The end of an exposition.
pub const fn end(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Protobuf => "",
        Format::OpenMetrics => text::END,
    }
}
