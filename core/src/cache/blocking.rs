//! The blocking calls: [`Cache::get_or_load_blocking`].

use core::borrow::Borrow;
use core::future::poll_fn;
use core::hash::{BuildHasher, Hash};
use core::time::Duration;

use super::error::{LoadError, Outcome};
use super::seat::{Seat, Turn};
use super::{Cache, Lifetimes, ToKey};
use crate::Rooms;
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
        if let Some(found) = self.lookup(place, key) {
            return found.map_err(LoadError::Failed);
        }
        let mut seat = Seat::new(self, place);
        let turn = P::block_on(poll_fn(|cx| seat.turn(|| Some(key.to_key()), true, cx)));
        Self::load_here(seat, turn, loader)
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
        let mut seat = Seat::new(self, place);
        let turn = poll_fn(|cx| seat.turn(|| Some(key.to_key()), true, cx));
        match P::block_on_until(P::now() + timeout, turn) {
            Some(turn) => Self::load_here(seat, turn, loader),
            None => Err(LoadError::TimedOut),
        }
    }

    fn load_here<F, T>(mut seat: Seat<'_, Self>, turn: Turn<V, E>, loader: F) -> Result<V, LoadError<E>>
    where
        F: FnOnce() -> T,
        T: Outcome<V, E>,
    {
        let outcome = match turn {
            Turn::Done(outcome) => outcome,
            Turn::Compute => seat.complete(loader().into_result()),
            Turn::Abandoned => return Err(LoadError::Abandoned),
            Turn::Recursive => return Err(LoadError::Recursive),
            Turn::Full => return Err(LoadError::Full),
        };
        outcome.map_err(LoadError::Failed)
    }
}
