//! [`Shard`]: a machine behind a lock, and the wakes that come of what is done to it.

use core::hash::Hash;
use core::task::Waker;

use super::machine::Machine;
use super::{Lifetimes, Stats};
use crate::Instant;
use crate::Rooms;
use crate::platform::Platform;
use crate::sync::{Lock, const_fn};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// The machine of a cache.
pub(super) type Inner<K, V, S, E, L> = Machine<
    K,
    Result<V, E>,
    Waker,
    <L as Lifetimes<V>>::Map<K, Result<V, E>, <S as Rooms>::Kept>,
    <S as Rooms>::Waiting,
>;

/// A part of a cache, on cache lines of its own where there are caches.
#[cfg_attr(target_pointer_width = "64", repr(align(64)))]
pub(super) struct Shard<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>> {
    locked: Lock<P::RawMutex, Inner<K, V, S, E, L>>,
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>> Shard<K, V, P, S, E, L> {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { locked: Lock::new(Machine::new()) }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.locked.with(|machine| machine.len())
    }

    pub(super) fn flights(&self) -> usize {
        self.locked.with(|machine| machine.flights())
    }

    pub(super) fn stats(&self) -> Stats {
        self.locked.with(|machine| machine.stats())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.locked.with(|machine| machine.poll_timeout())
    }

    pub(super) fn invalidate_all(&self) {
        let map = self.locked.with(Machine::invalidate_all);
        // The values: outside of the lock.
        drop(map);
    }

    pub(super) fn purge(&self, now: L::Now) {
        while let Some(expired) = self.locked.with(|machine| machine.pop_expired(now)) {
            drop(expired);
        }
    }

    /// Runs what neither waits nor wakes.
    #[inline]
    pub(super) fn with<T>(&self, operation: impl FnOnce(&mut Inner<K, V, S, E, L>) -> T) -> T {
        self.locked.with(operation)
    }

    pub(super) const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    #[inline]
    pub(super) fn transact<T>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Inner<K, V, S, E, L>) -> T,
    ) -> T {
        self.transact_with(wakes, |machine, _| operation(machine))
    }

    /// The same with an operation that may wake somebody itself.
    #[inline]
    pub(super) fn transact_with<T>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Inner<K, V, S, E, L>, &mut WakeList<Waker>) -> T,
    ) -> T {
        self.locked.with(|machine| {
            let output = operation(machine, wakes.list());
            if machine.is_unsettled() {
                wakes.gather(|list| machine.settle(list));
            }
            output
        })
    }
}

impl<K: Hash + Eq, V: Clone, P: Platform, S: Rooms, E: Clone, L: Lifetimes<V>> Shard<K, V, P, S, E, L> {
    #[inline]
    pub(super) fn lookup(
        &self,
        hash: u32,
        is_sought: impl FnMut(&K) -> bool,
        now: L::Now,
    ) -> Option<Result<V, E>> {
        self.locked.with(|machine| machine.lookup(hash, is_sought, now).cloned())
    }

    #[inline]
    pub(super) fn get(&self, hash: u32, is_sought: impl FnMut(&K) -> bool, now: L::Now) -> Option<Result<V, E>> {
        self.locked.with(|machine| machine.get(hash, is_sought, now).cloned())
    }
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>> Settle for Shard<K, V, P, S, E, L> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| machine.settle(list))
    }
}
