//! [`Notice`]: what one thread is told while it waits, and whether it has to be woken for that.
//!
//! ```text
//!              give                give: unpark the thread
//!   IDLE ──────────────► GIVEN ◄────────────────── PARKED
//!     ▲                    │  the thread takes it     ▲
//!     ├────────────────────┘                          │
//!     └───────────────────────────────────────────────┘
//!          the thread parks; the time is up
//! ```
//!
//! Only the thread itself leaves GIVEN or enters PARKED. A notice is taken by a swap, never by a store: the swap
//! reads the newest notice, so what the thread does after it sees what everybody did who gave one before.
//!
//! `tests/loom` has the models, which include this very file.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const GIVEN: u8 = 1;
const PARKED: u8 = 2;

/// What one thread is told while it waits.
#[derive(Debug)]
pub(crate) struct Notice {
    state: AtomicU8,
}

impl Notice {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU8::new(IDLE) }
    }

    /// Gives notice; says whether the thread is to be unparked for it.
    #[must_use]
    pub(crate) fn give(&self) -> bool {
        self.state.swap(GIVEN, Ordering::AcqRel) == PARKED
    }

    /// Whether notice has been given, and not been taken. For the thread itself.
    pub(crate) fn is_given(&self) -> bool {
        self.state.load(Ordering::Relaxed) == GIVEN
    }

    /// Takes the notice, if any. For the thread itself.
    pub(crate) fn take(&self) {
        self.state.swap(IDLE, Ordering::AcqRel);
    }

    /// Parks until notice is given, by `park`, which says whether the time is up; `false` if it was up first.
    /// For the thread itself.
    ///
    /// The token of `park` only ends a sleep; whether there was a notice, the state alone says. So a stray token costs a
    /// look at the state, and cannot lose anything.
    pub(crate) fn wait(&self, mut park: impl FnMut() -> bool) -> bool {
        if self.state.compare_exchange(IDLE, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return true;
        }
        loop {
            let time_is_up = park();
            if self.is_given() {
                return true;
            }
            if time_is_up {
                return self.state.compare_exchange(PARKED, IDLE, Ordering::Relaxed, Ordering::Relaxed).is_err();
            }
        }
    }

    #[cfg(test)]
    #[cfg_attr(loom, expect(dead_code, reason = "for the tests beside the seat"))]
    pub(crate) fn is_parked(&self) -> bool {
        self.state.load(Ordering::Relaxed) == PARKED
    }
}
