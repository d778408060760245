//! [`Word`]: a single token bucket in one atomic word, for as long as nobody waits.
//!
//! The word is either *open*: it holds when the bucket will be full again, and the machine behind the lock is
//! out of date; or *shut*: the machine has it. Only whoever holds the lock opens or shuts.
//!
//! ```text
//! 63    62          55  54                                                      0
//! shut  generation      nanoseconds since the anchor, then parts of a nanosecond
//! ```
//!
//! The anchor, and the quota, stand beside the word in one of two places, chosen by the generation's last bit.
//! They are written only under the lock, into the place that is not in use, before the generation is
//! raised. So whoever succeeds in exchanging the word has calculated with what belongs to it: the place can
//! have been written anew only after two raises. (A caller would have to be suspended through 256 raises, each of
//! them at least a quarter of a second apart or a change of the quota, and find the same offset again.)
//!
//! Where the target has no 64-bit compare-and-swap, or the platform asks for no word, or the quota needs more
//! than 2⁵⁴ parts for its burst, the word is always shut.

use super::bucket::TokenBucket;
use super::quota::{Rate, Span};
use crate::{Instant, Platform};

pub(super) use imp::Word;

/// What came of an attempt to take tokens from the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Taken,
    NotUntil(Instant),
    /// The machine must be asked.
    Shut,
}

#[cfg(target_has_atomic = "64")]
mod imp {
    use core::marker::PhantomData;

    use super::{Instant, Platform, Rate, Span, Take, TokenBucket};
    use crate::sync::{AtomicU64, Ordering, const_fn, fence};

    const SHUT: u64 = 1 << 63;
    const GENERATION: u64 = 1 << 55;
    const OFFSET: u64 = GENERATION - 1;
    /// What a burst may take, and how far from its anchor the word is used.
    const REACH: u64 = 1 << 54;
    /// At most so many bits for parts, so that the anchor stays good for half a second.
    const MOST_PART_BITS: u32 = 25;

    /// The anchor and the quota.
    struct Plan {
        anchor: AtomicU64,
        /// How many nanoseconds from the anchor the plan is good for.
        horizon: AtomicU64,
        /// What a token takes, in the word's units.
        cost: AtomicU64,
        capacity: AtomicU64,
        /// The number of bits for parts, above the number of parts in a nanosecond.
        radix: AtomicU64,
    }

