//! The blocking calls: [`Cache::get_or_load_blocking`].

use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use core::time::Duration;

use super::drive::Turn;
use super::error::{LoadError, Outcome};
use super::{Cache, Lifetimes, Place, Rooms, ToKey};
use crate::platform::Blocking;

impl<K: Hash + Eq, V: Clone, P: Blocking, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// The value of a key: the one that is there, or the one that somebody is computing, or else the one that
    /// `loader` computes on this thread, which is blocked meanwhile: for threads, never for async tasks.
    ///
    /// Threads and tasks that ask for one key wait for the same computation, whichever of them does it.
    ///
    /// # Errors
    ///
    /// As [`get_or_load`](Self::get_or_load). If the loader panics, so does this call, and the next in line takes
    /// over.
    pub fn get_or_load_blocking<Q, F, T>(&self, key: &Q, loader: F) -> Result<V, LoadError<E>>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Outcome<V, E>,
    {
        let place = self.place(key);
        match self.lookup(place, key) {
            Some(found) => found.map_err(LoadError::Failed),
            None => self.load_here(place, P::block_on(self.turn(place, key.to_key())), loader),
        }
    }

    /// The same, waiting for others for at most `timeout`. A loader that has begun on this thread runs to its end.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](LoadError::TimedOut), and those of [`get_or_load`](Self::get_or_load).
    pub fn get_or_load_blocking_timeout<Q, F, T>(
        &self,
        key: &Q,
        timeout: Duration,
        loader: F,
    ) -> Result<V, LoadError<E>>
    where
        K: Borrow<Q>,
        Q: ToKey<K> + ?Sized,
        F: FnOnce() -> T,
        T: Outcome<V, E>,
    {
        let place = self.place(key);
        if let Some(found) = self.lookup(place, key) {
            return found.map_err(LoadError::Failed);
        }
        match P::block_on_until(P::now() + timeout, self.turn(place, key.to_key())) {
            Some(turn) => self.load_here(place, turn, loader),
            None => Err(LoadError::TimedOut),
        }
    }

    fn load_here<F, T>(
        &self,
        place: Place,
        turn: Result<Turn<'_, Self>, LoadError<E>>,
        loader: F,
    ) -> Result<V, LoadError<E>>
    where
        F: FnOnce() -> T,
        T: Outcome<V, E>,
    {
        let outcome = match turn {
            Ok(Turn::Done(outcome)) => outcome,
            Ok(Turn::Drive(driver)) => driver.complete(loader().into_result()),
            Ok(Turn::Abandoned) => return Err(LoadError::Abandoned),
            Err(LoadError::Full) if self.computes_unshared(place) => loader().into_result(),
            Err(error) => return Err(error),
        };
        outcome.map_err(LoadError::Failed)
    }
}
