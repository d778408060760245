//! What the models share. Run them with
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml
//! ```
//!
//! Each model is run in every order of its threads that takes no more preemptions than [`model`] says, and with
//! every value that an atomic may have by then. The environment variables of loom apply: `LOOM_MAX_PREEMPTIONS=4`
//! looks deeper and takes longer.
#![cfg(loom)]
#![forbid(unsafe_code)]

mod clock;

pub use clock::{Sleep, Step};

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use tidegate_core::semaphore::{self, Permit};
use tidegate_core::{Heap, Local, Platform};

/// A platform with the atomic fast path, on loom's atomics and locks.
#[derive(Clone, Copy, Debug)]
pub struct Loom;

impl Platform for Loom {
    // A name without effect: core uses loom's lock.
    type RawMutex = <Local as Platform>::RawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

/// The semaphore that the models are about.
pub type Semaphore = semaphore::Semaphore<Loom, Heap>;

/// Runs a model in every order of its threads with up to three preemptions.
pub fn model(run: impl Fn() + Sync + Send + 'static) {
    model_with_preemptions(3, run);
}

/// The same with as many preemptions as are named here, for models that have very many orders.
pub fn model_with_preemptions(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(run);
}

/// A place that only holders of permits enter, and what they do there.
///
/// It is written without any ordering, so a visit is lost unless the semaphore keeps visitors apart and makes
/// what one has done visible to the next.
pub struct Room {
    visits: AtomicUsize,
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { visits: AtomicUsize::new(0) })
    }

    /// Counts a first visit, by somebody who needs no permit because there are none yet.
    pub fn open(&self) {
        self.visits.store(1, Ordering::Relaxed);
    }

    /// Visits the room with a permit, which it gives back. There must not be another one.
    pub fn visit(&self, permit: Permit<&Semaphore>) {
        let visits = self.visits.load(Ordering::Relaxed);
        self.visits.store(visits + 1, Ordering::Relaxed);
        drop(permit);
    }

    /// How many visits there have been. To be asked with a permit in hand, or when all threads are done.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

/// Polls a future for which nobody needs to be woken.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
