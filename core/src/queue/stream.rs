//! [`QueueStream`] and [`QueueSink`]: a queue as a stream and as a sink of the crate `futures`.

use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::{Discipline, Get, GetError, Queue, QueueRef, Reserve, ReserveError, Slot};
use crate::platform::Platform;
use crate::storage::Storage;

/// The items of a queue as they come, until it is closed and empty.
///
/// In inline storage it also ends when there is no room to wait; [`error`](Self::error) says which it was.
///
/// # Cancel safety
///
/// No item leaves the queue unless a poll answers it. Dropping the stream gives up its place in line, and passes on
/// its claim if it had one.
#[must_use = "streams do nothing unless polled"]
pub struct QueueStream<R: QueueRef + Clone> {
    queue: R,
    get: Option<Get<R>>,
    error: Option<GetError>,
}

impl<R: QueueRef + Clone> QueueStream<R> {
    /// Why it has ended, if it has.
    #[must_use]
    pub const fn error(&self) -> Option<GetError> {
        self.error
    }
}

impl<R: QueueRef + Clone> Stream for QueueStream<R> {
    type Item = R::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R::Item>> {
        let this = self.get_mut();
        if this.error.is_some() {
            return Poll::Ready(None);
        }
        let get = this.get.get_or_insert_with(|| Get::new(this.queue.clone()));
        let Poll::Ready(got) = Pin::new(get).poll(cx) else { return Poll::Pending };
        this.get = None;
        match got {
            Ok(item) => Poll::Ready(Some(item)),
            Err(error) => {
                this.error = Some(error);
                Poll::Ready(None)
            }
        }
    }
}

impl<R: QueueRef + Clone> FusedStream for QueueStream<R> {
    fn is_terminated(&self) -> bool {
        self.error.is_some()
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef + Clone> Unpin for QueueStream<R> {}

impl<R: QueueRef + Clone> fmt::Debug for QueueStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueStream").field("error", &self.error).finish_non_exhaustive()
    }
}

/// A queue to send items into, in room that is reserved before. An item is inside as soon as it has been sent; closing the sink leaves the queue open,
/// for others to put into.
///
/// # Cancel safety
///
/// Dropping it gives up its place in line, or the room that it had reserved; it never holds an item.
#[must_use = "sinks do nothing unless polled"]
pub struct QueueSink<R: QueueRef + Clone> {
    queue: R,
    reserve: Option<Reserve<R>>,
    slot: Option<Slot<R>>,
}

/// Why a [`QueueSink`] does not take an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkError<T> {
    /// There will be no room.
    Reserve(ReserveError),
    /// The queue has been closed since there was room. The item comes back.
    Closed(T),
    /// An item was sent without asking first whether there is room. It comes back.
    NotReady(T),
}

impl<T> fmt::Display for SinkError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve(error) => error.fmt(f),
            Self::Closed(_) => ReserveError::Closed.fmt(f),
            Self::NotReady(_) => f.write_str("the sink was not asked whether it is ready"),
        }
    }
}

impl<T: fmt::Debug> Error for SinkError<T> {}

impl<R: QueueRef + Clone> Sink<R::Item> for QueueSink<R> {
    type Error = SinkError<R::Item>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.get_mut();
        if this.slot.is_some() {
            return Poll::Ready(Ok(()));
        }
        let reserve = this.reserve.get_or_insert_with(|| Queue::reserve_owned(this.queue.clone()));
        let Poll::Ready(reserved) = Pin::new(reserve).poll(cx) else { return Poll::Pending };
        this.reserve = None;
        this.slot = Some(reserved.map_err(SinkError::Reserve)?);
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: R::Item) -> Result<(), Self::Error> {
        match self.get_mut().slot.take() {
            Some(slot) => slot.put(item).map_err(|error| SinkError::Closed(error.into_inner())),
            None => Err(SinkError::NotReady(item)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.get_mut();
        this.reserve = None;
        this.slot = None;
        Poll::Ready(Ok(()))
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef + Clone> Unpin for QueueSink<R> {}

impl<R: QueueRef + Clone> fmt::Debug for QueueSink<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSink").field("ready", &self.slot.is_some()).finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// The items as they come, as a stream, until the queue is closed and empty.
    pub const fn stream(&self) -> QueueStream<&Self> {
        QueueStream { queue: self, get: None, error: None }
    }

    /// The same by way of any pointer to the queue.
    pub const fn stream_owned<R>(this: R) -> QueueStream<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V> + Clone,
    {
        QueueStream { queue: this, get: None, error: None }
    }

    /// The queue as a sink.
    pub const fn sink(&self) -> QueueSink<&Self> {
        QueueSink { queue: self, reserve: None, slot: None }
    }

    /// The same by way of any pointer to the queue.
    pub const fn sink_owned<R>(this: R) -> QueueSink<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V> + Clone,
    {
        QueueSink { queue: this, reserve: None, slot: None }
    }
}
