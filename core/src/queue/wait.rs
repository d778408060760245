//! [`Waiting`]: what all futures of a queue have in common, a place in one of its lines.

use core::task::{Context, Poll, Waker};

use super::Machine;
use super::answers::{Entry, For, Progress, Refused};
use super::pointer::{MachineOf, QueueOf};
use super::{Discipline, Queue, QueueRef};
use crate::Priority;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::wait_queue::WaiterKey;

/// Why waiting came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Closed,
    Full,
}

/// A place in one of the lines of a queue, taken when it is first polled and given up when it is dropped.
pub(super) struct Waiting<R: QueueRef> {
    /// `None` once the wait is over.
    queue: Option<R>,
    what: For,
    /// `None` for the priority of the scope.
    priority: Option<Priority>,
    /// The place in line, if it has one.
    key: Option<WaiterKey>,
}

impl<R: QueueRef> Waiting<R> {
    pub(super) const fn new(queue: R, what: For) -> Self {
        Self { queue: Some(queue), what, priority: None, key: None }
    }

    pub(super) const fn set_priority(&mut self, priority: Priority) {
        self.priority = Some(priority);
    }

    /// The queue, unless the wait is over.
    #[inline]
    pub(super) const fn queue(&self) -> Option<&R> {
        self.queue.as_ref()
    }

    /// Whether nobody has asked yet.
    #[inline]
    pub(super) const fn is_new(&self) -> bool {
        self.key.is_none()
    }

    /// Ends the wait, and answers the queue.
    #[inline]
    pub(super) fn finish(&mut self) -> Option<R> {
        self.queue.take()
    }

    /// Gives up whatever it has.
    pub(super) fn give_up(&mut self) {
        if let (Some(key), Some(queue)) = (self.key.take(), &self.queue) {
            queue.queue().cancel(self.what, key);
        }
        self.queue = None;
    }

    /// The queue, and the place in it, unless the wait is over.
    pub(super) fn split(&mut self) -> Option<(&QueueOf<R>, Place<'_>)> {
        let queue = self.queue.as_ref()?.queue();
        Some((queue, Place { what: self.what, priority: self.priority, key: &mut self.key }))
    }

    /// Asks for what it waits for. `granted` is what is done with it, under the lock.
    pub(super) fn poll<U>(
        &mut self,
        cx: &Context<'_>,
        granted: impl FnOnce(&mut MachineOf<R>) -> U,
    ) -> Poll<Result<U, Denied>> {
        match self.split() {
            Some((queue, place)) => place.poll(queue, cx, granted),
            None => Poll::Pending,
        }
    }
}

/// A place in line, to be taken or taken already.
pub(super) struct Place<'a> {
    what: For,
    priority: Option<Priority>,
    key: &'a mut Option<WaiterKey>,
}

impl Place<'_> {
    /// Asks for what it waits for. `granted` is what is done with it, under the lock.
    pub(super) fn poll<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage, U>(
        self,
        queue: &Queue<P, S, T, D, V>,
        cx: &Context<'_>,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>) -> U,
    ) -> Poll<Result<U, Denied>> {
        if let Some(key) = *self.key {
            return queue.ask(self.what, key, self.key, cx.waker(), granted);
        }
        let priority = self.priority.unwrap_or_else(P::ambient_priority);
        queue.enter(self.what, self.key, priority, cx.waker(), granted)
    }
}

impl<R: QueueRef> Drop for Waiting<R> {
    #[inline]
    fn drop(&mut self) {
        if self.key.is_some() {
            self.give_up();
        }
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// The first time.
    fn enter<U>(
        &self,
        what: For,
        place: &mut Option<WaiterKey>,
        priority: Priority,
        waker: &Waker,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>) -> U,
    ) -> Poll<Result<U, Denied>> {
        let waker = waker.clone();
        // Dropped after the lock is released, whatever happens under it.
        let mut unused = None;
        let mut wakes = self.wakes();
        let output = self.transact(&mut wakes, |machine| match machine.wait(what, priority, waker) {
            Ok(Entry::Granted(waker)) => {
                unused = Some(waker);
                Poll::Ready(Ok(granted(machine)))
            }
            Ok(Entry::Queued(key)) => {
                *place = Some(key);
                Poll::Pending
            }
            Err(Refused::Closed(waker)) => {
                unused = Some(waker);
                Poll::Ready(Err(Denied::Closed))
            }
            Err(Refused::Full(waker)) => {
                unused = Some(waker);
                Poll::Ready(Err(Denied::Full))
            }
        });
        drop(wakes);
        drop(unused);
        output
    }

    /// Once it has a place in line.
    fn ask<U>(
        &self,
        what: For,
        key: WaiterKey,
        place: &mut Option<WaiterKey>,
        waker: &Waker,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>) -> U,
    ) -> Poll<Result<U, Denied>> {
        let mut granted = Some(granted);
        loop {
            let mut wakes = self.wakes();
            let asked = self.transact(&mut wakes, |machine| match machine.poll(what, key, waker) {
                Progress::Granted => {
                    // From here on nothing is left to cancel, whatever panics.
                    *place = None;
                    granted.take().map(|granted| Poll::Ready(Ok(granted(machine))))
                }
                Progress::Closed => {
                    *place = None;
                    Some(Poll::Ready(Err(Denied::Closed)))
                }
                Progress::Waiting => Some(Poll::Pending),
                Progress::WakerDiffers => None,
            });
            drop(wakes);
            if let Some(output) = asked {
                return output;
            }
            let fresh = waker.clone();
            // The one that is replaced, or this one if it is not wanted any more, is dropped here.
            if self.locked.with(|machine| machine.register(what, key, fresh)).is_ok() {
                return Poll::Pending;
            }
        }
    }
}
