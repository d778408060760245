//! The calls whose computations outlive them: [`Cache::get_or_load_spawned`].

use core::future::{Future, poll_fn};
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use core::task::Poll;

use super::drive::{Answer, Driver, Flying, Turn};
use super::error::{LoadError, Outcome};
use super::{Cache, Lifetimes, Place, Rooms};
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
        Self: Sync,
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
        let mut entering = Some(key.clone());
        let answer = poll_fn(|cx| match entering.take() {
            Some(key) => Poll::Ready(cache.enter(place, key, cx)),
            None => Poll::Pending,
        });
        let mut turn = match answer.await {
            Answer::Ready(outcome) => Turn::Done(outcome),
            Answer::Drive(driver) => Turn::Drive(driver),
            Answer::Joined(joined) => joined.wait(true).await,
            Answer::Recursive => return Err(LoadError::Recursive),
            Answer::Full if cache.computes_unshared(place) => {
                return loader().await.into_result().map_err(LoadError::Failed);
            }
            Answer::Full => return Err(LoadError::Full),
        };
        if let Turn::Drive(driver) = turn {
            let stale = cache.stale(place, &key);
            let joined = if stale.is_some() {
                None
            } else {
                let joined = poll_fn(|cx| Poll::Ready(driver.join(cx.waker().clone()))).await;
                if joined.is_none() {
                    return Err(LoadError::Full);
                }
                joined
            };
            spawn(this.clone(), place, driver, loader);
            turn = match (stale, joined) {
                (Some(stale), _) => Turn::Done(stale),
                (None, Some(joined)) => joined.wait(false).await,
                (None, None) => Turn::Abandoned,
            };
        }
        match turn {
            Turn::Done(outcome) => outcome.map_err(LoadError::Failed),
            // It cannot drive: it said so.
            Turn::Drive(_) | Turn::Abandoned => Err(LoadError::Abandoned),
        }
    }

    /// A value that may be served though somebody is to compute a new one.
    fn stale(&self, place: Place, key: &K) -> Option<Result<V, E>> {
        let now = self.lifetimes.now();
        self.shard(place)?.get(place.hash, |candidate| candidate == key, now)
    }
}

/// Hands a flight over to a task of its own.
fn spawn<R, C, F, T>(cache: R, place: Place, driver: Driver<'_, C>, loader: F)
where
    R: Deref<Target = C> + Clone + Send + 'static,
    C: Flying<Platform: Spawn> + Sync,
    C::Value: Send,
    C::Error: Send,
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output: Outcome<C::Value, C::Error>> + Send + 'static,
{
    let flight = driver.hand_over();
    let keeper = cache.clone();
    let unbegun = OnDrop(Some(move || keeper.abandon(place, flight)));
    <C::Platform as Spawn>::spawn(async move {
        let driver = Driver::of(&*cache, place, flight);
        // From here on the driver looks after the flight; before, this did.
        unbegun.disarm();
        drop(driver.run(loader).await);
    });
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
