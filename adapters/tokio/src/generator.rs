//! Generators on tokio's blocking pool, and streams that need tokio as blocking iterators.

use core::fmt;
use core::iter::FusedIterator;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use futures_core::Stream;
use tidegate_core::Elapsed;
pub use tidegate_threads::generator::{InvalidCapacity, Stopped, Workers};
use tidegate_threads::{IterBlocking as OnThread, Job, Pool, SpawnBlocking};
use tokio::runtime::{Handle, TryCurrentError};

use crate::Tokio;

/// The blocking pool of a runtime, as threads for [generators](crate::Generator).
///
/// Its bound is the runtime's `max_blocking_threads`, which all its blocking work shares.
#[derive(Clone, Debug)]
pub struct BlockingPool {
    runtime: Handle,
}

impl BlockingPool {
    /// That of a runtime.
    #[must_use]
    pub const fn of(runtime: Handle) -> Self {
        Self { runtime }
    }

    /// That of the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// If it is called outside of one.
    pub fn current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(Self::of)
    }
}

impl SpawnBlocking for BlockingPool {
    /// # Errors
    ///
    /// Never: a runtime that is shut down drops the job.
    fn spawn(&self, job: Job) -> Result<(), Job> {
        drop(self.runtime.spawn_blocking(job));
        Ok(())
    }
}

impl Workers for Tokio {
    /// The blocking pool of the runtime that the generator is made in; outside of one, the pool that plain threads
    /// share.
    fn pool() -> Arc<dyn SpawnBlocking> {
        match BlockingPool::current() {
            Ok(pool) => Arc::new(pool),
            Err(_outside) => Arc::new(Pool::shared()),
        }
    }
}

/// The items of a stream, to a thread that blocks for each: for threads, never for async tasks.
///
/// The stream is polled on the thread that asks, and only when it asks, within the runtime that this is called in,
/// if there is one: its timers and sockets work. That runtime must be driven by other threads meanwhile: one of
/// tokio's workers, or whoever is in its `block_on`. A task that blocks its runtime's only thread waits for ever.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use tidegate_tokio::{Generator, iter_blocking};
///
/// let numbers = Generator::new(1..4); // any `Stream`
/// let numbers = iter_blocking(numbers);
/// let sum = tokio::task::spawn_blocking(move || numbers.map(|number| number.expect("no panic")).sum::<u32>());
/// assert_eq!(sum.await?, 6);
/// # Ok(())
/// # }
/// ```
pub fn iter_blocking<S: Stream>(stream: S) -> IterBlocking<S> {
    IterBlocking { items: tidegate_threads::iter_blocking(stream), runtime: Handle::try_current().ok() }
}

/// The same within another runtime.
pub fn iter_blocking_on<S: Stream>(runtime: Handle, stream: S) -> IterBlocking<S> {
    IterBlocking { items: tidegate_threads::iter_blocking(stream), runtime: Some(runtime) }
}

/// A blocking iterator over a stream: see [`iter_blocking`]. After the end it stays at the end.
#[must_use = "iterators are lazy"]
pub struct IterBlocking<S> {
    items: OnThread<S>,
    runtime: Option<Handle>,
}

impl<S: Stream> IterBlocking<S> {
    /// The next item if it comes within `timeout`, by the operating system's clock. Zero takes what is there.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if the time was up first. Nothing is lost: ask again.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<S::Item>, Elapsed> {
        let _within = self.runtime.as_ref().map(Handle::enter);
        self.items.next_timeout(timeout)
    }

    /// The stream, unless it has ended.
    #[must_use]
    pub fn into_inner(self) -> Option<Pin<Box<S>>> {
        self.items.into_inner()
    }
}

impl<S: Stream> Iterator for IterBlocking<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let _within = self.runtime.as_ref().map(Handle::enter);
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<S: Stream> FusedIterator for IterBlocking<S> {}

impl<S> fmt::Debug for IterBlocking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IterBlocking").field(&self.items).finish()
    }
}

#[cfg(test)]
mod tests {
    use core::task::{Context, Poll};
    use std::thread;

    use tokio::runtime::Builder;
    use tokio::time::{Interval, interval};

    use super::*;
    use crate::{Generator, GeneratorError, GeneratorOptions};

    fn runtime(blocking: usize) -> tokio::runtime::Runtime {
        Builder::new_multi_thread().worker_threads(1).max_blocking_threads(blocking).enable_time().build().unwrap()
    }

    #[test]
    fn thousands_share_a_blocking_pool_of_one() {
        runtime(1).block_on(async {
            let mut generators: Vec<_> = (0..2_000_u32).map(|start| Generator::new(start..)).collect();
            for round in 0..2 {
                for (start, generator) in (0..).zip(&mut generators) {
                    assert_eq!(generator.next().await.unwrap().unwrap(), start + round);
                }
            }
            for generator in &mut generators {
                generator.close().await.unwrap();
            }
        });
    }

    #[test]
    fn a_runtime_that_is_gone_ends_it() {
        let runtime = runtime(1);
        let mut late = runtime.block_on(async { Generator::new(0..3) });
        drop(runtime);
        let outside = Builder::new_current_thread().build().unwrap();
        outside.block_on(async {
            assert!(matches!(late.next().await, Some(Err(GeneratorError::Lost))));
            assert!(late.next().await.is_none());
        });
    }

    #[test]
    fn it_works_without_a_runtime_and_on_another_pool() {
        let mut outside = Generator::new(0..1);
        assert_eq!(outside.next_blocking().unwrap().unwrap(), 0);
        assert!(outside.next_blocking().is_none());
        let runtime = runtime(1);
        let mut elsewhere =
            GeneratorOptions::new().pool(BlockingPool::of(runtime.handle().clone())).items(0..1_u8);
        assert_eq!(elsewhere.next_blocking().unwrap().unwrap(), 0);
    }

    struct Ticks {
        interval: Interval,
        left: u32,
    }

    impl Stream for Ticks {
        type Item = u32;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.interval.poll_tick(cx).map(|_| {
                self.left -= 1;
                Some(self.left)
            })
        }
    }

    /// A future as a stream of one item.
    struct Once<F>(Option<Pin<Box<F>>>);

    impl<F: Future> Stream for Once<F> {
        type Item = F::Output;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
            let Some(future) = &mut self.0 else { return Poll::Ready(None) };
            future.as_mut().poll(cx).map(|output| {
                self.0 = None;
                Some(output)
            })
        }
    }

    #[test]
    fn a_stream_that_needs_tokio_is_iterated_on_a_plain_thread() {
        let runtime = runtime(1);
        let ticks = {
            let _within = runtime.enter();
            Ticks { interval: interval(Duration::from_millis(1)), left: 3 }
        };
        let mut ticks = iter_blocking_on(runtime.handle().clone(), ticks);
        let ticked = thread::spawn(move || {
            let first = ticks.next_timeout(Duration::MAX).unwrap();
            (first, ticks.collect::<Vec<_>>())
        });
        assert_eq!(ticked.join().unwrap(), (Some(2), vec![1, 0]));

        // It remembers the runtime that it was made in; the timer is not made before the stream is polled.
        let late = {
            let _within = runtime.enter();
            iter_blocking(Once(Some(Box::pin(async { tokio::time::sleep(Duration::from_millis(1)).await }))))
        };
        assert_eq!(thread::spawn(move || late.count()).join().unwrap(), 1);
    }
}
