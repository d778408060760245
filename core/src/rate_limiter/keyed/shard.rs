//! [`Shard`]: a machine behind its lock, apart from the others.

use core::task::Waker;

use super::machine::Machine;
use crate::Instant;
use crate::platform::Platform;
use crate::rooms::Rooms;
use crate::sync::{Lock, const_fn};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// A machine behind its lock. Where there are caches, on lines of its own, also if they are fetched in pairs; and so many
/// bytes apart from the next that to find it is a shift.
#[cfg_attr(target_pointer_width = "64", repr(align(512)))]
pub(super) struct Shard<K, P: Platform, S: Rooms>(Lock<P::RawMutex, Machine<K, Waker, S>>);

impl<K: Eq, P: Platform, S: Rooms> Shard<K, P, S> {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(Lock::new(Machine::new()))
        }
    }

    /// Reaches the machine for what needs no settling.
    #[inline]
    pub(super) fn with<U>(&self, operation: impl FnOnce(&mut Machine<K, Waker, S>) -> U) -> U {
        self.0.with(operation)
    }

    /// Serves who is due, if it is told the time, then runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    pub(super) fn transact<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        now: Option<Instant>,
        operation: impl FnOnce(&mut Machine<K, Waker, S>) -> U,
    ) -> U {
        self.ask(wakes, now, operation).0
    }

    /// The same for somebody in line; also tells until when it is to sleep, if that is up to it.
    pub(super) fn ask<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        now: Option<Instant>,
        operation: impl FnOnce(&mut Machine<K, Waker, S>) -> U,
    ) -> (U, Option<Instant>) {
        self.0.with(|machine| {
            if let Some(now) = now {
                machine.handle_timeout(now);
                Self::gather(machine, wakes);
            }
            let output = operation(machine);
            Self::gather(machine, wakes);
            (output, machine.answer())
        })
    }

    fn gather(machine: &mut Machine<K, Waker, S>, wakes: &mut Wakes<'_, Self>) {
        if machine.is_unsettled() {
            wakes.gather(|list| machine.settle(list));
        }
    }
}

impl<K: Eq, P: Platform, S: Rooms> Settle for Shard<K, P, S> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.0.with(|machine| machine.settle(list))
    }
}
