//! An answer on its way: given to the connection in pieces, so that the rest is let go with it, and
//! so that it is known when the last piece is out of our hands.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::answers::{Answer, Reservation};
use super::connections::Busy;

/// A connection holds about two of them.
pub(super) const PIECE: usize = 64 * 1024;

/// The place of a large answer, with its memory where that is not shared, until the answer is sent.
/// An extension of the answer.
#[derive(Clone, Debug)]
pub(super) struct Permit(Arc<(Answer, Option<Reservation>)>);

impl Permit {
    pub(super) fn of(answer: Answer, reservation: Option<Reservation>) -> Self {
        Self(Arc::new((answer, reservation)))
    }

    fn answer(&self) -> &Answer {
        &self.0.0
    }
}

/// See the module.
pub(super) struct Sending {
    body: Body,
    /// Of the frame that is being given out.
    rest: Bytes,
    _busy: Busy,
    permit: Option<Permit>,
}

impl Sending {
    /// The answer, which is over when `busy` is dropped with its body.
    pub(super) fn of(mut response: Response, busy: Busy) -> hyper::Response<Self> {
        let permit: Option<Permit> = response.extensions_mut().remove();
        if let Some(permit) = &permit {
            permit.answer().sent_over(busy.connection());
        }
        response.map(|body| Self {
            body,
            rest: Bytes::new(),
            _busy: busy,
            permit,
        })
    }
}

impl hyper::body::Body for Sending {
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
            permit.answer().moves();
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
