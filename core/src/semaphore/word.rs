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
//! Whoever takes does not look first: a load right after an exchange, as when a permit is given back and taken again, costs
//! half an exchange more. It expects what the last one found, and looks only if nobody knows what to expect.
//!
//! On a platform for [one thread](Platform::ONE_THREAD) a load and a store do for a read-modify-write. Where the target
//! has no compare-and-swap otherwise, or the platform asks for no word, the permits are always shut.

use core::marker::PhantomData;
use core::mem;

use crate::platform::Platform;
use crate::sync::{AtomicUsize, Ordering, const_fn};

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

const SHUT: usize = 1;
const ONE: usize = 2;
const UNKNOWN: usize = 0;

/// Aligned, so that both are on one cache line.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr", target_pointer_width = "64"), repr(align(16)))]
pub(super) struct Word<P> {
    /// `ONE` for each permit, and `SHUT`.
    bits: AtomicUsize,
    /// What a taker may expect to find without a look, or [`UNKNOWN`]. Nothing depends on it but time.
    #[cfg(target_has_atomic = "ptr")]
    expected: AtomicUsize,
    platform: PhantomData<fn() -> P>,
}

/// How many of the permits in the shut word the machine has had already.
pub(super) struct Drawn(usize);

impl Drawn {
    pub(super) const NONE: Self = Self(0);
}

impl<P: Platform> Word<P> {
    /// Whether the word is ever open.
    pub(super) const ENABLED: bool = P::ONE_THREAD || (P::FAST_PATH && cfg!(target_has_atomic = "ptr"));

    const_fn! {
        pub(super) fn new(permits: usize) -> Self {
            let bits = if Self::ENABLED { permits * ONE } else { SHUT };
            Self {
                bits: AtomicUsize::new(bits),
                #[cfg(target_has_atomic = "ptr")]
                expected: AtomicUsize::new(permits * ONE),
                platform: PhantomData,
            }
        }
    }

    #[inline]
    pub(super) fn take(&self, permits: usize) -> Take {
        if !Self::ENABLED {
            return Take::Shut;
        }
        let wanted = permits * ONE;
        let expected = self.expected();
        // Never less than is wanted: refusals are left to whoever looked, and so write nothing.
        let mut looked = expected < wanted;
        let mut bits = if looked { self.bits.load(Ordering::Relaxed) } else { expected };
        loop {
            if bits & SHUT != 0 {
                return Take::Shut;
            }
            if bits < wanted {
                return Take::Short;
            }
            match self.exchange(bits, bits - wanted) {
                Ok(()) => {
                    if expected == UNKNOWN {
                        self.expect(bits);
                    }
                    return Take::Taken;
                }
                Err(now) => {
                    // The next looks: while several take at once, nobody knows what to expect.
                    self.expect(UNKNOWN);
                    bits = if looked { self.look_again() } else { now };
                    looked = true;
                }
            }
        }
    }

    /// Gives permits back to a word that is [`ENABLED`](Self::ENABLED). `false` if it is shut: then the
    /// caller must take the lock and [`draw`](Self::draw), or they would lie there unseen.
    #[inline]
    pub(super) fn give(&self, permits: usize) -> bool {
        self.add(permits * ONE) & SHUT == 0
    }

    /// Whether the machine has everything.
    #[inline]
    pub(super) fn is_shut(&self) -> bool {
        !Self::ENABLED || self.bits.load(Ordering::Relaxed) & SHUT != 0
    }

    /// The permits that the machine does not know of. Only under the lock.
    pub(super) fn permits(&self, drawn: &Drawn) -> usize {
        self.bits.load(Ordering::Relaxed) / ONE - drawn.0
    }

    /// Shuts the word if it is open, and draws what the machine has not had yet. Only under the lock.
    #[inline]
    pub(super) fn draw(&self, drawn: &mut Drawn) -> usize {
        if !Self::ENABLED {
            return 0;
        }
        let bits = self.bits.load(Ordering::Acquire);
        // Far from overflow the sum may as well stay in the word.
        if bits & SHUT == 0 || bits / ONE > MAX_PERMITS {
            let all = self.swap(SHUT) / ONE;
            return all - mem::take(&mut drawn.0);
        }
        let all = bits / ONE;
        all - mem::replace(&mut drawn.0, all)
    }

    /// Opens the shut word with `permits`. Only under the lock.
    #[inline]
    pub(super) fn open(&self, permits: usize, drawn: &mut Drawn) {
        // Adding keeps what others have added in the meantime.
        self.add(permits.wrapping_sub(mem::take(&mut drawn.0)).wrapping_mul(ONE).wrapping_sub(SHUT));
    }

    /// After another core has come between a look and an exchange.
    #[cold]
    fn look_again(&self) -> usize {
        P::pause();
        self.bits.load(Ordering::Relaxed)
    }

    #[inline]
    fn expected(&self) -> usize {
        #[cfg(target_has_atomic = "ptr")]
        if !P::ONE_THREAD {
            return self.expected.load(Ordering::Relaxed);
        }
        UNKNOWN
    }

    #[inline]
    fn expect(&self, bits: usize) {
        #[cfg(target_has_atomic = "ptr")]
        if !P::ONE_THREAD {
            self.expected.store(bits, Ordering::Relaxed);
        }
        let _ = bits;
    }

    /// Replaces what is taken for `seen`, or tells what stands there instead.
    #[inline]
    fn exchange(&self, seen: usize, bits: usize) -> Result<(), usize> {
        #[cfg(target_has_atomic = "ptr")]
        if !P::ONE_THREAD {
            // Acquire: what was done under these permits before is visible to who takes them.
            return self.bits.compare_exchange_weak(seen, bits, Ordering::Acquire, Ordering::Relaxed).map(|_| ());
        }
        debug_assert_eq!(self.bits.load(Ordering::Relaxed), seen, "nobody else is there to change it");
        self.bits.store(bits, Ordering::Relaxed);
        Ok(())
    }

    /// Answers the bits before.
    #[inline]
    fn add(&self, bits: usize) -> usize {
        #[cfg(target_has_atomic = "ptr")]
        if !P::ONE_THREAD {
            return self.bits.fetch_add(bits, Ordering::Release);
        }
        let seen = self.bits.load(Ordering::Relaxed);
        self.bits.store(seen.wrapping_add(bits), Ordering::Relaxed);
        seen
    }

    /// Answers the bits before.
    #[inline]
    fn swap(&self, bits: usize) -> usize {
        #[cfg(target_has_atomic = "ptr")]
        if !P::ONE_THREAD {
            return self.bits.swap(bits, Ordering::Acquire);
        }
        let seen = self.bits.load(Ordering::Relaxed);
        self.bits.store(bits, Ordering::Relaxed);
        seen
    }
}
