//! All payloads, one after the other: [`Expirations`] awaited, [`Blocked`] on a thread, [`Drain`] at once.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::next::Consumer;
use super::{Expired, NextError, Scheduler, SchedulerRef};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Clock, MaybeWall, Timer};

pin_project! {
    /// The stream of [`Scheduler::stream`]: payloads as they come out. It ends when the scheduler is closed.
    ///
    /// With the feature `futures` it is a `Stream` of the crate of that name.
    ///
    /// In inline storage it also ends if there is no room in line; [`is_refused`](Self::is_refused) tells.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line, and nothing else.
    #[must_use = "streams do nothing unless polled"]
    pub struct Expirations<R: SchedulerRef<Timer: Timer>> {
        #[pin]
        consumer: Consumer<R>,
        end: Option<NextError>,
    }
}

impl<R: SchedulerRef<Timer: Timer>> Expirations<R> {
    pub(super) const fn new(scheduler: R) -> Self {
        Self { consumer: Consumer::new(scheduler), end: None }
    }

    /// The next payload, or `None` once the stream has ended.
    pub fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Expired<R::Item>>> {
        let this = self.project();
        if this.end.is_some() {
            return Poll::Ready(None);
        }
        this.consumer.poll_take(cx).map(|taken| taken.map_err(|error| *this.end = Some(error)).ok())
    }

    /// Waits for the next payload; `None` once the stream has ended.
    ///
    /// # Cancel safety
    ///
    /// The place in line is kept, and so is every payload.
    pub async fn next(self: &mut Pin<&mut Self>) -> Option<Expired<R::Item>> {
        poll_fn(|cx| self.as_mut().poll_next(cx)).await
    }

    /// Whether the stream has ended because there was no room in line.
    pub fn is_refused(&self) -> bool {
        self.end == Some(NextError::Full)
    }
}

#[cfg(feature = "futures")]
impl<R: SchedulerRef<Timer: Timer>> futures_core::Stream for Expirations<R> {
    type Item = Expired<R::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Self::poll_next(self, cx)
    }
}

#[cfg(feature = "futures")]
impl<R: SchedulerRef<Timer: Timer>> futures_core::stream::FusedStream for Expirations<R> {
    fn is_terminated(&self) -> bool {
        self.end.is_some()
    }
}

impl<R: SchedulerRef<Timer: Timer>> fmt::Debug for Expirations<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expirations").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The iterator of [`Scheduler::iter_blocking`]: blocks its thread until a payload is due, and ends when the
/// scheduler is closed.
pub struct Blocked<'a, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> {
    scheduler: &'a Scheduler<T, P, S, C, W>,
}

impl<'a, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Blocked<'a, T, P, S, C, W> {
    pub(super) const fn new(scheduler: &'a Scheduler<T, P, S, C, W>) -> Self {
        Self { scheduler }
    }
}

impl<T, P: Blocking, S: Storage, C: Timer, W: MaybeWall> Iterator for Blocked<'_, T, P, S, C, W> {
    type Item = Expired<T>;

    fn next(&mut self) -> Option<Expired<T>> {
        self.scheduler.next_blocking().ok()
    }
}

#[expect(clippy::into_iter_without_iter, reason = "what blocks says so: `iter_blocking`")]
impl<'a, T, P: Blocking, S: Storage, C: Timer, W: MaybeWall> IntoIterator for &'a Scheduler<T, P, S, C, W> {
    type Item = Expired<T>;
    type IntoIter = Blocked<'a, T, P, S, C, W>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_blocking()
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> fmt::Debug for Blocked<'_, T, P, S, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked").finish_non_exhaustive()
    }
}

/// The iterator of [`Scheduler::drain`]. Dropping it early leaves the rest where it is.
pub struct Drain<'a, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> {
    scheduler: &'a Scheduler<T, P, S, C, W>,
    /// Where to look for those that never come.
    from: u32,
}

impl<'a, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Drain<'a, T, P, S, C, W> {
    pub(super) const fn new(scheduler: &'a Scheduler<T, P, S, C, W>) -> Self {
        Self { scheduler, from: 0 }
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Iterator for Drain<'_, T, P, S, C, W> {
    type Item = Expired<T>;

    fn next(&mut self) -> Option<Expired<T>> {
        let (scheduler, from) = (self.scheduler, &mut self.from);
        let mut wakes = scheduler.wakes();
        let taken = scheduler.transact(&mut wakes, |machine| machine.take_any(from));
        taken.map(|expired| scheduler.hold(expired, wakes))
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> fmt::Debug for Drain<'_, T, P, S, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}
