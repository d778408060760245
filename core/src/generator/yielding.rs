//! [`Yielding`]: an iterator that lets other tasks run between its items.

use core::fmt;
use core::future::Future;
use core::num::NonZeroUsize;
use core::pin::Pin;
use core::task::{Context, Poll};

/// An iterator in a task: between its items it gives way to the executor's other tasks.
///
/// For executors without threads. Where there are threads, a `Generator` runs the iterator on one.
///
/// # Cost
///
/// One more poll of the task after each item, or after each so many.
///
/// ```
/// use tidegate_core::generator::Yielding;
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let mut samples = Yielding::new([3, 5]);
/// assert_eq!(samples.size_hint(), (2, Some(2)));
/// assert_eq!(pin!(samples.next()).poll(&mut cx), Poll::Ready(Some(3)));
///
/// let mut second = pin!(samples.next());
/// assert!(second.as_mut().poll(&mut cx).is_pending(), "the others first");
/// assert_eq!(second.as_mut().poll(&mut cx), Poll::Ready(Some(5)));
/// ```
pub struct Yielding<I> {
    items: I,
    /// How many items between two yields.
    every: NonZeroUsize,
    /// How many items may still come before the next yield.
    left: usize,
}

impl<I: Iterator> Yielding<I> {
    /// Yields after every item.
    pub fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self::every(NonZeroUsize::MIN, items)
    }

    /// Yields after every so many items.
    pub fn every(every: NonZeroUsize, items: impl IntoIterator<IntoIter = I>) -> Self {
        Self { items: items.into_iter(), every, left: every.get() }
    }

    /// The next item; gives way to other tasks first if it is time for that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item.
    pub const fn next(&mut self) -> NextItem<'_, I> {
        NextItem { from: self }
    }

    /// The same for those who poll by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let Some(left) = self.left.checked_sub(1) else {
            self.left = self.every.get();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.left = left;
        Poll::Ready(self.items.next())
    }

    /// How many items are left, as far as the iterator knows.
    #[must_use]
    pub fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }

    /// The iterator, with what is left.
    pub fn into_inner(self) -> I {
        self.items
    }
}

// The iterator is never pinned in place.
impl<I> Unpin for Yielding<I> {}

impl<I> fmt::Debug for Yielding<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielding").field("every", &self.every).finish_non_exhaustive()
    }
}

/// The future of [`Yielding::next`].
///
/// # Cancel safety
///
/// Dropping it loses no item.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct NextItem<'a, I> {
    from: &'a mut Yielding<I>,
}

impl<I: Iterator> Future for NextItem<'_, I> {
    type Output = Option<I::Item>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.from.poll_next(cx)
    }
}
