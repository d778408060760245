//! [`Word`]: whether either side could go on, known without the lock.
//!
//! For those who look again and again for a short while; whoever is about to sleep asks the machine. Where the
//! platform asks for no word, or the target has no compare-and-swap, nothing is known.
//!
//! What it says of demand can be relied on: only the producer spends it, and sees its own spending.

use crate::platform::Platform;

pub(super) use imp::Word;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const SUPPLIED: usize = 1;
    const DEMANDED: usize = 2;
    const CLOSED: usize = 4;

    pub(in crate::generator) struct Word<P> {
        state: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        const_fn! {
            pub(in crate::generator) fn new() -> Self {
                Self { state: AtomicUsize::new(0), platform: PhantomData }
            }
        }

        /// Whether the consumer could go on; `None` if that is not known.
        #[inline]
        pub(in crate::generator) fn is_supplied(&self) -> Option<bool> {
            P::FAST_PATH.then(|| self.state.load(Ordering::Acquire) & SUPPLIED != 0)
        }

        /// Whether the producer is to go on, or to stop; `None` if neither is known.
        #[inline]
        pub(in crate::generator) fn demand(&self) -> Option<bool> {
            if !P::FAST_PATH {
                return None;
            }
            let state = self.state.load(Ordering::Acquire);
            if state & CLOSED != 0 { Some(false) } else { (state & DEMANDED != 0).then_some(true) }
        }

        /// Only under the lock.
        #[inline]
        pub(in crate::generator) fn set(&self, supplied: bool, demanded: bool, closed: bool) {
            let state =
                usize::from(supplied) * SUPPLIED + usize::from(demanded) * DEMANDED + usize::from(closed) * CLOSED;
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

    pub(in crate::generator) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::generator) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(in crate::generator) fn is_supplied(&self) -> Option<bool> {
            None
        }

        pub(in crate::generator) fn demand(&self) -> Option<bool> {
            None
        }

        pub(in crate::generator) fn set(&self, _supplied: bool, _demanded: bool, _closed: bool) {}
    }
}
