//! The asynchronous calls that compute: [`Cache::get_or_load`].

use core::borrow::Borrow;
use core::future::Future;
use core::hash::{BuildHasher, Hash};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use pin_project_lite::pin_project;

use super::error::{LoadError, Outcome};
use super::seat::{Flying, Seat, Turn};
use super::{Cache, Lifetimes, Place, ToKey};
use crate::Rooms;
use crate::platform::{Platform, Timed};
use crate::time::{Clock, timeout_at};

pin_project! {
    /// A call that computes if nobody else does. By hand, because an `async fn` would keep key, loader and
    /// computation several times over, in every task that waits.
    struct Load<'a, C: Flying, Q: ?Sized, F, T> {
        // Dropped first: what was computed so far is gone before the next in line takes over.
        #[pin]
        work: Work<F, T>,
        seat: Seat<'a, C>,
        key: &'a Q,
    }
}

pin_project! {
    /// What the caller has brought.
    #[project = WorkProjection]
    enum Work<F, T> {
        Loader { loader: Option<F> },
        Computation { #[pin] computation: T },
        Over,
    }
}

/// What [`Load`] asks of a [`Cache`] first of all.
trait Look<Q: ?Sized>: Flying {
    fn look(&self, place: Place, key: &Q) -> Option<Result<Self::Value, Self::Error>>;
}

impl<K, V, P, S, E, L, H, Q, const SHARDS: usize> Look<Q> for Cache<K, V, P, S, E, L, H, SHARDS>
where
    K: Hash + Eq + Borrow<Q>,
    V: Clone,
    P: Platform,
    S: Rooms,
    E: Clone,
    L: Lifetimes<V>,
    H: BuildHasher,
    Q: Eq + ?Sized,
{
    #[inline]
    fn look(&self, place: Place, key: &Q) -> Option<Result<V, E>> {
        self.lookup(place, key)
    }
}

impl<C, Q, F, T> Future for Load<'_, C, Q, F, T>
where
    C: Look<Q>,
    Q: ToKey<C::Key> + ?Sized,
    F: FnOnce() -> T,
    T: Future<Output: Outcome<C::Value, C::Error>>,
{
    type Output = Result<C::Value, LoadError<C::Error>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if let WorkProjection::Loader { loader: Some(_) } = this.work.as_mut().project()
            && this.seat.is_outside()
            && let Some(found) = this.seat.cache().look(this.seat.place(), this.key)
        {
            this.work.set(Work::Over);
            return Poll::Ready(found.map_err(LoadError::Failed));
        }
        self.progress(cx)
    }
}

impl<C, Q, F, T> Load<'_, C, Q, F, T>
where
    C: Look<Q>,
    Q: ToKey<C::Key> + ?Sized,
    F: FnOnce() -> T,
    T: Future<Output: Outcome<C::Value, C::Error>>,
{
    /// What is to be done when no value is there.
    #[inline(never)]
    fn progress(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<<Self as Future>::Output> {
        let mut this = self.project();
        loop {
            let loaded = match this.work.as_mut().project() {
                WorkProjection::Computation { computation } => {
                    ready!(this.seat.work(computation, cx)).map_err(LoadError::Failed)
                }
                WorkProjection::Loader { loader } => {
                    if loader.is_none() {
                        return Poll::Pending;
                    }
                    let key = *this.key;
                    match ready!(this.seat.turn(|| Some(key.to_key()), true, cx)) {
                        Turn::Done(outcome) => outcome.map_err(LoadError::Failed),
                        Turn::Compute => {
                            let Some(loader) = loader.take() else { return Poll::Pending };
                            let computation = this.seat.begin(loader);
                            this.work.set(Work::Computation { computation });
                            continue;
                        }
                        Turn::Abandoned => Err(LoadError::Abandoned),
                        Turn::Recursive => Err(LoadError::Recursive),
                        Turn::Full => Err(LoadError::Full),
                    }
                }
                WorkProjection::Over => return Poll::Pending,
            };
            this.work.set(Work::Over);
            return Poll::Ready(loaded);
        }
    }
}

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
    pub fn get_or_load<'a, Q, F, T>(
        &'a self,
        key: &'a Q,
        loader: F,
    ) -> impl Future<Output = Result<V, LoadError<E>>> + use<'a, K, V, P, S, E, L, H, Q, F, T, SHARDS>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output: Outcome<V, E>>,
    {
        Load { seat: Seat::new(self, self.place(key)), key, work: Work::Loader { loader: Some(loader) } }
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
        if let Some(found) = self.lookup(self.place(key), key) {
            return found.map_err(LoadError::Failed);
        }
        let deadline = P::TIMER.now() + timeout;
        match timeout_at(&P::TIMER, deadline, self.get_or_load(key, loader)).await {
            Ok(loaded) => loaded,
            Err(_elapsed) => Err(LoadError::TimedOut),
        }
    }
}