    /// The same as plain numbers.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Terms {
        horizon: u64,
        cost: u64,
        capacity: u64,
        radix: u64,
    }

    impl Terms {
        /// `None` if the quota does not fit the word.
        const fn of(bucket: &TokenBucket) -> Option<Self> {
            let (rate, capacity) = (bucket.rate(), bucket.capacity());
            // Twice the highest part fits, so a sum of two never spills over.
            let bits = u32::BITS - (rate.parts - 1).leading_zeros();
            let bits = if bits == 0 { 0 } else { bits + 1 };
            if bits > MOST_PART_BITS || capacity.nanos >= REACH >> bits {
                return None;
            }
            Some(Self {
                horizon: (REACH >> bits) - 1,
                cost: pack(rate.span, bits),
                capacity: pack(capacity, bits),
                radix: (bits as u64) << 32 | rate.parts as u64,
            })
        }
    }

    const fn pack(span: Span, bits: u32) -> u64 {
        span.nanos << bits | span.part as u64
    }

    pub(in crate::rate_limiter) struct Word<P> {
        bits: AtomicU64,
        plans: [Plan; 2],
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        const_fn! {
            /// A word for this bucket, which is full; shut if there is none.
            pub(in crate::rate_limiter) fn new(bucket: Option<&TokenBucket>) -> Self {
                let terms = match bucket {
                    Some(bucket) if P::FAST_PATH => Terms::of(bucket),
                    _ => None,
                };
                let (bits, terms) = match terms {
                    Some(terms) => (0, terms),
                    None => (SHUT, Terms { horizon: 0, cost: 0, capacity: 0, radix: 1 }),
                };
                let plans = [Plan::new(terms), Plan::new(terms)];
                Self { bits: AtomicU64::new(bits), plans, platform: PhantomData }
            }
        }

        #[inline]
        pub(in crate::rate_limiter) fn take(&self, tokens: u32, now: Instant) -> Take {
            if !P::FAST_PATH {
                return Take::Shut;
            }
            let mut bits = self.bits.load(Ordering::Acquire);
            loop {
                if bits & SHUT != 0 {
                    return Take::Shut;
                }
                let plan = self.plan(bits);
                // An earlier `now` than the anchor is, wrapped, beyond the horizon.
                let since = now.as_nanos().wrapping_sub(plan.anchor.load(Ordering::Relaxed));
                if since > plan.horizon.load(Ordering::Relaxed) {
                    return Take::Shut;
                }
                let radix = plan.radix.load(Ordering::Relaxed);
                let capacity = plan.capacity.load(Ordering::Relaxed);
                let mut cost = plan.cost.load(Ordering::Relaxed);
                if tokens != 1 {
                    match times(cost, radix, tokens) {
                        Some(many) if many <= capacity => cost = many,
                        _ => return Take::Shut,
                    }
                }
                let now = since << (radix >> 32);
                let full_at = add(now.max(bits & OFFSET), cost, radix);
                if full_at > add(now, capacity, radix) {
                    return match self.earliest(bits, full_at) {
                        Ok(earliest) => Take::NotUntil(earliest),
                        Err(()) => Take::Shut,
                    };
                }
                // Release: a change of the plan comes after the use that has been made of it here.
                match self.bits.compare_exchange_weak(
                    bits,
                    bits & !OFFSET | full_at & OFFSET,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                ) {
                    Ok(_) => return Take::Taken,
                    Err(seen) => bits = seen,
                }
            }
        }

        /// When the bucket, were it to be full again at `full_at`, would not hold more than it can.
        fn earliest(&self, bits: u64, full_at: u64) -> Result<Instant, ()> {
            let plan = self.plan(bits);
            let (anchor, radix) = (plan.anchor.load(Ordering::Relaxed), plan.radix.load(Ordering::Relaxed));
            let capacity = plan.capacity.load(Ordering::Relaxed);
            // All of it belongs together if the generation is still the same.
            fence(Ordering::Acquire);
            if (self.bits.load(Ordering::Relaxed) ^ bits) & !OFFSET != 0 {
                return Err(());
            }
            let (shift, rate) = (radix >> 32, rate(radix));
            // So far ahead only if the clock has stepped back: for the machine to judge.
            let over = rate.sub(unpack(full_at, shift), unpack(capacity, shift));
            let earliest =
                anchor.checked_add(over.nanos).and_then(|nanos| nanos.checked_add(u64::from(over.part > 0)));
            earliest.map(Instant::from_nanos).ok_or(())
        }

        /// Shuts the word, if it is open, and gives the machine's bucket what it held. Only under the lock.
        pub(in crate::rate_limiter) fn shut(&self, bucket: Option<&mut TokenBucket>) {
            if !P::FAST_PATH || self.bits.load(Ordering::Relaxed) & SHUT != 0 {
                return;
            }
            let bits = self.bits.fetch_or(SHUT, Ordering::AcqRel);
            if let Some(bucket) = bucket {
                bucket.set_full_at(self.full_at(bits));
            }
        }

        /// What the open word holds, for display. Only under the lock.
        pub(in crate::rate_limiter) fn peek(&self) -> Option<Span> {
            let bits = self.bits.load(Ordering::Relaxed);
            (bits & SHUT == 0).then(|| self.full_at(bits))
        }

        /// Opens the shut word with what the bucket holds, if that fits. Only under the lock.
        pub(in crate::rate_limiter) fn open(&self, bucket: &TokenBucket, now: Instant) {
            if !P::FAST_PATH {
                return;
            }
            let Some(terms) = Terms::of(bucket) else { return };
            let mut bits = self.bits.load(Ordering::Relaxed) & !(SHUT | OFFSET);
            let mut anchor = self.plan(bits).anchor.load(Ordering::Relaxed);
            let since = now.as_nanos().wrapping_sub(anchor);
            if self.plan(bits).terms() != terms || since > terms.horizon / 4 * 3 {
                // Some way back, for a clock that steps back a little.
                anchor = now.as_nanos().saturating_sub(terms.horizon / 4);
                bits = bits.wrapping_add(GENERATION) & !SHUT;
                // Whoever sees any of what is written now sees that the generation has been left.
                fence(Ordering::Release);
                self.plan(bits).set(anchor, terms);
            }
            let shift = terms.radix >> 32;
            // Before the anchor the bucket was full, as far as anybody will ask the word.
            let ahead = rate(terms.radix).sub(bucket.full_at(), Span::whole(anchor));
            if ahead.nanos < OFFSET >> shift {
                self.bits.store(bits | pack(ahead, terms.part_bits()), Ordering::Release);
            } else {
                self.bits.store(bits | SHUT, Ordering::Release);
            }
        }

        fn plan(&self, bits: u64) -> &Plan {
            &self.plans[usize::from(bits & GENERATION != 0)]
        }

        fn full_at(&self, bits: u64) -> Span {
            let plan = self.plan(bits);
            let ahead = unpack(bits & OFFSET, plan.radix.load(Ordering::Relaxed) >> 32);
            let nanos = plan.anchor.load(Ordering::Relaxed).saturating_add(ahead.nanos);
            Span { nanos, part: ahead.part }
        }
    }

    impl Plan {
        const_fn! {
            fn new(terms: Terms) -> Self {
                Self {
                    anchor: AtomicU64::new(0),
                    horizon: AtomicU64::new(terms.horizon),
                    cost: AtomicU64::new(terms.cost),
                    capacity: AtomicU64::new(terms.capacity),
                    radix: AtomicU64::new(terms.radix),
                }
            }
        }

        fn set(&self, anchor: u64, terms: Terms) {
            self.anchor.store(anchor, Ordering::Relaxed);
            self.horizon.store(terms.horizon, Ordering::Relaxed);
            self.cost.store(terms.cost, Ordering::Relaxed);
            self.capacity.store(terms.capacity, Ordering::Relaxed);
            self.radix.store(terms.radix, Ordering::Relaxed);
        }

        fn terms(&self) -> Terms {
            Terms {
                horizon: self.horizon.load(Ordering::Relaxed),
                cost: self.cost.load(Ordering::Relaxed),
                capacity: self.capacity.load(Ordering::Relaxed),
                radix: self.radix.load(Ordering::Relaxed),
            }
        }
    }

    impl Terms {
        const fn part_bits(&self) -> u32 {
            (self.radix >> 32) as u32
        }
    }

    fn unpack(packed: u64, shift: u64) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "masked to fewer bits")]
        Span { nanos: packed >> shift, part: (packed & ((1 << shift) - 1)) as u32 }
    }

    /// The sum of two packed spans.
    #[inline]
    fn add(a: u64, b: u64, radix: u64) -> u64 {
        let (shift, parts) = (radix >> 32, radix & 0xffff_ffff);
        // Wrapping, for numbers that do not belong together: they are found out afterwards.
        let sum = a.wrapping_add(b);
        if shift > 0 && sum & ((1 << (shift & 63)) - 1) >= parts {
            sum.wrapping_add((1 << (shift & 63)) - parts)
        } else {
            sum
        }
    }

    fn rate(radix: u64) -> Rate {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        Rate { parts: (radix as u32).max(1), span: Span::ZERO }
    }

    /// What several tokens take.
    #[cold]
    fn times(cost: u64, radix: u64, tokens: u32) -> Option<u64> {
        let shift = radix >> 32;
        if shift == 0 {
            return cost.checked_mul(u64::from(tokens));
        }
        let one = Rate { span: unpack(cost, shift & 31), ..rate(radix) };
        let many = one.times(tokens)?;
        (many.nanos < REACH >> shift).then_some(many.nanos << shift | u64::from(many.part))
    }
}

#[cfg(not(target_has_atomic = "64"))]
#[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
mod imp {
    use core::marker::PhantomData;

    use super::{Instant, Platform, Span, Take, TokenBucket};

    pub(in crate::rate_limiter) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::rate_limiter) const fn new(_bucket: Option<&TokenBucket>) -> Self {
            Self(PhantomData)
        }

        pub(in crate::rate_limiter) fn take(&self, _tokens: u32, _now: Instant) -> Take {
            Take::Shut
        }

        pub(in crate::rate_limiter) fn shut(&self, _bucket: Option<&mut TokenBucket>) {}

        pub(in crate::rate_limiter) fn peek(&self) -> Option<Span> {
            None
        }

        pub(in crate::rate_limiter) fn open(&self, _bucket: &TokenBucket, _now: Instant) {}
    }
}
