//! The calls whose computations outlive them: [`Cache::get_or_load_spawned`].

use core::future::{Future, poll_fn};
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use core::task::Poll;

use super::answers::FlightKey;
use super::error::{LoadError, Outcome};
use super::seat::{Flying, Seat, Turn};
use super::{Cache, Lifetimes, Place};
use crate::Rooms;
use crate::platform::Spawn;

impl<K: Hash + Eq, V: Clone, P: Spawn, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// The value of a key: the one that is there, or the one that somebody is computing, or else the one that
    /// `loader` computes, in a task (on threads: in a thread) of its own, which goes on if this call is dropped.
    ///
    /// `this` is a pointer to the cache for the task to keep: an `Arc`, a `&'static`.
    ///
    /// Where a stale value [may be served](super::Expiring::stale_while_revalidate), the caller who finds it gets it
    /// at once, and the task computes a new one.
    ///
    /// # Errors
    ///
    /// Those of [`get_or_load`](Self::get_or_load). [`Abandoned`](LoadError::Abandoned) if the task that was spawned
    /// for this call panicked, was aborted or could not be spawned; if others wait for it, the next of them takes
    /// over with its own loader, and this call gets its outcome if it is not polled before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and nothing else: what has been spawned goes on.
    ///
    /// # Cost
    ///
    /// A hit costs what it does otherwise; a miss costs a task or a thread on top.
    pub async fn get_or_load_spawned<R, F, T>(this: R, key: K, loader: F) -> Result<V, LoadError<E>>
    where
        Self: Sync + 'static,
        R: Deref<Target = Self> + Clone + Send + 'static,
        K: Clone + Send,
        V: Send,
        E: Send,
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output: Outcome<V, E>> + Send + 'static,
    {
        let cache = &*this;
        let place = cache.place(&key);
        if let Some(found) = cache.lookup(place, &key) {
            return found.map_err(LoadError::Failed);
        }
        let mut seat = Seat::new(cache, place);
        let mut turn = poll_fn(|cx| seat.turn(|| Some(key.clone()), true, cx)).await;
        if matches!(turn, Turn::Compute) {
            let Some(flight) = seat.hand_over() else {
                // There is no room for a flight, and it computes for itself alone.
                return seat.run(loader).await.map_err(LoadError::Failed);
            };
            let task = task(this.clone(), place, flight, loader);
            if let Some(stale) = cache.stale(place, &key) {
                P::spawn(task);
                return stale.map_err(LoadError::Failed);
            }
            if !poll_fn(|cx| Poll::Ready(seat.join(flight, cx.waker().clone()))).await {
                return Err(LoadError::Full);
            }
            P::spawn(task);
            turn = poll_fn(|cx| seat.turn(|| None, false, cx)).await;
        }
        match turn {
            Turn::Done(outcome) => outcome.map_err(LoadError::Failed),
            // It cannot compute any more: it said so.
            Turn::Abandoned | Turn::Compute => Err(LoadError::Abandoned),
            Turn::Recursive => Err(LoadError::Recursive),
            Turn::Full => Err(LoadError::Full),
        }
    }

    /// A value that may be served though somebody is to compute a new one.
    fn stale(&self, place: Place, key: &K) -> Option<Result<V, E>> {
        let now = self.lifetimes.now();
        self.shard(place)?.get(place.hash, |candidate| candidate == key, now)
    }
}

/// The task that drives a flight. Dropped before it is polled, it gives the flight up as well.
fn task<R, C, F, T>(cache: R, place: Place, flight: FlightKey, loader: F) -> impl Future<Output = ()> + Send
where
    R: Deref<Target = C> + Clone + Send + 'static,
    C: Flying + Sync + 'static,
    C::Value: Send,
    C::Error: Send,
    F: FnOnce() -> T + Send,
    T: Future<Output: Outcome<C::Value, C::Error>> + Send,
{
    let keeper = cache.clone();
    let unbegun = OnDrop(Some(move || keeper.abandon(place, flight)));
    async move {
        let mut seat = Seat::driving(&*cache, place, flight);
        // From here on the seat looks after the flight; before, this did.
        unbegun.disarm();
        drop(seat.run(loader).await);
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}
