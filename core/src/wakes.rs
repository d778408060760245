//! [`Wakes`]: whom a handle has to wake once it has let go of its lock, however many they are.

use core::mem;
use core::task::Waker;

use crate::wake::WakeList;

/// A handle whose machine gathers a bounded list of wakes under each lock.
pub(crate) trait Settle {
    /// Takes the lock, lets the machine settle, and gathers whom to wake; `true` if there are more.
    fn settle(&self, list: &mut WakeList<Waker>) -> bool;
}

/// Wakes to deliver, and after them those that did not fit under one lock.
///
/// Dropping it delivers all of them, a listful under each lock, and a wake that panics keeps none of the others from
/// being delivered.
pub(crate) struct Wakes<'a, H: Settle> {
    /// Dropped first: order of declaration.
    list: WakeList<Waker>,
    rest: Rest<'a, H>,
}

struct Rest<'a, H: Settle> {
    handle: &'a H,
    more: bool,
}

impl<'a, H: Settle> Wakes<'a, H> {
    #[inline]
    pub(crate) const fn new(handle: &'a H) -> Self {
        Self { list: WakeList::new(), rest: Rest { handle, more: false } }
    }

    /// Adds whom `settle` gathers, which answers whether there are more. Under the lock.
    #[inline]
    pub(crate) fn gather(&mut self, settle: impl FnOnce(&mut WakeList<Waker>) -> bool) {
        self.rest.more = settle(&mut self.list);
    }

    /// For an operation that itself knows whom to wake. Under the lock.
    #[inline]
    pub(crate) const fn list(&mut self) -> &mut WakeList<Waker> {
        &mut self.list
    }

    /// Should what follows under the lock panic, the handle settles while unwinding. Until the next
    /// [`gather`](Self::gather).
    #[inline]
    pub(crate) const fn guard(&mut self) {
        self.rest.more = true;
    }

    /// Whether there is nobody to wake.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // There is more only where the list is full.
        self.list.is_empty()
    }

    /// Wakes everybody, as dropping it does. Outside of the lock.
    ///
    /// Rather than `drop(wakes)`, which first moves the whole list, room and all.
    #[inline]
    pub(crate) fn deliver(&mut self) {
        if !self.list.is_empty() {
            self.list.deliver();
        }
        if mem::take(&mut self.rest.more) {
            settle(self.rest.handle);
        }
    }
}

impl<H: Settle> Drop for Rest<'_, H> {
    #[inline]
    fn drop(&mut self) {
        if self.more {
            settle(self.handle);
        }
    }
}

/// Lets a handle settle, and wakes everybody that it says.
#[cold]
#[inline(never)]
pub(crate) fn settle<H: Settle>(handle: &H) {
    loop {
        let mut wakes = Wakes::new(handle);
        wakes.rest.more = handle.settle(&mut wakes.list);
        // Should a wake panic here, dropping `rest` goes on instead of this loop.
        wakes.list.deliver();
        if !mem::take(&mut wakes.rest.more) {
            return;
        }
    }
}
