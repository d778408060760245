//! Acquiring allocates nothing once all storage has grown to what is needed, also while others contend.
//!
//! It is a program rather than a set of tests, for the allocator counts what all threads do.
#![forbid(unsafe_code)]

mod batches;
mod cache;
mod lru;
mod queue;
mod tasks;
mod threads;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many times what is measured is repeated.
const WINDOWS: usize = 12;

/// The least that was allocated in any of several windows of time.
///
/// The first windows warm up: the line of waiters grows, and so do the structures of the executor and of the
/// lock, at moments of their own. Whatever is allocated for each acquire is allocated in every window.
struct Least(usize);

impl Least {
    const fn new() -> Self {
        Self(usize::MAX)
    }

    /// Looks at a window that began with `region`.
    fn window(&mut self, region: &Region<'_, System>) {
        let change = region.change();
        self.0 = self.0.min(change.allocations + change.reallocations);
    }
}

/// A window of time that begins now.
fn region() -> Region<'static, System> {
    Region::new(ALLOCATOR)
}

/// The least that `work` allocates.
fn least_allocations(mut work: impl FnMut()) -> usize {
    let mut least = Least::new();
    for _ in 0..WINDOWS {
        let region = region();
        work();
        least.window(&region);
    }
    least.0
}

fn main() {
    let counted = least_allocations(|| drop(Box::new(1)));
    assert_eq!(counted, 1, "allocations are counted");

    for (what, allocations) in [
        ("uncontended", tasks::uncontended()),
        ("100 tasks, one thread", tasks::one_thread()),
        ("100 tasks, two threads", tasks::two_threads()),
        ("100 tasks, 64 priorities", tasks::many_priorities()),
        ("cancelled on the way", tasks::cancelled()),
        ("4 threads, blocking", threads::blocking()),
        ("4 threads, blocking for a time", threads::blocking_for_a_time()),
        ("Cache, full", cache::churn()),
        ("queues, nobody waits", queue::passing()),
        ("a queue at which many wait", queue::waiting()),
        ("a queue between threads", queue::threads()),
        ("Waterfall, by hand", batches::by_hand()),
        ("Waterfall, running", batches::running()),
        ("Batcher", batches::calls()),
        ("Lru, full", lru::churn()),
        ("TtlLru, full", lru::timed_churn()),
    ] {
        println!("{what}: {allocations} allocations");
        assert_eq!(allocations, 0, "{what} must not allocate");
    }

    for capacity in [10_000, 100_000] {
        let (bytes, allocations) = lru::reserved(capacity);
        println!("Lru of {capacity}, u64 to u64: {bytes:.1} bytes per entry, {allocations} allocations");
        assert!(bytes <= 40.0 && allocations <= 4, "room is made once");
    }
    let bytes = lru::flooded();
    println!("TtlLru of 1000 after a flood: {bytes} bytes");
    assert!(bytes < 100_000, "what was evicted is forgotten");
}
