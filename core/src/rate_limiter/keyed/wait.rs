//! To wait for a key's tokens: the calls, and the steps beneath their future.

use core::future::Future;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::super::error::TryAcquireError;
use super::super::machine::Progress;
use super::machine::{Admission, Standing, Taken};
use super::pointer::sealed::Ticket;
use super::{KeyedAcquire, KeyedAcquireError, KeyedError, KeyedRateLimiter};
use crate::platform::{Blocking, Platform};
use crate::rooms::Rooms;
use crate::slab::Key;
use crate::time::{Clock, Timer, timeout_at};
use crate::wakes::Wakes;

impl<K: Hash + Eq + Clone, P: Platform, S: Rooms, T: Timer, H: BuildHasher, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    /// Waits until `tokens` tokens of a key can be had, and takes them.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use core::future::Future;
    /// use core::hash::BuildHasherDefault;
    /// use core::pin::pin;
    /// use core::task::{Context, Waker};
    /// use core::time::Duration;
    /// use std::hash::DefaultHasher;
    /// use tidegate_core::rate_limiter::{KeyedRateLimiter, Quota, TokenBucket, WhenFull};
    /// use tidegate_core::{Heap, Inline, Local, ManualClock};
    ///
    /// let clock = ManualClock::<Local, Inline<4>>::new();
    /// let bucket = TokenBucket::new(Quota::per(2, Duration::from_secs(1))?)?;
    /// let limiter: KeyedRateLimiter<&str, Local, Heap, _, BuildHasherDefault<DefaultHasher>> =
    ///     KeyedRateLimiter::with_parts(bucket, 1_000, WhenFull::Refuse, &clock, Default::default());
    ///
    /// assert!(limiter.try_acquire(&"alice", 2).is_ok());
    /// let mut waiting = pin!(limiter.acquire(&"alice", 1));
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(waiting.as_mut().poll(&mut cx).is_pending());
    /// assert!(limiter.try_acquire(&"bob", 2).is_ok(), "whose bucket is another");
    /// clock.advance(Duration::from_millis(500));
    /// assert!(limiter.try_acquire(&"alice", 1).is_err(), "whoever waits goes first");
    /// assert!(waiting.as_mut().poll(&mut cx).is_ready());
    /// # }
    /// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ZeroTokens`](KeyedAcquireError::ZeroTokens), [`ExceedsBurst`](KeyedAcquireError::ExceedsBurst);
    /// [`Full`](KeyedAcquireError::Full) for a new key that there is no room for, or
    /// [`LineFull`](KeyedAcquireError::LineFull) in inline storage.
    ///
    /// # Fairness
    ///
    /// Among those who wait for one key the most urgent goes first, then who came first; one who wants many tokens is
    /// not passed by those who want few. Keys do not wait for each other.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and refunds tokens that were taken for it unseen; nothing is
    /// lost, and the next in line takes over the timer.
    pub fn acquire<'a, 'k>(&'a self, key: &'k K, tokens: u32) -> KeyedAcquire<&'a Self, &'k K> {
        KeyedAcquire::new(self, key, tokens)
    }

    /// The same by way of any pointer to the limiter, which the future keeps, and the key with it.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned<R: Deref<Target = Self>>(this: R, key: K, tokens: u32) -> KeyedAcquire<R, K> {
        KeyedAcquire::new(this, key, tokens)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`acquire_blocking_timeout`](Self::acquire_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](KeyedAcquireError::TimedOut), and those of [`acquire`](Self::acquire). Tokens that are free are
    /// never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_timeout(
        &self,
        key: &K,
        tokens: u32,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), KeyedAcquireError>> {
        let deadline = self.timer.now() + timeout;
        async move {
            let mut acquire = pin!(self.acquire(key, tokens));
            // No timer for those who need not wait.
            if let Poll::Ready(granted) = core::future::poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await
            {
                return granted;
            }
            match timeout_at(&self.timer, deadline, acquire).await {
                Ok(granted) => granted,
                Err(_elapsed) => Err(KeyedAcquireError::TimedOut),
            }
        }
    }

    /// Waits and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_blocking(&self, key: &K, tokens: u32) -> Result<(), KeyedAcquireError>
    where
        P: Blocking,
    {
        P::block_on(self.acquire(key, tokens))
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](KeyedAcquireError::TimedOut), and those of [`acquire`](Self::acquire). Tokens that are free are
    /// never refused for the time's sake.
    pub fn acquire_blocking_timeout(
        &self,
        key: &K,
        tokens: u32,
        timeout: Duration,
    ) -> Result<(), KeyedAcquireError>
    where
        P: Blocking,
    {
        P::block_on(self.acquire_timeout(key, tokens, timeout))
    }
}

