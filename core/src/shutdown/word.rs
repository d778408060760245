//! [`Word`]: that the end has begun, known without the lock.
//!
//! Only whoever holds the lock writes it, as the last thing. Where the platform asks for no word, or the target
//! has no compare-and-swap, nothing is known, and the machine is asked.

use crate::platform::Platform;

pub(super) use imp::Word;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    pub(in crate::shutdown) struct Word<P> {
        triggered: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        const_fn! {
            pub(in crate::shutdown) fn new() -> Self {
                Self { triggered: AtomicUsize::new(0), platform: PhantomData }
            }
        }

        /// Whether the end has begun; `None` if that is not known.
        #[inline]
        pub(in crate::shutdown) fn get(&self) -> Option<bool> {
            // Acquire: what was done before the trigger is visible to who sees it.
            P::FAST_PATH.then(|| self.triggered.load(Ordering::Acquire) != 0)
        }

        /// Only under the lock.
        #[inline]
        pub(in crate::shutdown) fn set(&self, triggered: bool) {
            let triggered = usize::from(triggered);
            if P::FAST_PATH && self.triggered.load(Ordering::Relaxed) != triggered {
                self.triggered.store(triggered, Ordering::Release);
            }
        }
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
#[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;

    pub(in crate::shutdown) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::shutdown) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(in crate::shutdown) fn get(&self) -> Option<bool> {
            None
        }

        pub(in crate::shutdown) fn set(&self, _triggered: bool) {}
    }
}
