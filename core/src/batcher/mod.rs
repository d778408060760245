//! Requests that are answered together: many callers wait, one callback answers a batch of them.
//!
//! A [`Batcher`] is a [`Waterfall`] whose items are requests, and which carries
//! the answers back, each to its caller. A query per user becomes a query for a hundred users.
//!
//! # Source
//!
//! The idea is that of `DataLoader`, without its cache: what is asked twice is asked twice.

mod call;
mod error;
mod replies;
mod requests;
#[cfg(all(test, not(loom)))]
mod tests;

pub use call::Call;
pub use error::CallError;
pub use requests::{NextRequests, Requests};

use core::fmt;
use core::future::Future;
use core::ops::Deref;
use core::time::Duration;

use replies::{Replies, Ticket};

use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Timer, timeout_at};
use crate::waterfall::{Config, Single, Stats, Waterfall};

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Request<I> {
    /// `None` once it has been taken out to be answered.
    pub(crate) input: Option<I>,
    ticket: Ticket,
}

type Inner<I, P, S, Q, T> = Waterfall<Single<Request<I>, S>, P, Q, T>;

/// Gathers requests of type `I` into batches, and gives each caller its answer of type `O`.
///
/// `S` has room for requests and for their answers, `Q` for those who wait for room, for batches and for the end; see
/// [`Waterfall`], of which it has the [`Config`].
///
/// # Cost
///
/// Three short locks per call, and one for every sixteen answers; the caller's waker is cloned once. No allocation per
/// call once all storage has grown to the most that there ever was.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::batcher::Batcher;
/// use tidegate_core::waterfall::Config;
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let clock = ManualClock::<Local, Inline<1>>::new();
/// let config = Config::new(2, Duration::from_millis(1))?;
/// let squares: Batcher<u32, u32, Local, Inline<8>, Inline<1>, _> = Batcher::with_timer(config, &clock);
///
/// let (mut two, mut three) = (pin!(squares.call(2)), pin!(squares.call(3)));
/// assert!(two.as_mut().poll(&mut cx).is_pending());
/// assert!(three.as_mut().poll(&mut cx).is_pending());
///
/// let requests = squares.try_next().expect("two are there");
/// let answers: Vec<u32> = requests.inputs().map(|n| n * n).collect();
/// requests.answer(answers);
/// assert_eq!(two.poll(&mut cx), Poll::Ready(Ok(4)));
/// assert_eq!(three.poll(&mut cx), Poll::Ready(Ok(9)));
/// # Ok::<(), tidegate_core::waterfall::InvalidConfig>(())
/// ```
pub struct Batcher<I, O, P: Platform, S: Storage, Q: Storage, T: Timer = <P as Timed>::Timer> {
    requests: Inner<I, P, S, Q, T>,
    replies: Lock<P::RawMutex, Replies<O, S>>,
}

impl<I, O, P: Timed, S: Storage, Q: Storage> Batcher<I, O, P, S, Q, P::Timer> {
    const_fn! {
        /// No requests, on the platform's own clock.
        #[must_use]
        pub fn new(config: Config) -> Self {
            Self::with_timer(config, P::TIMER)
        }
    }
}

impl<I, O, P: Platform, S: Storage, Q: Storage, T: Timer> Batcher<I, O, P, S, Q, T> {
    const_fn! {
        /// No requests, on the clock of `timer`.
        #[must_use]
        pub fn with_timer(config: Config, timer: T) -> Self {
            Self { requests: Waterfall::with_timer(config, timer), replies: Lock::new(Replies::new()) }
        }
    }

    /// Makes a request, and waits for its answer.
    ///
    /// # Errors
    ///
    /// All of [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the request along, unless it has been accepted; then it is answered, and the answer is
    /// dropped.
    #[inline]
    pub const fn call(&self, input: I) -> Call<&Self> {
        Call::new(self, input)
    }

