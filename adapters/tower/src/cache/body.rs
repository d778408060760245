//! [`CacheBody`]: a body that is kept, or passed on, or was begun to be read.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer that came through a [`Cache`](super::Cache).
    pub struct CacheBody<B: Body> {
        #[pin]
        kind: Kind<B, B::Error>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B, E> {
        Kept { data: Bytes },
        Passed { #[pin] body: B },
        // What was read before it turned out to be too much, and the rest.
        Begun { read: VecDeque<Frame<Bytes>>, error: Option<E>, failed: bool, #[pin] rest: B },
    }
}

impl<B: Body> CacheBody<B> {
    pub(super) const fn kept(data: Bytes) -> Self {
        Self { kind: Kind::Kept { data } }
    }

    pub(super) const fn passed(body: B) -> Self {
        Self { kind: Kind::Passed { body } }
    }
}

impl<B: Body + Default> Default for CacheBody<B> {
    fn default() -> Self {
        Self::passed(B::default())
    }
}

impl<B: Body<Data = Bytes>> CacheBody<B> {
    fn begun(read: VecDeque<Frame<Bytes>>, error: Option<B::Error>, rest: B) -> Self {
        let failed = error.is_some();
        Self { kind: Kind::Begun { read, error, failed, rest } }
    }
}

/// Reads a body of `most` bytes at most.
///
/// # Errors
///
/// The body, with all that was read of it, if it is longer, fails or has trailers.
pub(super) async fn read<B>(mut body: B, most: usize) -> Result<Bytes, CacheBody<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(CacheBody::passed(body));
    }
    let (mut read, mut length) = (VecDeque::new(), 0_usize);
    loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break,
            Some(Err(error)) => return Err(CacheBody::begun(read, Some(error), body)),
            Some(Ok(frame)) => {
                let data = frame.data_ref().map(Bytes::len);
                // Without end, what is empty would take memory too.
                if data != Some(0) {
                    read.push_back(frame);
                }
                length = length.saturating_add(data.unwrap_or(usize::MAX));
                if length > most {
                    return Err(CacheBody::begun(read, None, body));
                }
            }
        }
    }
    // A copy, because what was read may be a small part of a large buffer.
    let mut whole = BytesMut::with_capacity(length);
    for frame in &read {
        whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    Ok(whole.freeze())
}

impl<B: Body<Data = Bytes>> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Kept { data } if data.is_empty() => Poll::Ready(None),
            KindProjection::Kept { data } => Poll::Ready(Some(Ok(Frame::data(mem::take(data))))),
            KindProjection::Passed { body } => body.poll_frame(cx),
            KindProjection::Begun { read, error, rest, failed } => {
                if let Some(frame) = read.pop_front() {
                    return Poll::Ready(Some(Ok(frame)));
                }
                if let Some(error) = error.take() {
                    return Poll::Ready(Some(Err(error)));
                }
                // After a failure nothing comes.
                if *failed { Poll::Ready(None) } else { rest.poll_frame(cx) }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Kept { data } => data.is_empty(),
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Begun { read, error, rest, failed } => {
                read.is_empty() && error.is_none() && (*failed || rest.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Kept { data } => SizeHint::with_exact(data.len() as u64),
            Kind::Passed { body } => body.size_hint(),
            Kind::Begun { read, rest, failed, .. } => {
                let length = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, Bytes::len) as u64;
                let read: u64 = read.iter().map(length).sum();
                let rest = if *failed { SizeHint::with_exact(0) } else { rest.size_hint() };
                let mut hint = SizeHint::new();
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(read));
                }
                hint.set_lower(rest.lower().saturating_add(read));
                hint
            }
        }
    }
}

impl<B: Body> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Kept { .. } => "kept",
            Kind::Passed { .. } => "passed on",
            Kind::Begun { .. } => "begun",
        };
        f.debug_struct("CacheBody").field("kind", &kind).finish_non_exhaustive()
    }
}
