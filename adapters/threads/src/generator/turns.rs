//! [`Turns`]: whether some work has a thread, is about to, or rests until it is woken.
//!
//! ```text
//!             wake: submit             a thread comes to it
//!   RESTING ──────────────► SUBMITTED ─────────────────────► RUNNING ─────► OVER
//!      ▲                        ▲                             │    │
//!      │                        │ its time is up              │    │ wake
//!      │                        ├─────────────────────────────┤    ▼
//!      └─── nothing demanded ───┼─────────────────────────────┘  WOKEN: looks again
//!                               └───────────────────────────────────┘
//! ```
//!
//! A wake is either the one that has the work submitted, or one before which the work looks again: it is SUBMITTED,
//! and looks when its turn comes; or it runs, and is WOKEN.
//!
//! `tests/loom` has the models, which include this very file.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering};

const RESTING: u8 = 0;
const SUBMITTED: u8 = 1;
const RUNNING: u8 = 2;
const WOKEN: u8 = 3;
const OVER: u8 = 4;

/// Whether some work has a thread, is about to, or rests until it is woken.
#[derive(Debug)]
pub(super) struct Turns {
    state: AtomicU8,
}

impl Turns {
    /// It rests.
    pub(super) fn new() -> Self {
        Self { state: AtomicU8::new(RESTING) }
    }

    /// There is something to do; says whether it is to be submitted for that.
    #[must_use]
    pub(super) fn wake(&self) -> bool {
        let next = |state| match state {
            RESTING => Some(SUBMITTED),
            RUNNING => Some(WOKEN),
            _ => None,
        };
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(RESTING)
    }

    /// A thread has come to it, or it looks again. Whoever wakes it from here on is noticed.
    pub(super) fn run(&self) {
        self.state.store(RUNNING, Ordering::Relaxed);
    }

    /// There was nothing to do; `false` if it has been woken meanwhile, and is to look again.
    #[must_use]
    pub(super) fn rest(&self) -> bool {
        self.state.compare_exchange(RUNNING, RESTING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Others are to have the thread for a while: it is to be submitted again.
    pub(super) fn give_way(&self) {
        self.state.swap(SUBMITTED, Ordering::AcqRel);
    }

    /// It will never run again.
    pub(super) fn end(&self) {
        self.state.store(OVER, Ordering::Release);
    }

    /// The same, unless it has been woken since it came to rest.
    #[must_use]
    pub(super) fn discard(&self) -> bool {
        self.state.compare_exchange(RESTING, OVER, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}
