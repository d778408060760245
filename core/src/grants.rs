//! [`Grants`]: the latest grants, where those who were granted what they wait for see it without the lock.
//!
//! To wait takes the lock three times: to enter the line, to be served by somebody, and to fetch the grant. The third
//! is spared to whoever finds its key listed here. A key is listed only when its waiter has been granted what it waits
//! for, and it names that waiter alone; so to be listed is proof, and not to be listed means nothing.
//!
//! The place in the storage says where the key is listed, and so what it displaces. A key names its waiter alone
//! until the generation of its place wraps: before it can come round, the place is queued at with generation zero,
//! and then nothing stays listed there.
//!
//! Where the target has no 64-bit atomics, or the platform asks for no word beside the lock, nothing is listed.

pub(crate) use imp::Grants;

#[cfg(target_has_atomic = "64")]
mod imp {
    use core::marker::PhantomData;

    use crate::platform::Platform;
    use crate::sync::{AtomicU64, Ordering, const_fn};
    use crate::wait_queue::WaiterKey;

    /// No key looks like this.
    const NOBODY: u64 = u64::MAX;

    /// Of so many places; under loom of one, so that a model sees grants that are not listed any more.
    pub(crate) struct Grants<P, const LISTED: usize> {
        latest: [AtomicU64; LISTED],
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform, const LISTED: usize> Grants<P, LISTED> {
        const_fn! {
            pub(crate) fn new() -> Self {
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
            if cfg!(loom) { &self.latest[0] } else { &self.latest[key.place() % LISTED] }
        }

        /// Lists a waiter that has just been served. Only under the lock.
        #[inline]
        pub(crate) fn list(&self, key: WaiterKey) {
            if P::FAST_PATH {
                // Release: what was done before is visible to who finds itself listed.
                self.entry(key).store(key.to_bits(), Ordering::Release);
            }
        }

        /// Takes note of a waiter that has just been queued. Only under the lock.
        #[inline]
        pub(crate) fn queued(&self, key: WaiterKey) {
            if P::FAST_PATH && key.opens_a_round() {
                self.entry(key).store(NOBODY, Ordering::Relaxed);
            }
        }

        /// Whether the waiter is known to have been served.
        #[inline]
        pub(crate) fn lists(&self, key: WaiterKey) -> bool {
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

    pub(crate) struct Grants<P, const LISTED: usize>(PhantomData<fn() -> P>);

    impl<P: Platform, const LISTED: usize> Grants<P, LISTED> {
        pub(crate) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(crate) fn list(&self, _key: WaiterKey) {}

        pub(crate) fn queued(&self, _key: WaiterKey) {}

        pub(crate) fn lists(&self, _key: WaiterKey) -> bool {
            false
        }
    }
}
