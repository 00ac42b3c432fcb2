//! Reads the bodies of requests, within a limit for each and a limit for all of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::HookRefusal;

/// A sender has its body ready; 1 MB takes this long at 100 KB/s.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// deflate cannot shrink a text further (zlib's documentation: 1032 to 1).
const GREATEST_EXPANSION: usize = 1_032;

/// The memory for the bodies of all requests.
#[derive(Clone, Debug)]
pub(super) struct BodyMemory(Arc<Semaphore>);

/// The memory of one request, freed when it is dropped.
#[derive(Debug)]
pub(super) struct ReservedMemory {
    memory: BodyMemory,
    permit: Option<OwnedSemaphorePermit>,
}

impl BodyMemory {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    pub(super) fn reserve_nothing(&self) -> ReservedMemory {
        ReservedMemory {
            memory: self.clone(),
            permit: None,
        }
    }
}

impl ReservedMemory {
    fn add(&mut self, bytes: usize) -> Result<(), HookRefusal> {
        let bytes = u32::try_from(bytes).map_err(|_| HookRefusal::Busy)?;
        let permit = Arc::clone(&self.memory.0).try_acquire_many_owned(bytes);
        let permit = permit.map_err(|_| HookRefusal::Busy)?;
        match &mut self.permit {
            Some(first) => first.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }

    /// Reserves memory for a body of this size when it is expanded, up to `limit`.
    pub(super) fn add_expanded(&mut self, size: usize, limit: usize) -> Result<(), HookRefusal> {
        self.add(size.saturating_mul(GREATEST_EXPANSION).min(limit))
    }

    /// Frees what is not needed of it.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.permit {
            let unused = permit.num_permits().saturating_sub(bytes);
            drop(permit.split(unused));
        }
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// It is larger, slow or broken, or there is no memory.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    memory: &mut ReservedMemory,
) -> Result<Bytes, HookRefusal> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(HookRefusal::BodyTooLarge { limit });
    }
    let reading = async {
        let mut first = Bytes::new();
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            let Some(frame) = frame else {
                break;
            };
            let frame = frame.map_err(|_| HookRefusal::BrokenBody)?;
            let Ok(data) = frame.into_data() else {
                continue; // trailers
            };
            let size = first.len().max(rest.len()) + data.len();
            if size > limit {
                return Err(HookRefusal::BodyTooLarge { limit });
            }
            memory.add(data.len())?;
            if first.is_empty() && rest.is_empty() {
                first = data; // most bodies have one frame, which is not copied
            } else {
                if rest.is_empty() {
                    rest = std::mem::take(&mut first).to_vec();
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    };
    let read = timeout(BODY_PATIENCE, reading).await;
    read.unwrap_or(Err(HookRefusal::SlowBody))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(memory: &BodyMemory) -> usize {
        memory.0.available_permits()
    }

    #[tokio::test]
    async fn memory_is_shared_and_freed() {
        let memory = BodyMemory::new(10_000);
        let mut first = memory.reserve_nothing();
        let body = read(Body::from("x".repeat(100)), 100, &mut first).await;
        assert_eq!(body.unwrap().len(), 100);
        assert_eq!(left(&memory), 9_900);
        first.add_expanded(100, 5_000).unwrap();
        assert_eq!(left(&memory), 4_900);
        let mut second = memory.reserve_nothing();
        let too_much = second.add_expanded(100, 5_000);
        assert!(matches!(too_much, Err(HookRefusal::Busy)));
        first.shrink_to(1_000);
        assert_eq!(left(&memory), 9_000);
        second.add_expanded(5, 5_000).unwrap();
        assert_eq!(left(&memory), 9_000 - 5_000);
        drop((first, second));
        assert_eq!(left(&memory), 10_000);
    }

    #[tokio::test]
    async fn a_large_body_is_refused_before_it_is_read() {
        let memory = BodyMemory::new(10_000);
        let mut reserved = memory.reserve_nothing();
        let refused = read(Body::from("x".repeat(101)), 100, &mut reserved).await;
        assert!(matches!(
            refused,
            Err(HookRefusal::BodyTooLarge { limit: 100 })
        ));
        assert_eq!(left(&memory), 10_000);
        let mut small = BodyMemory::new(50).reserve_nothing();
        let refused = read(Body::from("x".repeat(100)), 100, &mut small).await;
        assert!(matches!(refused, Err(HookRefusal::Busy)));
    }
}
