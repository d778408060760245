//! [`Word`]: the permits of a semaphore for which nobody waits, in one atomic word.
//!
//! The *permits* are either *open*: the word holds all that are free, and the machine behind the lock has
//! none, no waiter and no deficit; or *shut*: the machine has them, and what comes back to the word meanwhile
//! is on its way there. Only whoever holds the lock opens or shuts. Who gives permits back and finds that they
//! were shut takes the lock afterwards, and so sees to it that they reach the machine.
//!
//! Permits in the shut word are not taken out one by one, which would cost an atomic operation each time:
//! [`Drawn`], kept under the lock, counts how many of them the machine has had.
//!
//! Where the target has no compare-and-swap, or the platform asks for no word, the permits are always shut.

use crate::platform::Platform;

pub(super) use imp::{Drawn, Word};

/// What came of an attempt to take permits from the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Taken,
    /// The word is open and holds too few.
    #[cfg_attr(not(target_has_atomic = "ptr"), expect(dead_code, reason = "there is no word"))]
    Short,
    /// The machine must be asked.
    Shut,
}

/// So many permits that twice as many, and the flag, still fit in a word.
pub(super) const MAX_PERMITS: usize = usize::MAX >> 3;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;
    use core::mem;

    use super::{MAX_PERMITS, Platform, Take};
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const SHUT: usize = 1;
    const ONE: usize = 2;

    pub(in crate::semaphore) struct Word<P> {
        /// `ONE` for each permit, and `SHUT`.
        bits: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    /// How many of the permits in the shut word the machine has had already.
    pub(in crate::semaphore) struct Drawn(usize);

    impl Drawn {
        pub(in crate::semaphore) const NONE: Self = Self(0);
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

        /// Gives permits back to a word that is [`ENABLED`](Self::ENABLED). `false` if it is shut: then the
        /// caller must take the lock and [`draw`](Self::draw), or they would lie there unseen.
        #[inline]
        pub(in crate::semaphore) fn give(&self, permits: usize) -> bool {
            self.bits.fetch_add(permits * ONE, Ordering::Release) & SHUT == 0
        }

        /// Whether the machine has everything.
        #[inline]
        pub(in crate::semaphore) fn is_shut(&self) -> bool {
            !P::FAST_PATH || self.bits.load(Ordering::Relaxed) & SHUT != 0
        }

        /// The permits that the machine does not know of. Only under the lock.
        pub(in crate::semaphore) fn permits(&self, drawn: &Drawn) -> usize {
            self.bits.load(Ordering::Relaxed) / ONE - drawn.0
        }

        /// Shuts the word if it is open, and draws what the machine has not had yet. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn draw(&self, drawn: &mut Drawn) -> usize {
            if !P::FAST_PATH {
                return 0;
            }
            let bits = self.bits.load(Ordering::Acquire);
            // Far from overflow the sum may as well stay in the word.
            if bits & SHUT == 0 || bits / ONE > MAX_PERMITS {
                let all = self.bits.swap(SHUT, Ordering::Acquire) / ONE;
                return all - mem::take(&mut drawn.0);
            }
            let all = bits / ONE;
            all - mem::replace(&mut drawn.0, all)
        }

        /// Opens the shut word with `permits`. Only under the lock.
        #[inline]
        pub(in crate::semaphore) fn open(&self, permits: usize, drawn: &mut Drawn) {
            // Adding keeps what others have added in the meantime.
            let change = permits.wrapping_sub(mem::take(&mut drawn.0)).wrapping_mul(ONE).wrapping_sub(SHUT);
            self.bits.fetch_add(change, Ordering::Release);
        }
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
#[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
mod imp {
    use core::marker::PhantomData;

    use super::{Platform, Take};

    pub(in crate::semaphore) struct Word<P>(PhantomData<fn() -> P>);

    pub(in crate::semaphore) struct Drawn;

    impl Drawn {
        pub(in crate::semaphore) const NONE: Self = Self;
    }

    impl<P: Platform> Word<P> {
        pub(in crate::semaphore) const ENABLED: bool = false;

        pub(in crate::semaphore) const fn new(_permits: usize) -> Self {
            Self(PhantomData)
        }

        pub(in crate::semaphore) fn take(&self, _permits: usize) -> Take {
            Take::Shut
        }

        pub(in crate::semaphore) fn give(&self, _permits: usize) -> bool {
            false
        }

        pub(in crate::semaphore) fn is_shut(&self) -> bool {
            true
        }

        pub(in crate::semaphore) fn permits(&self, _drawn: &Drawn) -> usize {
            0
        }

        pub(in crate::semaphore) fn draw(&self, _drawn: &mut Drawn) -> usize {
            0
        }

        pub(in crate::semaphore) fn open(&self, _permits: usize, _drawn: &mut Drawn) {}
    }
}
