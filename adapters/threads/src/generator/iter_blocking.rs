//! [`iter_blocking`]: an async stream as a blocking iterator.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;

use futures_core::Stream;
use tidegate_core::Elapsed;

use crate::block_on;

/// The items of a stream, to a thread that blocks for each: for threads, never for async tasks.
///
/// The stream is polled on the thread that asks, and only when it asks. What the stream itself needs of a runtime
/// (timers, sockets) must be there: `tidegate_tokio::iter_blocking` sees to that.
///
/// ```
/// use tidegate_threads::{Generator, iter_blocking};
///
/// let squares = Generator::new((1..4).map(|number| number * number)); // any `Stream`
/// let squares: Result<Vec<_>, _> = iter_blocking(squares).collect();
/// assert_eq!(squares?, [1, 4, 9]);
/// # Ok::<(), tidegate_threads::GeneratorError>(())
/// ```
pub fn iter_blocking<S: Stream>(stream: S) -> IterBlocking<S> {
    IterBlocking { stream: Some(Box::pin(stream)) }
}

/// A blocking iterator over a stream: see [`iter_blocking`]. After the end it stays at the end.
#[must_use = "iterators are lazy"]
pub struct IterBlocking<S> {
    /// `None` after the end.
    stream: Option<Pin<Box<S>>>,
}

impl<S: Stream> IterBlocking<S> {
    /// The next item if it comes within `timeout`. Zero takes what is there.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if the time was up first. Nothing is lost: ask again.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<S::Item>, Elapsed> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let next = poll_fn(|cx| stream.as_mut().poll_next(cx));
        let next = block_on(crate::timeout(timeout, next))?;
        Ok(self.end_with(next))
    }

    /// The stream, unless it has ended.
    #[must_use]
    pub fn into_inner(self) -> Option<Pin<Box<S>>> {
        self.stream
    }

    fn end_with(&mut self, next: Option<S::Item>) -> Option<S::Item> {
        if next.is_none() {
            self.stream = None;
        }
        next
    }
}

impl<S: Stream> Iterator for IterBlocking<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let stream = self.stream.as_mut()?;
        let next = block_on(poll_fn(|cx| stream.as_mut().poll_next(cx)));
        self.end_with(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: Stream> core::iter::FusedIterator for IterBlocking<S> {}

impl<S> fmt::Debug for IterBlocking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterBlocking").field("ended", &self.stream.is_none()).finish_non_exhaustive()
    }
}
