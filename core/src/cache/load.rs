//! The asynchronous calls that compute: [`Cache::get_or_load`].

use core::borrow::Borrow;
use core::future::{Future, poll_fn};
use core::hash::{BuildHasher, Hash};
use core::task::Poll;
use core::time::Duration;

use super::drive::{Answer, Flying, Turn};
use super::error::{LoadError, Outcome};
use super::{Cache, Lifetimes, Place, Rooms, ToKey, WhenFull};
use crate::platform::{Platform, Timed};
use crate::time::{Clock, timeout_at};

impl<K: Hash + Eq, V: Clone, P: Platform, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// The value of a key: the one that is there, or the one that somebody is computing, or else the one that
    /// `loader` computes, which runs as this call is polled.
    ///
    /// The loader yields a `Result<V, E>`, or a plain `V` if `E` is [`Infallible`](core::convert::Infallible).
    ///
    /// # Errors
    ///
    /// [`Failed`](LoadError::Failed) with the loader's error, this one's or that of whoever computed;
    /// [`Recursive`](LoadError::Recursive); [`Full`](LoadError::Full), where there is a bound on flights or on those
    /// who wait.
    ///
    /// # Fairness
    ///
    /// If whoever computes goes away, the first in line is woken to take over. Whoever asks or is polled before
    /// that does it instead, so nobody waits for a task that is not polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line. If it computes, what it has computed so far is lost, and the
    /// next in line takes over with its own loader; so it is if the loader panics. To let computations outlive their
    /// callers, see [`get_or_load_spawned`](Self::get_or_load_spawned).
    #[inline]
    pub async fn get_or_load<Q, F, T>(&self, key: &Q, loader: F) -> Result<V, LoadError<E>>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output: Outcome<V, E>>,
    {
        let place = self.place(key);
        match self.lookup(place, key) {
            Some(found) => found.map_err(LoadError::Failed),
            None => self.load(place, key, loader).await,
        }
    }

    async fn load<Q, F, T>(&self, place: Place, key: &Q, loader: F) -> Result<V, LoadError<E>>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output: Outcome<V, E>>,
    {
        let outcome = match self.turn(place, key.to_key()).await {
            Ok(Turn::Done(outcome)) => outcome,
            Ok(Turn::Drive(driver)) => driver.run(loader).await,
            Ok(Turn::Abandoned) => return Err(LoadError::Abandoned),
            Err(LoadError::Full) if self.computes_unshared(place) => loader().await.into_result(),
            Err(error) => return Err(error),
        };
        outcome.map_err(LoadError::Failed)
    }

    /// Waits for the outcome, or for the turn to compute it.
    pub(super) async fn turn(&self, place: Place, key: K) -> Result<Turn<'_, Self>, LoadError<E>> {
        let mut key = Some(key);
        let answer = poll_fn(|cx| match key.take() {
            Some(key) => Poll::Ready(self.enter(place, key, cx)),
            None => Poll::Pending,
        });
        match answer.await {
            Answer::Ready(outcome) => Ok(Turn::Done(outcome)),
            Answer::Drive(driver) => Ok(Turn::Drive(driver)),
            Answer::Joined(joined) => Ok(joined.wait(true).await),
            Answer::Recursive => Err(LoadError::Recursive),
            Answer::Full => Err(LoadError::Full),
        }
    }

    /// Whether a call that finds no room computes for itself; if so, it is counted.
    pub(super) fn computes_unshared(&self, place: Place) -> bool {
        let unshared = self.config.when_full == WhenFull::Unshared;
        if unshared && let Some(shard) = self.shard(place) {
            shard.with(super::Machine::count_unshared);
        }
        unshared
    }
}

impl<K: Hash + Eq, V: Clone, P: Timed, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// The same, for at most `timeout` from the first poll on, by the platform's own timer. To be awaited; the
    /// blocking one is [`get_or_load_blocking_timeout`](Self::get_or_load_blocking_timeout).
    ///
    /// A value that is there is never refused for the time's sake, and takes no timer.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](LoadError::TimedOut), and those of [`get_or_load`](Self::get_or_load).
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_load`](Self::get_or_load), and the same happens when the time is up.
    pub async fn get_or_load_timeout<Q, F, T>(
        &self,
        key: &Q,
        timeout: Duration,
        loader: F,
    ) -> Result<V, LoadError<E>>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output: Outcome<V, E>>,
    {
        let place = self.place(key);
        if let Some(found) = self.lookup(place, key) {
            return found.map_err(LoadError::Failed);
        }
        let deadline = P::TIMER.now() + timeout;
        match timeout_at(&P::TIMER, deadline, self.load(place, key, loader)).await {
            Ok(loaded) => loaded,
            Err(_elapsed) => Err(LoadError::TimedOut),
        }
    }
}
