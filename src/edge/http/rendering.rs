//! Renders the text of a scrape, and holds what all scrapes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::gzip;
use super::large_answers::{LargeAnswers, MemoryReservation};
use super::published::NumberedView;
use super::shared_text::{RenderedText, SharedTexts, TextKey};
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::Series;
use crate::exposition::{self, Format};

/// Answers that are computed at the same time. More would only slow down the ingest thread.
const MAX_RENDERING: usize = 2;

/// The buffer of a text is larger than the last text by one part in this many.
const GROWTH: usize = 16;

/// Shared by all scrapes: the limits of answers, the texts, and the sizes of the last texts.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) answers: Arc<LargeAnswers>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) texts: SharedTexts,
    sizes: [AtomicUsize; Format::ALL.len()],
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            answers: Arc::default(),
            permits: Arc::new(Semaphore::new(MAX_RENDERING)),
            texts: SharedTexts::default(),
            sizes: Default::default(),
        }
    }
}

impl Rendering {
    /// An estimate of the uncompressed size: a little more than the last text of the format, or the
    /// largest of the other formats.
    pub(super) fn expected_size(&self, format: Format) -> usize {
        let sizes = self.sizes.each_ref();
        let sizes = sizes.map(|size| size.load(Ordering::Relaxed));
        match sizes[format as usize] {
            0 => sizes.into_iter().max().unwrap_or_default(),
            last => last + last / GROWTH,
        }
    }

    /// The series of a publication: the KPIs, unless they are withheld, and the input's progress.
    pub(super) fn render(
        &self,
        shown: &NumberedView,
        key: TextKey,
        mut reservation: MemoryReservation,
    ) -> RenderedText {
        let mut series: Vec<&dyn Series> = Vec::with_capacity(2);
        if let Some(kpis) = &shown.view.kpis {
            series.push(kpis.as_ref());
        }
        if let Some(progress) = &shown.view.progress {
            series.push(progress.as_ref());
        }
        let expected = self.expected_size(key.format);
        let mut bytes = exposition::render_part(key.format, &series, expected);
        self.sizes[key.format as usize].store(bytes.len(), Ordering::Relaxed);
        let mut checksum = None;
        if key.gzip {
            let compressed = gzip::first(&bytes);
            bytes = compressed.blocks;
            checksum = Some(compressed.checksum);
        } else {
            bytes.shrink_to_fit();
        }
        reservation.resize(bytes.len());
        RenderedText {
            publication: shown.number,
            bytes,
            checksum,
            _reservation: reservation,
        }
    }
}

/// The current self-metrics, and the end of the exposition.
pub(super) fn render_rest(metrics: &SelfMetrics, format: Format, text: &RenderedText) -> Vec<u8> {
    let rest = exposition::render(format, &[metrics], 0);
    match &text.checksum {
        Some(checksum) => gzip::last(&rest, checksum),
        None => rest,
    }
}
