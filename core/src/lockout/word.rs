//! [`Word`]: whether anything is locked or anybody waits, known without the lock.
//!
//! The word is *open* only while the machine has no lockout and nobody in line. Only whoever holds the lock
//! writes it, as the last thing. So a lockout that has been set is seen by everybody who can know of it, and
//! whoever reads "open" passed before any that is being set at the same time.
//!
//! Where the platform asks for no word, or the target has no compare-and-swap, nothing is known.

use crate::platform::Platform;

pub(super) use imp::Word;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const OPEN: usize = 0;
    const SHUT: usize = 1;

    pub(in crate::lockout) struct Word<P> {
        state: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        const_fn! {
            pub(in crate::lockout) fn new() -> Self {
                Self { state: AtomicUsize::new(OPEN), platform: PhantomData }
            }
        }

        /// Whether the machine need not be asked. `false` if that is not known.
        #[inline]
        pub(in crate::lockout) fn is_open(&self) -> bool {
            // Acquire: what was done before the last lockout was lifted is visible to who passes.
            P::FAST_PATH && self.state.load(Ordering::Acquire) == OPEN
        }

        /// Only under the lock.
        #[inline]
        pub(in crate::lockout) fn set(&self, open: bool) {
            let state = if open { OPEN } else { SHUT };
            // The cache line stays with the readers while nothing changes.
            if P::FAST_PATH && self.state.load(Ordering::Relaxed) != state {
                self.state.store(state, Ordering::Release);
            }
        }
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
#[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;

    pub(in crate::lockout) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::lockout) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(in crate::lockout) fn is_open(&self) -> bool {
            false
        }

        pub(in crate::lockout) fn set(&self, _open: bool) {}
    }
}
