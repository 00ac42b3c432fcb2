//! Scrapes in the same format and coding share one rendered text. An exposition is megabytes, and
//! clients may be slow.

use std::sync::{Arc, Weak};

use axum::body::Bytes;
use flate2::Crc;
use tokio::sync::Mutex;

use super::large_answers::MemoryReservation;
use crate::exposition::Format;

/// Scrapes with the same key share a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextKey {
    pub(super) format: Format,
    pub(super) gzip: bool,
}

/// The series of a publication. The self-metrics follow, as of each scrape.
#[derive(Debug)]
pub(super) struct RenderedText {
    /// The number of the publication.
    pub(super) publication: u64,
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

/// The newest text of each key, while an answer needs it. The scrape that renders it, or waits for the
/// memory, holds the lock. So at most one scrape of each key waits for memory.
#[derive(Debug, Default)]
pub(super) struct SharedTexts([[Mutex<Weak<RenderedText>>; 2]; Format::ALL.len()]);

impl SharedTexts {
    /// A text that is not older than `publication`: the shared one, or else the one that `render`
    /// returns.
    ///
    /// # Errors
    /// Those of `render`; the next call tries again.
    pub(super) async fn get<E>(
        &self,
        key: TextKey,
        publication: u64,
        render: impl Future<Output = Result<RenderedText, E>>,
    ) -> Result<Arc<RenderedText>, E> {
        let mut newest = self.0[key.format as usize][usize::from(key.gzip)]
            .lock()
            .await;
        if let Some(text) = newest.upgrade()
            && text.publication >= publication
        {
            return Ok(text);
        }
        let rendered = Arc::new(render.await?);
        *newest = Arc::downgrade(&rendered);
        Ok(rendered)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::large_answers::LargeAnswers;
    use super::*;

    const KEY: TextKey = TextKey {
        format: Format::Text,
        gzip: false,
    };

    /// Renders texts of a publication, and counts them.
    #[derive(Default)]
    struct Renderer {
        answers: Arc<LargeAnswers>,
        publication: Cell<u64>,
        rendered: Cell<usize>,
    }

    impl Renderer {
        async fn render(&self) -> Result<RenderedText, ()> {
            let slot = self.answers.enter().await.ok_or(())?;
            let reservation = slot.reserve(1).await.ok_or(())?;
            tokio::task::yield_now().await;
            self.rendered.set(self.rendered.get() + 1);
            Ok(RenderedText {
                publication: self.publication.get(),
                bytes: vec![b'a'],
                checksum: None,
                _reservation: reservation,
            })
        }
    }

    #[tokio::test]
    async fn a_text_is_rendered_once_for_all_that_need_it() {
        let texts = SharedTexts::default();
        let renderer = Renderer::default();
        let get = |key, publication| texts.get(key, publication, renderer.render());
        let (one, other) = tokio::join!(get(KEY, 0), get(KEY, 0));
        assert_eq!(renderer.rendered.get(), 1);
        let bytes = one.unwrap().share().slice(0..1);
        drop(other);
        get(KEY, 0).await.unwrap();
        assert_eq!(renderer.rendered.get(), 1, "a piece of it is still sent");
        let gzip = TextKey { gzip: true, ..KEY };
        let format = Format::Protobuf;
        for key in [gzip, TextKey { format, ..KEY }] {
            let before = renderer.rendered.get();
            get(key, 0).await.unwrap();
            assert_eq!(renderer.rendered.get(), before + 1, "{key:?}");
        }
        drop(bytes);
        let before = renderer.rendered.get();
        get(KEY, 0).await.unwrap();
        assert_eq!(renderer.rendered.get(), before + 1, "the text was dropped");
    }

    #[tokio::test]
    async fn a_text_is_not_older_than_its_scrape() {
        let texts = SharedTexts::default();
        let renderer = Renderer::default();
        let get = |publication| texts.get(KEY, publication, renderer.render());
        let _earlier = get(0).await.unwrap();
        renderer.publication.set(2);
        let (one, other) = tokio::join!(get(1), get(2));
        assert_eq!(one.unwrap().publication, 2);
        assert_eq!(other.unwrap().publication, 2);
        assert_eq!(renderer.rendered.get(), 2);
    }

    #[tokio::test]
    async fn after_a_failure_the_next_scrape_renders_again() {
        let texts = SharedTexts::default();
        let renderer = Renderer::default();
        let failed = texts.get(KEY, 0, async { Err("broken") });
        let next = texts.get(KEY, 0, async {
            renderer.render().await.map_err(|()| "busy")
        });
        let (failed, next) = tokio::join!(failed, next);
        assert_eq!(failed.unwrap_err(), "broken");
        assert_eq!(next.unwrap().bytes, b"a");
    }
}
