//! Generators: a producer that runs only when something is demanded of it.
//!
//! A [`Handover`] stands between one [`Producer`] and one [`Consumer`], each in a thread or task of its own. The
//! producer starts at the first demand, and is never further ahead than the demanded item; a larger capacity lets it
//! run ahead by so much more. When the consumer goes, the producer is told to stop at its next yield.
//!
//! | | |
//! |---|---|
//! | `Generator`, in the adapters for tokio, threads and the simulator | an iterator or a closure on a thread, as a stream |
//! | [`Handover`] | the same by hand, between any two tasks or threads |
//! | [`Yielding`] | an iterator in a task, that lets other tasks run between items |
//! | [`Machine`] | demand and hand-over alone, with a lock of your own or none |
//!
//! # Source
//!
//! The seed is `gen_transform` of the Python library `async-utils`.

mod consumer;
mod error;
mod machine;
mod producer;
#[cfg(all(test, not(loom)))]
mod tests;
mod word;
mod yielding;

pub use consumer::{Close, Consumer, Next};
pub use error::{InvalidCapacity, PushError, Stopped};
pub use machine::{Demand, Machine, Supply};
pub use producer::{Demanded, Producer, Yield};
pub use yielding::{NextItem, Yielding};

use core::convert::Infallible;
use core::fmt;
use core::task::Waker;

use word::Word;

use crate::platform::Platform;
use crate::storage::{Buffer, Storage};
use crate::sync::{Lock, const_fn};

/// Where items are handed over, on demand, from one [`Producer`] to one [`Consumer`]. `E` is what a producer may
/// fail with.
///
/// # Fairness
///
/// There is one on either side. Items come in the order in which they were produced.
///
/// # Cost
///
/// One short lock per item for the producer. The consumer takes all items that there are under one lock, and tells
/// of what it has taken when half of the capacity is used up; with a capacity of one, two locks per item.
///
/// ```
/// use tidegate_core::generator::Handover;
/// use tidegate_core::{Inline, Local};
/// # use core::{convert::Infallible, future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let handover: Handover<Local, Inline<1>, u32> = Handover::new();
/// let (mut producer, mut consumer) = Handover::halves(&handover).expect("nobody else has them");
///
/// let mut squares = pin!(async move {
///     let mut next = 0;
///     while producer.demanded().await {
///         next += 1;
///         if producer.yield_(next * next).await.is_err() {
///             break;
///         }
///     }
/// });
/// assert!(squares.as_mut().poll(&mut cx).is_pending(), "nothing is demanded");
///
/// let mut first = pin!(consumer.next());
/// assert!(first.as_mut().poll(&mut cx).is_pending());
/// assert!(squares.as_mut().poll(&mut cx).is_pending());
/// assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(Some(Ok(1))));
/// ```
pub struct Handover<P: Platform, S: Storage, T, E = Infallible> {
    word: Word<P>,
    locked: Lock<P::RawMutex, State<T, E, S>>,
}

struct State<T, E, S: Storage> {
    machine: Machine<Waker, T, E, S>,
    /// The halves have been given away.
    split: bool,
}

impl<P: Platform, S: Storage, T, E> Handover<P, S, T, E> {
    const_fn! {
        /// A capacity of one: the producer works on what has been demanded, and on nothing else.
        ///
        /// Does not compile if the storage has no room at all.
        #[must_use]
        pub fn new() -> Self {
            const { assert!(<S::Buffer<T> as Buffer<T>>::CAPACITY > 0, "the storage has no room at all") };
            Self::with_room(1)
        }
    }

    const_fn! {
        /// Lets the producer be ahead of the demanded item by `capacity - 1` more.
        ///
        /// # Errors
        ///
        /// [`InvalidCapacity`] if it is zero, or more than the storage has room for.
        pub fn with_capacity(capacity: usize) -> Result<Self, InvalidCapacity> {
            if Machine::<Waker, T, E, S>::has_room(capacity) {
                Ok(Self::with_room(capacity))
            } else {
                Err(InvalidCapacity)
            }
        }
    }

    const_fn! {
        fn with_room(capacity: usize) -> Self {
            let machine = Machine::with_room(capacity);
            Self { word: Word::new(), locked: Lock::new(State { machine, split: false }) }
        }
    }

    /// Both sides, by way of any pointer; `None` if somebody has them already.
    pub fn halves<R>(this: R) -> Option<(Producer<R>, Consumer<R>)>
    where
        R: HandoverRef<Platform = P, Storage = S, Item = T, Failure = E> + Clone,
    {
        let capacity = this.handover().locked.with(|state| {
            let split = core::mem::replace(&mut state.split, true);
            (!split).then(|| state.machine.capacity())
        })?;
        Some((Producer::new(this.clone()), Consumer::new(this, capacity)))
    }

    /// Whether the producer has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.locked.with(|state| state.machine.is_ended())
    }

    /// Runs one operation on the machine. What it answers is woken and dropped outside of the lock.
    fn transact<U>(&self, operation: impl FnOnce(&mut Machine<Waker, T, E, S>) -> U) -> U {
        self.locked.with(|state| {
            let output = operation(&mut state.machine);
            let machine = &state.machine;
            self.word.set(machine.is_supplied(), machine.is_demanded(), machine.is_closed());
            output
        })
    }
}

impl<P: Platform, S: Storage, T, E> Default for Handover<P, S, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, S: Storage, T, E> fmt::Debug for Handover<P, S, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").field("ended", &self.is_ended()).finish_non_exhaustive()
    }
}

/// Wakes whom an operation has answered.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

crate::pointer::pointer! {
    pub trait HandoverRef for Handover<P: Platform, S: Storage, T, E>, by handover {
        /// The handover's platform.
        type Platform: Platform = P;
        /// The handover's storage.
        type Storage: Storage = S;
        /// What is handed over.
        type Item = T;
        /// What the producer may fail with.
        type Failure = E;
    }
}
