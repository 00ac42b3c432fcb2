//! Scrapes of the same publication in the same format and coding share one rendered text. An
//! exposition is megabytes, and clients may be slow.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;
use flate2::Crc;

use super::large_answers::MemoryReservation;
use crate::exposition::Format;

/// Scrapes with the same key share a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextKey {
    /// The number of the publication.
    pub(super) publication: u64,
    pub(super) format: Format,
    pub(super) gzip: bool,
}

/// The series of a publication. The self-metrics follow, as of each scrape.
#[derive(Debug)]
pub(super) struct RenderedText {
    pub(super) bytes: Vec<u8>,
    /// Of the uncompressed text; `None` if it is not compressed.
    pub(super) checksum: Option<Crc>,
    pub(super) _reservation: MemoryReservation,
}

struct SharedBytes(Arc<RenderedText>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl RenderedText {
    pub(super) fn share(self: Arc<Self>) -> Bytes {
        Bytes::from_owner(SharedBytes(self))
    }
}

/// Leads to the text while an answer needs it. The scrape that renders it holds the lock.
type SharedSlot = Arc<tokio::sync::Mutex<Weak<RenderedText>>>;

/// The texts that answers need now.
#[derive(Debug, Default)]
pub(super) struct SharedTexts(Mutex<Vec<(TextKey, SharedSlot)>>);

impl SharedTexts {
    /// The text of this key: the shared one, or else the one that `render` returns.
    ///
    /// # Errors
    /// Those of `render`; the next call tries again.
    pub(super) async fn get<E>(
        &self,
        key: TextKey,
        render: impl Future<Output = Result<RenderedText, E>>,
    ) -> Result<Arc<RenderedText>, E> {
        let slot = self.slot(key);
        let mut text = slot.lock().await;
        if let Some(text) = text.upgrade() {
            return Ok(text);
        }
        let rendered = Arc::new(render.await?);
        *text = Arc::downgrade(&rendered);
        Ok(rendered)
    }

    fn slot(&self, key: TextKey) -> SharedSlot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A slot with another owner belongs to a scrape that renders or waits.
        slots.retain(|(_, slot)| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|text| text.strong_count() > 0)
        });
        if let Some((_, slot)) = slots.iter().find(|(other, _)| *other == key) {
            return Arc::clone(slot);
        }
        let slot = SharedSlot::default();
        slots.push((key, Arc::clone(&slot)));
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::large_answers::LargeAnswers;
    use super::*;

    const KEY: TextKey = TextKey {
        publication: 1,
        format: Format::Text,
        gzip: false,
    };

    /// Renders texts and counts them.
    struct Renderer {
        answers: Arc<LargeAnswers>,
        rendered: Cell<usize>,
    }

    impl Renderer {
        async fn render(&self) -> Result<RenderedText, ()> {
            let reservation = self.answers.reserve(1).await.ok_or(())?;
            tokio::task::yield_now().await;
            self.rendered.set(self.rendered.get() + 1);
            Ok(RenderedText {
                bytes: vec![b'a'],
                checksum: None,
                _reservation: reservation,
            })
        }
    }

    #[tokio::test]
    async fn a_text_is_rendered_once_for_all_that_need_it() {
        let texts = SharedTexts::default();
        let renderer = Renderer {
            answers: Arc::default(),
            rendered: Cell::new(0),
        };
        let get = |key| texts.get(key, renderer.render());
        let (one, other) = tokio::join!(get(KEY), get(KEY));
        assert_eq!(renderer.rendered.get(), 1);
        let bytes = one.unwrap().share().slice(0..1);
        drop(other);
        get(KEY).await.unwrap();
        assert_eq!(renderer.rendered.get(), 1, "a piece of it is still sent");

        for key in [
            TextKey {
                publication: 2,
                ..KEY
            },
            TextKey { gzip: true, ..KEY },
            TextKey {
                format: Format::Protobuf,
                ..KEY
            },
        ] {
            let before = renderer.rendered.get();
            get(key).await.unwrap();
            assert_eq!(renderer.rendered.get(), before + 1, "{key:?}");
        }
        drop(bytes);
        let before = renderer.rendered.get();
        get(KEY).await.unwrap();
        assert_eq!(renderer.rendered.get(), before + 1, "the text was dropped");
        assert_eq!(texts.0.lock().unwrap().len(), 1, "and so were the others");
    }

    #[tokio::test]
    async fn after_a_failure_the_next_scrape_renders_again() {
        let texts = SharedTexts::default();
        let renderer = Renderer {
            answers: Arc::default(),
            rendered: Cell::new(0),
        };
        let failed = texts.get(KEY, async { Err("broken") });
        let next = texts.get(KEY, async { renderer.render().await.map_err(|()| "busy") });
        let (failed, next) = tokio::join!(failed, next);
        assert_eq!(failed.unwrap_err(), "broken");
        assert_eq!(next.unwrap().bytes, b"a");
    }
}
