//! [`Word`]: whether either side could go on, known without the lock.
//!
//! For those who look again and again for a short while; whoever sees that it could go on asks the machine, and
//! whoever is about to sleep does so too. Where the platform asks for no word, or the target has no
//! compare-and-swap, it always says "perhaps".

use crate::platform::Platform;

pub(super) use imp::Word;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::Platform;
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const SUPPLIED: usize = 1;
    const DEMANDED: usize = 2;

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

        #[inline]
        pub(in crate::generator) fn may_be_supplied(&self) -> bool {
            !P::FAST_PATH || self.state.load(Ordering::Relaxed) & SUPPLIED != 0
        }

        #[inline]
        pub(in crate::generator) fn may_be_demanded(&self) -> bool {
            !P::FAST_PATH || self.state.load(Ordering::Relaxed) & DEMANDED != 0
        }

        /// Only under the lock. What it says orders nothing: the lock does.
        #[inline]
        pub(in crate::generator) fn set(&self, supplied: bool, demanded: bool) {
            let state = usize::from(supplied) * SUPPLIED + usize::from(demanded) * DEMANDED;
            if P::FAST_PATH && self.state.load(Ordering::Relaxed) != state {
                self.state.store(state, Ordering::Relaxed);
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

        pub(in crate::generator) fn may_be_supplied(&self) -> bool {
            true
        }

        pub(in crate::generator) fn may_be_demanded(&self) -> bool {
            true
        }

        pub(in crate::generator) fn set(&self, _supplied: bool, _demanded: bool) {}
    }
}
