//! [`Grants`]: the latest grants, where those who were granted their permits see it without the lock.
//!
//! A handoff would take the lock three times: to enter the line, to release, and to fetch the grant. The third
//! is spared to whoever finds its key listed here. A key is listed only when its waiter has been granted its
//! permits, and it names that waiter alone; so to be listed is proof, and not to be listed means nothing.
//!
//! The place in the storage says where the key is listed, and so what it displaces. A key names its waiter alone
//! until the generation of its place wraps: before it can come round, the place is queued at with generation zero,
//! and then nothing stays listed there.
//!
//! Where the target has no 64-bit atomics, or the platform asks for no word beside the lock, nothing is listed.

pub(super) use imp::Grants;

#[cfg(target_has_atomic = "64")]
mod imp {
    use core::marker::PhantomData;

    use crate::platform::Platform;
    use crate::sync::{AtomicU64, Ordering, const_fn};
    use crate::wait_queue::WaiterKey;

    /// How many are listed: a cache line's worth.
    #[cfg(not(loom))]
    const LISTED: usize = 8;
    /// Few, so that a model sees grants that are not listed any more.
    #[cfg(loom)]
    const LISTED: usize = 1;

    /// No key looks like this.
    const NOBODY: u64 = u64::MAX;

    pub(in crate::semaphore) struct Grants<P> {
        latest: [AtomicU64; LISTED],
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Grants<P> {
        const_fn! {
            pub(in crate::semaphore) fn new() -> Self {
                #[cfg(not(loom))]
                let latest = [const { AtomicU64::new(NOBODY) }; LISTED];
                #[cfg(loom)]
                let latest = core::array::from_fn(|_| AtomicU64::new(NOBODY));
                Self { latest, platform: PhantomData }
            }
        }

        /// Where that waiter is listed, if at all.
        #[inline]
        fn entry(&self, key: WaiterKey) -> &AtomicU64 {
            &self.latest[key.place() % LISTED]
        }

        /// Lists a waiter that has just been granted its permits. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn list(&self, key: WaiterKey) {
            if P::FAST_PATH {
                // Release: what was done under the permits before is visible to who finds itself listed.
                self.entry(key).store(key.to_bits(), Ordering::Release);
            }
        }

        /// Takes note of a waiter that has just been queued. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn queued(&self, key: WaiterKey) {
            if P::FAST_PATH && key.opens_a_round() {
                self.entry(key).store(NOBODY, Ordering::Relaxed);
            }
        }

        /// Whether the waiter is known to have been granted its permits.
        #[inline]
        pub(in crate::semaphore) fn lists(&self, key: WaiterKey) -> bool {
            P::FAST_PATH && self.entry(key).load(Ordering::Acquire) == key.to_bits()
        }
    }
}

#[cfg(not(target_has_atomic = "64"))]
#[expect(clippy::unused_self, reason = "the same calls as where grants are listed")]
mod imp {
    use core::marker::PhantomData;

    use crate::platform::Platform;
    use crate::wait_queue::WaiterKey;

    pub(in crate::semaphore) struct Grants<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Grants<P> {
        pub(in crate::semaphore) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(in crate::semaphore) fn list(&self, _key: WaiterKey) {}

        pub(in crate::semaphore) fn queued(&self, _key: WaiterKey) {}

        pub(in crate::semaphore) fn lists(&self, _key: WaiterKey) -> bool {
            false
        }
    }
}
