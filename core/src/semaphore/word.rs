//! [`Word`]: the permits of a semaphore for which nobody waits, in one atomic word.
//!
//! The word is either *open*: it holds all free permits, and the machine behind the lock has none, no waiter
//! and no deficit; or it is *shut*: the machine has everything, and what the word holds is on its way there.
//! Only whoever holds the lock opens or shuts it. Permits given back go to the word if it is
//! open; who finds that it was shut in the meantime takes the lock and so sees to it that they reach the machine.
//!
//! Where the target has no compare-and-swap, or the platform asks for none, the word is always shut.

use crate::platform::Platform;

pub(super) use imp::Word;

/// What came of an attempt to take permits from the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Taken,
    /// The word is open and holds too few.
    Short,
    /// The machine must be asked.
    Shut,
}

/// So many permits that twice as many, and the flag, still fit in a word.
pub(super) const MAX_PERMITS: usize = usize::MAX >> 3;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::{Platform, Take};
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const SHUT: usize = 1;
    const ONE: usize = 2;

    pub(in crate::semaphore) struct Word<P> {
        bits: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        /// Whether there is a word at all.
        pub(in crate::semaphore) const ENABLED: bool = P::FAST_PATH;

        const_fn! {
            pub(in crate::semaphore) fn new(permits: usize) -> Self {
                let bits = if P::FAST_PATH { permits * ONE } else { SHUT };
                Self { bits: AtomicUsize::new(bits), platform: PhantomData }
            }
        }

        #[inline]
        pub(in crate::semaphore) fn take(&self, permits: usize) -> Take {
            if !P::FAST_PATH {
                return Take::Shut;
            }
            let mut bits = self.bits.load(Ordering::Relaxed);
            loop {
                if bits & SHUT != 0 {
                    return Take::Shut;
                }
                if bits / ONE < permits {
                    return Take::Short;
                }
                // Acquire: what was done under these permits before is visible to who takes them.
                match self.bits.compare_exchange_weak(
                    bits,
                    bits - permits * ONE,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return Take::Taken,
                    Err(now) => bits = now,
                }
            }
        }

        /// Gives permits back. Where the word is shut, answers how many of them the machine is to be told of;
        /// even if none, somebody must take the lock for the sake of those that the word holds now.
        #[inline]
        pub(in crate::semaphore) fn give(&self, permits: usize) -> Result<(), usize> {
            if self.is_shut() {
                return Err(permits);
            }
            let before = self.bits.fetch_add(permits * ONE, Ordering::Release);
            if before & SHUT == 0 { Ok(()) } else { Err(0) }
        }

        /// Whether the machine has everything.
        #[inline]
        pub(in crate::semaphore) fn is_shut(&self) -> bool {
            !P::FAST_PATH || self.bits.load(Ordering::Relaxed) & SHUT != 0
        }

        /// The permits in the word: all that are free if it is open, those on their way if it is shut.
        pub(in crate::semaphore) fn permits(&self) -> usize {
            self.bits.load(Ordering::Relaxed) / ONE
        }

        /// Shuts the word and takes all that is in it. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn shut(&self) -> usize {
            if !P::FAST_PATH || self.bits.load(Ordering::Relaxed) == SHUT {
                return 0;
            }
            self.bits.swap(SHUT, Ordering::Acquire) / ONE
        }

        /// Opens the shut word with `permits`. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn open(&self, permits: usize) {
            // Adding keeps what others have added since the word was shut.
            self.bits.fetch_add((permits * ONE).wrapping_sub(SHUT), Ordering::Release);
        }
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
mod imp {
    use core::marker::PhantomData;

    use super::{Platform, Take};

    pub(in crate::semaphore) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::semaphore) const ENABLED: bool = false;

        pub(in crate::semaphore) const fn new(_permits: usize) -> Self {
            Self(PhantomData)
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn take(&self, _permits: usize) -> Take {
            Take::Shut
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn give(&self, permits: usize) -> Result<(), usize> {
            Err(permits)
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn is_shut(&self) -> bool {
            true
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn permits(&self) -> usize {
            0
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn shut(&self) -> usize {
            0
        }

        #[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
        pub(in crate::semaphore) fn open(&self, _permits: usize) {}
    }
}
