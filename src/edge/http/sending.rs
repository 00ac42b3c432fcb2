//! The body of an answer: the connection takes it in pieces. So a closed connection frees the rest,
//! and the end of the last piece is the end of the request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::connection_slots::ActiveRequest;
use super::large_answers::{AnswerSlot, MemoryReservation};

/// A connection holds about two of them.
pub(super) const PIECE: usize = 64 * 1024;

/// The slot of a large answer until it is sent, and its memory unless other answers share that. An
/// extension of the response.
#[derive(Clone, Debug)]
pub(super) struct SendPermit(Arc<(AnswerSlot, Option<MemoryReservation>)>);

impl SendPermit {
    pub(super) fn of(slot: AnswerSlot, reservation: Option<MemoryReservation>) -> Self {
        Self(Arc::new((slot, reservation)))
    }

    fn slot(&self) -> &AnswerSlot {
        &self.0.0
    }
}

pub(super) struct SentBody {
    body: Body,
    /// The rest of the current frame.
    rest: Bytes,
    _active: ActiveRequest,
    permit: Option<SendPermit>,
}

impl SentBody {
    /// The response; the request ends when its body is dropped.
    pub(super) fn of(mut response: Response, active: ActiveRequest) -> hyper::Response<Self> {
        let permit: Option<SendPermit> = response.extensions_mut().remove();
        if let Some(permit) = &permit {
            permit.slot().begin_sending(active.connection());
        }
        response.map(|body| Self {
            body,
            rest: Bytes::new(),
            _active: active,
            permit,
        })
    }
}

impl hyper::body::Body for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        if let Some(permit) = &this.permit {
            permit.slot().record_progress();
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let hint = self.body.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper.saturating_add(rest));
        }
        whole
    }
}
