//! [`QueueRef`]: whatever points at a queue.

use core::ops::Deref;

use super::{Discipline, Queue};
use crate::platform::Platform;
use crate::storage::Storage;

/// A pointer to a [`Queue`]: a reference, a `Box`, an `Rc`, an `Arc`, or anything else that dereferences to one. It is
/// implemented for all of them and cannot be implemented by hand.
pub trait QueueRef: sealed::Sealed {
    /// The queue's platform.
    type Platform: Platform;
    /// The queue's storage.
    type Storage: Storage;
    /// What is in the queue.
    type Item;
    /// Which item comes out next.
    type Discipline: Discipline<Self::Item>;
    /// Where those who wait are kept.
    type Waiters: Storage;

    /// The queue pointed at.
    #[expect(clippy::type_complexity, reason = "all of it is what there is to say")]
    fn queue(&self) -> &Queue<Self::Platform, Self::Storage, Self::Item, Self::Discipline, Self::Waiters>;
}

impl<R, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> QueueRef for R
where
    R: Deref<Target = Queue<P, S, T, D, V>>,
{
    type Platform = P;
    type Storage = S;
    type Item = T;
    type Discipline = D;
    type Waiters = V;

    #[inline]
    fn queue(&self) -> &Queue<P, S, T, D, V> {
        self
    }
}

mod sealed {
    use super::{Deref, Discipline, Platform, Queue, Storage};

    pub trait Sealed {}

    impl<R, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Sealed for R where
        R: Deref<Target = Queue<P, S, T, D, V>>
    {
    }
}

/// The machine of the queue that `R` points at.
pub(super) type MachineOf<R> = super::Machine<
    <R as QueueRef>::Item,
    core::task::Waker,
    <R as QueueRef>::Discipline,
    <R as QueueRef>::Storage,
    <R as QueueRef>::Waiters,
>;

/// The queue that `R` points at.
pub(super) type QueueOf<R> = Queue<
    <R as QueueRef>::Platform,
    <R as QueueRef>::Storage,
    <R as QueueRef>::Item,
    <R as QueueRef>::Discipline,
    <R as QueueRef>::Waiters,
>;