    /// Makes a request, and waits for its answer for at most `timeout` from this call on. To be awaited; the blocking one
    /// is [`call_blocking_timeout`](Self::call_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`CallError::TimedOut`], with the request if it was still waiting for room; and those of [`call`](Self::call). An
    /// answer that is there is never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub fn call_timeout(
        &self,
        input: I,
        timeout: Duration,
    ) -> impl Future<Output = Result<O, CallError<I>>> + use<'_, I, O, P, S, Q, T> {
        let deadline = self.timer().now() + timeout;
        let mut call = self.call(input);
        async move {
            match timeout_at(self.timer(), deadline, &mut call).await {
                Ok(answer) => answer,
                Err(_elapsed) => call.give_up(),
            }
        }
    }

    /// Makes a request by way of any pointer to the batcher, which the future keeps. Otherwise as
    /// [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// All of [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub const fn call_owned<R>(this: R, input: I) -> Call<R>
    where
        R: BatcherRef<Input = I, Output = O, Platform = P, Storage = S, Room = Q, Timer = T>,
    {
        Call::new(this, input)
    }

    /// Accepts no more requests; those that are there leave now. See [`Waterfall::close`].
    pub fn close(&self) {
        self.requests.close();
    }

    /// Lets the requests that are there leave now. See [`Waterfall::flush_now`].
    pub fn flush_now(&self) {
        self.requests.flush_now();
    }

    /// The batcher's timer.
    pub const fn timer(&self) -> &T {
        self.requests.timer()
    }

    /// What has gone through: figures for display.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.requests.stats()
    }

    /// The configuration, cut to what there is room for.
    #[must_use]
    pub fn config(&self) -> Config {
        self.requests.config()
    }

    /// [Closes](Self::close) it, and waits until all has been answered, for at most `max_wait_finalize`. When the time is
    /// up, those whose requests nobody has taken hear [`CallError::Dropped`].
    ///
    /// Answers whether everything was done in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the batcher closed, and what is in it leaves.
    pub async fn stop(&self, max_wait_finalize: Duration) -> bool {
        match self.requests.stop(max_wait_finalize).await {
            Ok(()) => true,
            Err(unfinished) => {
                for batch in unfinished {
                    self.drop_requests(&batch);
                }
                false
            }
        }
    }
}

impl<I, O, P: Blocking, S: Storage, Q: Storage, T: Timer> Batcher<I, O, P, S, Q, T> {
    /// Makes a request, and blocks this thread until it is answered: for threads, never for async tasks. Otherwise as
    /// [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// All of [`CallError`].
    pub fn call_blocking(&self, input: I) -> Result<O, CallError<I>> {
        P::block_on(self.call(input))
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// Those of [`call_timeout`](Self::call_timeout).
    pub fn call_blocking_timeout(&self, input: I, timeout: Duration) -> Result<O, CallError<I>> {
        let mut call = self.call(input);
        P::block_on_until(P::now() + timeout, &mut call).unwrap_or_else(|| call.give_up())
    }
}

impl<I, O, P: Platform, S: Storage, Q: Storage, T: Timer> fmt::Debug for Batcher<I, O, P, S, Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait BatcherRef: Clone for Batcher<I, O, P: Platform, S: Storage, Q: Storage, T: Timer>, by batcher {
        /// What is asked.
        type Input = I;
        /// What is answered.
        type Output = O;
        /// The batcher's platform.
        type Platform: Platform = P;
        /// Where requests and answers are kept.
        type Storage: Storage = S;
        /// Where those who wait are kept.
        type Room: Storage = Q;
        /// The batcher's timer.
        type Timer: Timer = T;
    }
}

/// The batcher that `R` points at.
pub type BatcherOf<R> = Batcher<
    <R as BatcherRef>::Input,
    <R as BatcherRef>::Output,
    <R as BatcherRef>::Platform,
    <R as BatcherRef>::Storage,
    <R as BatcherRef>::Room,
    <R as BatcherRef>::Timer,
>;

/// A pointer to a batcher, as one to the waterfall in it.
#[derive(Clone, Debug)]
pub(crate) struct Through<R>(R);

impl<R: BatcherRef> Deref for Through<R> {
    type Target = Inner<R::Input, R::Platform, R::Storage, R::Room, R::Timer>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0.batcher().requests
    }
}
