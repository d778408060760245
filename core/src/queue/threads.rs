//! The blocking colour: for threads, never for async tasks.

use core::fmt;
use core::iter::FusedIterator;
use core::time::Duration;

use super::{
    Discipline, GetError, JoinError, Machine, Missed, PutError, Queue, ReserveError, Slot, TryGetError,
    TryReserveError,
};
use crate::platform::{Blocking, Platform};
use crate::storage::{Buffer, Storage};

impl<P: Blocking, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Puts an item in, and blocks this thread while there is no room. Otherwise as [`put`](Self::put).
    ///
    /// It first looks for room for about as long as a thread takes to answer, and takes its place in line only then; at a
    /// rendezvous, where only who stands in line is met, at once.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put), each with the item.
    #[inline]
    pub fn put_blocking(&self, item: T) -> Result<(), PutError<T>> {
        match self.put_spinning(item) {
            Ok(()) => Ok(()),
            Err(item) => P::block_on(self.put(item)),
        }
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](PutError::TimedOut), and those of [`put`](Self::put), each with the item. Where there is room
    /// nobody is refused for the time's sake.
    pub fn put_blocking_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        let deadline = P::now() + timeout;
        let Err(item) = self.put_spinning(item) else { return Ok(()) };
        let mut put = self.put(item);
        P::block_on_until(deadline, &mut put).unwrap_or_else(|| put.time_out())
    }

    /// Looks for room a few times; if there is none, or there never will be, the item comes back.
    #[inline]
    fn put_spinning(&self, item: T) -> Result<(), T> {
        let item = match self.put_at_once(item) {
            Ok(()) => return Ok(()),
            Err(item) => item,
        };
        let mut rest = Some(item);
        P::spin(|| {
            let (put, rendezvous) = self.put_otherwise(&mut rest);
            // At a rendezvous two who only look never meet, so they stand in line at once.
            (put != Err(TryReserveError::Full) || rendezvous).then_some(())
        });
        rest.map_or(Ok(()), Err)
    }

    /// Takes an item out, and blocks this thread while there is none. Otherwise as [`get`](Self::get).
    ///
    /// It first looks for an item for about as long as a thread takes to answer, and takes its place in line only
    /// then.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    #[inline]
    pub fn get_blocking(&self) -> Result<T, GetError> {
        self.get_spinning().unwrap_or_else(|| P::block_on(self.get()))
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GetError::TimedOut), and those of [`get`](Self::get). An item that is there is never refused for
    /// the time's sake.
    pub fn get_blocking_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        let deadline = P::now() + timeout;
        self.get_spinning()
            .unwrap_or_else(|| P::block_on_until(deadline, self.get()).unwrap_or(Err(GetError::TimedOut)))
    }

    #[inline]
    fn get_spinning(&self) -> Option<Result<T, GetError>> {
        P::spin(|| {
            if let Some(item) = self.locked.with(Machine::get_at_once) {
                return Some(Some(Ok(item)));
            }
            let mut missed = Missed::NEW;
            match self.get_otherwise(&mut missed) {
                Some(item) => Some(Some(Ok(item))),
                None if missed.error == TryGetError::Closed => Some(Some(Err(GetError::Closed))),
                None => missed.rendezvous.then_some(None),
            }
        })
        .flatten()
    }

    /// Blocks this thread until there is at least one item. Otherwise as [`get_many`](Self::get_many).
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn get_many_blocking<B: Buffer<T>>(&self, buffer: &mut B, most: usize) -> Result<usize, GetError> {
        match P::spin(|| Some(self.drain_ready(buffer, most)).filter(|&count| count > 0)) {
            Some(count) => Ok(count),
            None => P::block_on(self.get_many(buffer, most)),
        }
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GetError::TimedOut), and those of [`get`](Self::get). Items that are there are never refused for
    /// the time's sake.
    pub fn get_many_blocking_timeout<B: Buffer<T>>(
        &self,
        buffer: &mut B,
        most: usize,
        timeout: Duration,
    ) -> Result<usize, GetError> {
        let deadline = P::now() + timeout;
        match P::spin(|| Some(self.drain_ready(buffer, most)).filter(|&count| count > 0)) {
            Some(count) => Ok(count),
            None => P::block_on_until(deadline, self.get_many(buffer, most)).unwrap_or(Err(GetError::TimedOut)),
        }
    }

    /// Waits for room and blocks this thread meanwhile. Otherwise as [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// Those of [`reserve`](Self::reserve).
    pub fn reserve_blocking(&self) -> Result<Slot<&Self>, ReserveError> {
        P::block_on(self.reserve())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ReserveError::TimedOut), and those of [`reserve`](Self::reserve).
    pub fn reserve_blocking_timeout(&self, timeout: Duration) -> Result<Slot<&Self>, ReserveError> {
        P::block_on_until(P::now() + timeout, self.reserve()).unwrap_or(Err(ReserveError::TimedOut))
    }

    /// Blocks this thread until all is done. Otherwise as [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join).
    pub fn join_blocking(&self) -> Result<(), JoinError> {
        P::block_on(self.join())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join`](Self::join).
    pub fn join_blocking_timeout(&self, timeout: Duration) -> Result<(), JoinError> {
        P::block_on_until(P::now() + timeout, self.join()).unwrap_or(Err(JoinError::TimedOut))
    }

    /// The items as they come, until the queue is closed and empty; blocks this thread in between.
    ///
    /// In inline storage it also ends when there is no room to wait.
    pub const fn iter(&self) -> Iter<'_, P, S, T, D, V> {
        Iter(self)
    }
}

/// The iterator of [`Queue::iter`].
pub struct Iter<'a, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage>(&'a Queue<P, S, T, D, V>);

impl<P: Blocking, S: Storage, T, D: Discipline<T>, V: Storage> Iterator for Iter<'_, P, S, T, D, V> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.get_blocking().ok()
    }
}

/// Nothing comes out of a queue that is closed and empty.
impl<P: Blocking, S: Storage, T, D: Discipline<T>, V: Storage> FusedIterator for Iter<'_, P, S, T, D, V> {}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> fmt::Debug for Iter<'_, P, S, T, D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
    }
}

impl<'a, P: Blocking, S: Storage, T, D: Discipline<T>, V: Storage> IntoIterator for &'a Queue<P, S, T, D, V> {
    type Item = T;
    type IntoIter = Iter<'a, P, S, T, D, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