impl<K: Hash + Eq + Clone, P: Platform, S: Rooms, T: Clock, H: BuildHasher, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    /// The first step: takes the tokens, or a place in line.
    pub(super) fn begin(
        &self,
        ticket: &mut Ticket,
        key: &K,
        cx: &Context<'_>,
    ) -> Result<Progress, KeyedAcquireError> {
        let now = self.timer.now();
        let spot = *ticket.spot.get_or_insert_with(|| self.place(key));
        let Some(shard) = self.shards.get(spot.shard) else { return Err(KeyedAcquireError::Full) };
        let asked = self.asked(spot, key);
        let mut unknown = match shard.with(|machine| machine.take_or_tell(asked, ticket.tokens, now)) {
            Taken::Answered(Ok(())) => return Ok(Progress::Granted),
            Taken::Answered(Err(TryAcquireError::ZeroTokens)) => return Err(KeyedAcquireError::ZeroTokens),
            Taken::Answered(Err(TryAcquireError::ExceedsBurst)) => return Err(KeyedAcquireError::ExceedsBurst),
            Taken::Answered(Err(TryAcquireError::NotUntil(_))) | Taken::InLine(_) => false,
            Taken::Unknown => true,
        };
        let priority = ticket.priority.unwrap_or_else(P::ambient_priority);
        loop {
            if unknown {
                match self.enter(spot, key, ticket.tokens, now) {
                    Some(Ok(())) => return Ok(Progress::Granted),
                    // A new key is refused for the time's sake at the end of time alone: that never comes.
                    Some(Err(KeyedError::NotUntil(not_until))) if not_until.earliest == crate::Instant::MAX => {
                        return Ok(Progress::Waiting { until: None });
                    }
                    // Somebody else was faster.
                    None | Some(Err(KeyedError::NotUntil(_))) => {}
                    Some(Err(KeyedError::Full)) => return Err(KeyedAcquireError::Full),
                    Some(Err(KeyedError::ZeroTokens)) => return Err(KeyedAcquireError::ZeroTokens),
                    Some(Err(KeyedError::ExceedsBurst)) => return Err(KeyedAcquireError::ExceedsBurst),
                }
            }
            let waker = cx.waker().clone();
            let mut wakes = Wakes::new(shard);
            let (admission, until) =
                shard.ask(&mut wakes, Some(now), |machine| machine.acquire(asked, ticket.tokens, priority, waker));
            match admission {
                Ok(Admission::Granted(_unused)) => {
                    self.deliver(&mut wakes, spot, key, ticket.tokens);
                    return Ok(Progress::Granted);
                }
                Ok(Admission::Queued(place)) => {
                    ticket.place = Some(place);
                    return Ok(Progress::Waiting { until });
                }
                Ok(Admission::Unknown(_unused)) => unknown = true,
                Err((error, _unused)) => return Err(error),
            }
        }
    }

    /// A later step, in line.
    pub(super) fn go_on(
        &self,
        ticket: &mut Ticket,
        place: Key,
        key: &K,
        timed: bool,
        cx: &Context<'_>,
    ) -> Result<Progress, KeyedAcquireError> {
        let Some(spot) = ticket.spot else { return Ok(Progress::Waiting { until: None }) };
        let Some(shard) = self.shards.get(spot.shard) else { return Err(KeyedAcquireError::Full) };
        // Only whoever holds the timer needs to know what time it is.
        let now = timed.then(|| self.timer.now());
        loop {
            let mut released = None;
            let mut wakes = Wakes::new(shard);
            // It may be the one to be served: that needs no wake.
            let (standing, until) = shard.ask(&mut wakes, None, |machine| {
                let now = now.unwrap_or(machine.now());
                machine.poll(now, place, cx.waker(), &mut released)
            });
            match standing {
                Standing::Granted => {
                    // The tokens are in hand now: nothing is left to cancel if a wake panics.
                    ticket.place = None;
                    self.deliver(&mut wakes, spot, key, ticket.tokens);
                    return Ok(Progress::Granted);
                }
                Standing::Waiting => return Ok(Progress::Waiting { until }),
                Standing::WakerDiffers => {}
            }
            wakes.deliver();
            let fresh = cx.waker().clone();
            let mut wakes = Wakes::new(shard);
            let (registered, until) = shard.ask(&mut wakes, None, |machine| machine.register(place, fresh));
            if registered.is_ok() {
                return Ok(Progress::Waiting { until });
            }
        }
    }

    /// Forgets a waiter.
    #[cold]
    pub(super) fn give_up(&self, ticket: &mut Ticket, key: &K) {
        let (Some(place), Some(spot)) = (ticket.place.take(), ticket.spot) else { return };
        let Some(shard) = self.shards.get(spot.shard) else { return };
        let mut wakes = Wakes::new(shard);
        // The next may get what it had, and gets it now.
        let now = Some(self.timer.now());
        let asked = self.asked(spot, key);
        let waker = shard.transact(&mut wakes, now, |machine| machine.cancel(place, asked, ticket.tokens));
        wakes.deliver();
        drop(waker);
    }
}
