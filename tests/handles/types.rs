//! Which of the adapters' types may cross threads, and how large the futures are.

use core::mem::size_of;
use std::rc::Rc;
use std::sync::Arc;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use tidegate_core::lockout::Wait;
use tidegate_core::rate_limiter::KeyedAcquire;
use tidegate_core::semaphore::{Acquire, AcquireError, Permit, Semaphore, TooManyPermits, TryAcquireError};
use tidegate_core::{Heap, Inline, Instant, Local, Priority};

/// `Send` and `Sync` for what one adapter exports without parameters.
macro_rules! crosses_threads {
    ($adapter:ident) => {
        assert_impl_all!($adapter::Semaphore: Send, Sync);
        assert_impl_all!($adapter::Permit<'static>: Send, Sync);
        assert_impl_all!($adapter::OwnedPermit: Send, Sync);
        assert_impl_all!($adapter::ManualClock: Send, Sync);
        assert_impl_all!($adapter::Lockout: Send, Sync);
        assert_impl_all!($adapter::FifoLockout: Send, Sync);
        assert_impl_all!(Wait<&'static $adapter::FifoLockout>: Send);
        assert_impl_all!($adapter::Pass<'static>: Send, Sync);
        assert_impl_all!($adapter::KeyedRateLimiter<u64>: Send, Sync);
        assert_impl_all!(KeyedAcquire<&'static $adapter::KeyedRateLimiter<u64>, &'static u64>: Send);
        assert_impl_all!(KeyedAcquire<Arc<$adapter::KeyedRateLimiter<u64>>, u64>: Send);
        assert_impl_all!(Acquire<&'static $adapter::Semaphore>: Send, Sync, Unpin);
        assert_impl_all!(Acquire<Arc<$adapter::Semaphore>>: Send, Sync, Unpin);
    };
}

crosses_threads!(tidegate_tokio);
crosses_threads!(tidegate_threads);
crosses_threads!(tidegate_sim);

assert_impl_all!(tidegate_embassy::Semaphore<4>: Send, Sync);
assert_impl_all!(tidegate_embassy::Permit<'static, 4>: Send, Sync);
assert_impl_all!(tidegate_embassy::Acquire<'static, 4>: Send, Sync, Unpin);

assert_impl_all!(tidegate_embassy::Lockout<4>: Send, Sync);
assert_impl_all!(tidegate_embassy::FifoLockout<4>: Send, Sync);
assert_impl_all!(tidegate_embassy::Pass<'static, 4>: Send, Sync);
assert_not_impl_any!(tidegate_embassy::local::Lockout<4>: Sync);

assert_impl_all!(tidegate_tokio::TokioTimer: Send, Sync, Copy);
assert_impl_all!(tidegate_tokio::Sleep: Send, Sync);
assert_impl_all!(tidegate_threads::ThreadsTimer: Send, Sync, Copy);
assert_impl_all!(tidegate_threads::Sleep: Send, Sync);
assert_impl_all!(tidegate_embassy::EmbassyTimer: Send, Sync, Copy);
assert_impl_all!(tidegate_embassy::Sleep: Send, Sync);
assert_impl_all!(tidegate_threads::priority::Scoped<()>: Send, Sync);
assert_impl_all!(Priority: Send, Sync, Copy);
assert_impl_all!(Instant: Send, Sync, Copy);
assert_impl_all!(AcquireError: Send, Sync, core::error::Error);
assert_impl_all!(TryAcquireError: Send, Sync, core::error::Error);
assert_impl_all!(TooManyPermits: Send, Sync, core::error::Error);

// What has no lock may move to another thread, all of it at once, and is not shared between threads.
assert_impl_all!(Semaphore<Local, Heap>: Send);
assert_not_impl_any!(Semaphore<Local, Heap>: Sync);
assert_not_impl_any!(Permit<&'static Semaphore<Local, Heap>>: Send, Sync);
assert_not_impl_any!(Acquire<&'static Semaphore<Local, Heap>>: Send, Sync);
assert_not_impl_any!(tidegate_embassy::local::Semaphore<4>: Sync);
assert_not_impl_any!(tidegate_embassy::local::Permit<'static, 4>: Send, Sync);
// Nor is what a pointer of one thread points at.
assert_not_impl_any!(Permit<Rc<tidegate_threads::Semaphore>>: Send, Sync);
// A permit is one permit.
assert_not_impl_any!(tidegate_threads::Permit<'static>: Clone);
assert_not_impl_any!(tidegate_threads::OwnedPermit: Clone);

#[test]
fn futures_with_a_timeout_may_cross_threads() {
    fn crosses<T: Send>(_: T) {}
    let hour = core::time::Duration::from_hours(1);
    crosses(tidegate_threads::Semaphore::new(1).acquire_timeout(hour));
    crosses(tidegate_tokio::Semaphore::new(1).acquire_timeout(hour));
    crosses(tidegate_tokio::FifoLockout::new().wait_timeout(hour));
    let (semaphore, lockout) = (tidegate_tokio::Semaphore::new(1), tidegate_tokio::Lockout::new());
    let gate = tidegate_tokio::Gate::new().semaphore(&semaphore).lockout(&lockout);
    crosses(gate.enter());
    crosses(gate.enter_timeout(hour));
}

/// The most that a future without a timeout may take.
const MOST: usize = 64;

#[test]
fn untimed_futures_are_small() {
    assert!(size_of::<Acquire<&tidegate_tokio::Semaphore>>() <= MOST);
    assert!(size_of::<Acquire<Arc<tidegate_tokio::Semaphore>>>() <= MOST);
    assert!(size_of::<Acquire<&tidegate_threads::Semaphore>>() <= MOST);
    assert!(size_of::<Acquire<&tidegate_sim::Semaphore>>() <= MOST);
    assert!(size_of::<tidegate_embassy::Acquire<'_, 4>>() <= MOST);
    assert!(size_of::<Acquire<&Semaphore<Local, Inline<4>>>>() <= MOST);
    // Held permits are stored by the thousand.
    assert!(size_of::<tidegate_tokio::Permit<'_>>() <= 16);
    assert!(size_of::<tidegate_tokio::OwnedPermit>() <= 16);
}

#[test]
fn awaiting_costs_nothing_on_top() {
    async fn task(semaphore: &tidegate_tokio::Semaphore) -> usize {
        semaphore.acquire().await.map_or(0, |permit| permit.count())
    }
    let semaphore = tidegate_tokio::Semaphore::new(1);
    assert!(size_of_val(&task(&semaphore)) <= MOST + 2 * size_of::<usize>());
}
