//! [`Gather`]: a body, read to its end.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};

use crate::http::LARGEST_BODY;

/// Reads a body to its end, without what may trail behind. One that comes in one piece, as most do, is not copied.
#[derive(Debug)]
pub(crate) struct Gather<B> {
    body: B,
    first: Bytes,
    rest: Vec<u8>,
}

impl<B> Gather<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body, first: Bytes::new(), rest: Vec::new() }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> Future for Gather<B> {
    type Output = Result<Bytes, Ungathered<B::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { body, first, rest } = &mut *self;
        while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
            let Ok(piece) = frame.map_err(Ungathered::Broken)?.into_data() else { continue };
            if first.len() + rest.len() + piece.len() > LARGEST_BODY {
                return Poll::Ready(Err(Ungathered::TooLarge));
            }
            if first.is_empty() {
                *first = piece;
            } else {
                rest.extend_from_slice(&piece);
            }
        }
        Poll::Ready(Ok(if rest.is_empty() { mem::take(first) } else { [&**first, &**rest].concat().into() }))
    }
}

/// Why a body is not there.
#[derive(Debug)]
pub(crate) enum Ungathered<E> {
    TooLarge,
    Broken(E),
}

impl<E: fmt::Display> fmt::Display for Ungathered<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("there are too many bytes"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}
