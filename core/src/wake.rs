//! [`Wake`]: something to wake, and [`WakeList`]: wakes to deliver once the lock is released.

use core::fmt;
use core::task::Waker;

use heapless::Vec;

/// Something that can be woken: [`core::task::Waker`], a flag, an interrupt to be set pending.
///
/// Machines store it, compare it and hand it back; they never call [`wake`](Self::wake) themselves.
pub trait Wake {
    /// Wakes whoever waits, and is used up by it.
    fn wake(self);

    /// Whether waking this one does the same as waking `other`. May err on the side of `false`.
    fn will_wake(&self, other: &Self) -> bool;
}

impl Wake for Waker {
    fn wake(self) {
        Waker::wake(self);
    }

    fn will_wake(&self, other: &Self) -> bool {
        Waker::will_wake(self, other)
    }
}

/// How many wakes are gathered under one lock.
#[cfg(not(loom))]
const BATCH: usize = 16;
/// Small, so that a model reaches the second batch with few waiters.
#[cfg(loom)]
const BATCH: usize = 2;

/// Wakes to deliver later, oldest first: a machine fills it under the lock, the caller drops it afterwards.
///
/// **Dropping the list delivers what is in it.** A wake that panics therefore keeps no other from being
/// delivered. The list is bounded; a machine that could wake more says so, and is asked again.
///
/// ```
/// use core::cell::Cell;
/// use tidegate_core::{Wake, WakeList};
///
/// struct Bell<'a>(&'a Cell<u32>);
/// impl Wake for Bell<'_> {
///     fn wake(self) {
///         self.0.set(self.0.get() + 1);
///     }
///     fn will_wake(&self, other: &Self) -> bool {
///         core::ptr::eq(self.0, other.0)
///     }
/// }
///
/// let rung = Cell::new(0);
/// let mut wakes = WakeList::new();
/// assert!(wakes.push(Bell(&rung)).is_ok());
/// assert_eq!(rung.get(), 0);
/// drop(wakes);
/// assert_eq!(rung.get(), 1);
/// ```
#[must_use = "dropping the list is what wakes: do it after the lock is released"]
pub struct WakeList<W: Wake> {
    wakes: Vec<W, BATCH>,
}

impl<W: Wake> WakeList<W> {
    /// How many wakes fit.
    pub const CAPACITY: usize = BATCH;

    /// An empty list.
    #[inline]
    pub const fn new() -> Self {
        Self { wakes: Vec::new() }
    }

    /// Whether there is no room left.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.wakes.is_full()
    }

    /// Whether there is nothing to deliver.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.wakes.is_empty()
    }

    /// Adds a wake.
    ///
    /// # Errors
    ///
    /// Gives the wake back if the list is full.
    #[inline]
    pub fn push(&mut self, wake: W) -> Result<(), W> {
        self.wakes.push(wake)
    }

    /// Delivers what is in the list, as dropping it does, and leaves it empty.
    pub fn deliver(&mut self) {
        /// Goes on with the rest when a wake unwinds.
        struct Rest<'a, W: Wake>(&'a mut Vec<W, BATCH>);

        impl<W: Wake> Drop for Rest<'_, W> {
            fn drop(&mut self) {
                while let Some(wake) = self.0.pop() {
                    wake.wake();
                }
            }
        }

        // They are taken from the end.
        if self.wakes.len() > 1 {
            self.wakes.reverse();
        }
        let rest = Rest(&mut self.wakes);
        while let Some(wake) = rest.0.pop() {
            wake.wake();
        }
    }
}

impl<W: Wake> Default for WakeList<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Wake> Drop for WakeList<W> {
    #[inline]
    fn drop(&mut self) {
        if !self.wakes.is_empty() {
            self.deliver();
        }
    }
}

impl<W: Wake> fmt::Debug for WakeList<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeList").field("len", &self.wakes.len()).finish()
    }
}
