//! What panics under the lock: clones and comparisons.

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::hash::{Hash, Hasher};
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::Poll;
use std::panic::catch_unwind;

use tidegate_threads::Cache;

use tidegate_tests::poll_once;

/// Room for what polls by hand.
fn pinned<F: Future>(future: F) -> Pin<Box<F>> {
    Box::pin(future)
}

/// A value whose clone panics when it is told to.
struct Brittle<'a>(&'a Cell<bool>);

impl Clone for Brittle<'_> {
    fn clone(&self) -> Self {
        assert!(!self.0.get(), "on purpose");
        Self(self.0)
    }
}

#[test]
fn a_clone_that_panics_leaves_all_in_order() {
    let brittle = Cell::new(false);
    let cache: Cache<u32, Brittle<'_>> = Cache::new(8);
    assert!(poll_once(&mut pinned(cache.get_or_load(&1, || async { Brittle(&brittle) }))).is_ready());
    brittle.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| cache.get(&1).is_some())).is_err());
    brittle.set(false);
    assert!(cache.get(&1).is_some());

    // At the end of a computation, with somebody in line: that one computes.
    let ready = Cell::new(false);
    let wait = || poll_fn(|_| if ready.get() { Poll::Ready(Brittle(&brittle)) } else { Poll::Pending });
    let mut first = pinned(cache.get_or_load(&2, wait));
    let mut second = pinned(cache.get_or_load(&2, wait));
    let mut third = pinned(cache.get_or_load(&2, wait));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut third).is_pending());
    ready.set(true);
    brittle.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut first))).is_err());
    brittle.set(false);
    assert!(poll_once(&mut second).is_ready());
    brittle.set(true);
    // The last to read takes the value, and clones nothing.
    assert!(poll_once(&mut third).is_ready());
    assert_eq!(cache.in_flight(), 0);
}

thread_local! {
    static COMPARING_PANICS: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone)]
struct Touchy(u32);

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        assert!(!COMPARING_PANICS.get(), "on purpose");
        self.0 == other.0
    }
}

impl Eq for Touchy {}

#[test]
fn a_comparison_that_panics_leaves_all_in_order() {
    let cache: Cache<Touchy, u32> = Cache::new(8);
    let key = Touchy(1);
    let ready = Cell::new(false);
    let wait = || poll_fn(|_| if ready.get() { Poll::Ready(1) } else { Poll::Pending });
    let mut driver = pinned(cache.get_or_load(&key, wait));
    let mut waiter = pinned(cache.get_or_load(&key, wait));
    assert!(poll_once(&mut driver).is_pending());
    assert!(poll_once(&mut waiter).is_pending());
    COMPARING_PANICS.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut pinned(cache.get_or_load(&key, wait))))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| cache.invalidate(&key))).is_err());
    COMPARING_PANICS.set(false);
    ready.set(true);
    assert_eq!(poll_once(&mut driver), Poll::Ready(Ok(1)));
    COMPARING_PANICS.set(true);
    assert_eq!(poll_once(&mut waiter), Poll::Ready(Ok(1)), "reading compares nothing");
    COMPARING_PANICS.set(false);
    assert_eq!((cache.get(&key), cache.in_flight()), (Some(1), 0));
}
