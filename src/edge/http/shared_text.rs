//! The text of a publication, rendered once for all scrapes of it that ask for the same format and
//! coding while any of them needs it: an exposition is megabytes, and clients may be slow.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;
use flate2::Crc;

use super::answers::Reservation;
use crate::exposition::Format;

/// What scrapes that share a text have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextKey {
    /// The number of the publication.
    pub(super) publication: u64,
    pub(super) format: Format,
    pub(super) gzip: bool,
}

/// The series of a publication, without the self-metrics, which each scrape has of its own instant.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// Of the text before it was compressed; `None` where it is not.
    pub(super) checksum: Option<Crc>,
    pub(super) _reservation: Reservation,
}

/// The bytes of a text, which live as long as an answer needs them.
struct SharedBytes(Arc<Text>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Text {
    pub(super) fn share(self: Arc<Self>) -> Bytes {
        Bytes::from_owner(SharedBytes(self))
    }
}

/// Finds the text while an answer needs it. The scrape that renders it holds the lock.
type Slot = Arc<tokio::sync::Mutex<Weak<Text>>>;

/// The texts that are needed now.
#[derive(Debug, Default)]
pub(super) struct SharedTexts(Mutex<Vec<(TextKey, Slot)>>);

impl SharedTexts {
    /// The text of this key: the one that others have, or else the one that `render` gives.
    ///
    /// # Errors
    /// Those of `render`; the next one who asks tries again.
    pub(super) async fn get<E>(
        &self,
        key: TextKey,
        render: impl Future<Output = Result<Text, E>>,
    ) -> Result<Arc<Text>, E> {
        let slot = self.slot(key);
        let mut text = slot.lock().await;
        if let Some(text) = text.upgrade() {
            return Ok(text);
        }
        let rendered = Arc::new(render.await?);
        *text = Arc::downgrade(&rendered);
        Ok(rendered)
    }

    fn slot(&self, key: TextKey) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another owner of a slot is a scrape that renders or waits.
        slots.retain(|(_, slot)| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|text| text.strong_count() > 0)
        });
        if let Some((_, slot)) = slots.iter().find(|(other, _)| *other == key) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        slots.push((key, Arc::clone(&slot)));
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::answers::Answers;
    use super::*;

    const KEY: TextKey = TextKey {
        publication: 1,
        format: Format::Text,
        gzip: false,
    };

    /// Renders texts and counts them.
    struct Renderer {
        answers: Arc<Answers>,
        rendered: Cell<usize>,
    }

    impl Renderer {
        async fn render(&self) -> Result<Text, ()> {
            let reservation = self.answers.reserve(1).await.ok_or(())?;
            tokio::task::yield_now().await;
            self.rendered.set(self.rendered.get() + 1);
            Ok(Text {
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
        assert_eq!(renderer.rendered.get(), before + 1, "it was not kept");
        assert_eq!(texts.0.lock().unwrap().len(), 1, "nor were the others");
    }

    #[tokio::test]
    async fn the_next_one_tries_again_where_rendering_failed() {
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
