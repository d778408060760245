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
    /// Whether the item has been left with it.
    offered: bool,
}

impl<R: QueueRef> Waiting<R> {
    pub(super) const fn new(queue: R, what: For) -> Self {
        Self { queue: Some(queue), what, priority: None, key: None, offered: false }
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

    /// Gives up whatever it has; answers the item that was left with its place, unless that has been taken.
    pub(super) fn give_up(&mut self) -> Option<R::Item> {
        let mut item = None;
        if let (Some(key), Some(queue)) = (self.key.take(), &self.queue) {
            queue.queue().cancel(self.what, key, self.offered, &mut item);
        }
        self.queue = None;
        item
    }

    /// The queue, and the place in it, unless the wait is over.
    pub(super) fn split(&mut self) -> Option<(&QueueOf<R>, Place<'_>)> {
        let queue = self.queue.as_ref()?.queue();
        let Self { what, priority, key, offered, .. } = self;
        Some((queue, Place { what: *what, priority: *priority, key, offered }))
    }

    /// Asks for what it waits for. `granted` is what is done with it, under the lock; it gets the item that is to be
    /// put, or a place for one.
    pub(super) fn poll<U>(
        &mut self,
        cx: &Context<'_>,
        item: &mut Option<R::Item>,
        granted: impl FnOnce(&mut MachineOf<R>, &mut Option<R::Item>) -> U,
    ) -> Poll<Result<U, Denied>> {
        match self.split() {
            Some((queue, place)) => place.poll(queue, cx, item, granted),
            None => Poll::Pending,
        }
    }
}

/// A place in line, to be taken or taken already.
pub(super) struct Place<'a> {
    what: For,
    priority: Option<Priority>,
    key: &'a mut Option<WaiterKey>,
    offered: &'a mut bool,
}

impl Place<'_> {
    /// As [`Waiting::poll`].
    pub(super) fn poll<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage, U>(
        mut self,
        queue: &Queue<P, S, T, D, V>,
        cx: &Context<'_>,
        item: &mut Option<T>,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>, &mut Option<T>) -> U,
    ) -> Poll<Result<U, Denied>> {
        match *self.key {
            Some(key) => queue.ask(&mut self, key, cx.waker(), item, granted),
            None => queue.enter(&mut self, cx.waker(), item, granted),
        }
    }
}

impl<R: QueueRef> Drop for Waiting<R> {
    #[inline]
    fn drop(&mut self) {
        if self.key.is_some() {
            drop(self.give_up());
        }
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// The first time.
    fn enter<U>(
        &self,
        place: &mut Place<'_>,
        waker: &Waker,
        item: &mut Option<T>,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>, &mut Option<T>) -> U,
    ) -> Poll<Result<U, Denied>> {
        let what = place.what;
        let priority = place.priority.unwrap_or_else(P::ambient_priority);
        let waker = waker.clone();
        // Dropped after the lock is released, whatever happens under it.
        let mut unused = None;
        let mut wakes = self.wakes();
        let output = self.transact(&mut wakes, |machine| match machine.wait(what, priority, waker) {
            Ok(Entry::Granted(waker)) => {
                unused = Some(waker);
                Poll::Ready(Ok(granted(machine, item)))
            }
            Ok(Entry::Queued(key)) => {
                *place.key = Some(key);
                if what == For::Room && item.is_some() {
                    machine.offer(key, item);
                    *place.offered = item.is_none();
                }
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
        wakes.deliver();
        drop(unused);
        output
    }

    /// Once it has a place in line.
    fn ask<U>(
        &self,
        place: &mut Place<'_>,
        key: WaiterKey,
        waker: &Waker,
        item: &mut Option<T>,
        granted: impl FnOnce(&mut Machine<T, Waker, D, S, V>, &mut Option<T>) -> U,
    ) -> Poll<Result<U, Denied>> {
        let (what, offered) = (place.what, *place.offered);
        let mut granted = Some(granted);
        loop {
            let mut wakes = self.wakes();
            let asked = self.transact(&mut wakes, |machine| {
                let progress =
                    if offered { machine.poll_offer(key, waker, item) } else { machine.poll(what, key, waker) };
                match progress {
                    Progress::Granted => {
                        // From here on nothing is left to cancel, whatever panics.
                        *place.key = None;
                        granted.take().map(|granted| Poll::Ready(Ok(granted(machine, item))))
                    }
                    Progress::Closed => {
                        *place.key = None;
                        Some(Poll::Ready(Err(Denied::Closed)))
                    }
                    Progress::Waiting => Some(Poll::Pending),
                    Progress::WakerDiffers => None,
                }
            });
            wakes.deliver();
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

    #[cold]
    #[inline(never)]
    fn cancel(&self, what: For, key: WaiterKey, offered: bool, item: &mut Option<T>) {
        let mut wakes = self.wakes();
        let waker = self.transact(&mut wakes, |machine| {
            if offered { machine.withdraw(key, item) } else { machine.cancel(what, key) }
        });
        wakes.deliver();
        drop(waker);
    }
}
