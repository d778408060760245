//! [`QueueRef`]: whatever points at a queue.

use super::{Discipline, Queue};
use crate::platform::Platform;
use crate::storage::Storage;

crate::pointer::pointer! {
    pub trait QueueRef for Queue<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage>, by queue {
        /// The queue's platform.
        type Platform: Platform = P;
        /// The queue's storage.
        type Storage: Storage = S;
        /// What is in the queue.
        type Item = T;
        /// Which item comes out next.
        type Discipline: Discipline<Self::Item> = D;
        /// Where those who wait are kept.
        type Waiters: Storage = V;
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
