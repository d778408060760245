//! Batches on two threads, pinned to cores.

use core::hint;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

use core_affinity::CoreId;

/// Where the two threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Each on a core of its own.
    Apart,
    /// Both on one core.
    Together,
}

impl Placement {
    pub(crate) const fn cores(self) -> usize {
        match self {
            Self::Apart => 2,
            Self::Together => 1,
        }
    }

    /// The cores of the first and the second thread; none where threads cannot be pinned.
    fn choose(self) -> [Option<CoreId>; 2] {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let second = match self {
            Self::Apart => cores.get(1),
            Self::Together => cores.first(),
        };
        [cores.first().copied(), second.copied()]
    }
}

/// Runs both at once; the time from the first start to the last end.
pub(crate) fn race_threads(
    placement: Placement,
    first: impl FnOnce() + Send,
    second: impl FnOnce() + Send,
) -> Duration {
    let [first_core, second_core] = placement.choose();
    let arrived = AtomicUsize::new(0);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| timed(&arrived, first_core, first));
        let second = scope.spawn(|| timed(&arrived, second_core, second));
        (first.join().expect("no contender panics"), second.join().expect("no contender panics"))
    });
    first.1.max(second.1).duration_since(first.0.min(second.0))
}

/// Pins this thread, waits for the other, and runs `body`.
fn timed(arrived: &AtomicUsize, core: Option<CoreId>, body: impl FnOnce()) -> (Instant, Instant) {
    if let Some(core) = core {
        core_affinity::set_for_current(core);
    }
    arrived.fetch_add(1, Ordering::Relaxed);
    while arrived.load(Ordering::Relaxed) < 2 {
        hint::spin_loop();
        thread::yield_now();
    }
    let start = Instant::now();
    body();
    (start, Instant::now())
}
