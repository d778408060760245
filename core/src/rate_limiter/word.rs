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
//! The anchor and the quota stand beside the word, in the *plan*. It is written only while the word is shut, and the
//! word then opens with the next generation. So whoever succeeds in exchanging an open word has calculated with the
//! plan that belongs to it. (It would have to be suspended while the plan changes 256 times, at least a quarter of a
//! second apart or by changes of the quota, and then find the same offset again.)
//!
//! What the quick look at one token goes by is beside the word, too, and has the generation in it: one subtraction
//! finds out how long to wait and whether the two belong together, because a year lies between two generations.
//! (Should the clock move by months between its two loads, and the plan with it, it may refuse what it could have
//! admitted.)
//!
//! Who takes one token does not even look at the word first, for a load right after an exchange costs half an exchange
//! more. It expects what the last one left there, and looks if that would not do, or is not so.
//!
//! Where the target has no 64-bit compare-and-swap, or the platform asks for no word, or the quota needs more
//! than 2⁵⁴ parts for its burst, the word is always shut.

use super::bucket::TokenBucket;
use super::quota::Span;
use crate::{Instant, Platform};

pub(super) use imp::Word;

/// What came of an attempt to take tokens from the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Taken,
    #[cfg_attr(not(target_has_atomic = "64"), expect(dead_code, reason = "there the word knows nothing"))]
    NotUntil(Instant),
    /// The machine must be asked.
    Shut,
}

#[cfg(target_has_atomic = "64")]
mod imp {
    use core::marker::PhantomData;

    use super::super::bucket::STEP_BACK;
    use super::super::quota::Rate;
    use super::{Instant, Platform, Span, Take, TokenBucket};
    use crate::sync::{AtomicU64, Ordering, const_fn, fence};

    const SHUT: u64 = 1 << 63;
    const GENERATION: u64 = 1 << 55;
    const OFFSET: u64 = GENERATION - 1;
    /// What a burst may take, and how far from its anchor the word is used.
    const REACH: u64 = 1 << 54;
    /// From here on the quick look is not taken: it subtracts, wraps, and takes half of what there is to be negative.
    const LATE: u64 = 1 << 63;
    /// No open word.
    const UNKNOWN: u64 = SHUT;
    /// The last anchor from which no offset reaches beyond the end of time.
    const LAST_ANCHOR: u64 = u64::MAX - OFFSET;
    /// Where one token is there, or has been there for up to two years, the quick look sees this or more.
    const AT_HAND: u64 = 0_u64.wrapping_sub(1 << 56);
    /// At most so many bits for parts, so that the anchor stays good for half a second.
    const MOST_PART_BITS: u32 = 25;

    /// The anchor and the quota.
    struct Plan {
        /// What [`Word::take_quickly`] goes by: an open word less this is the nanosecond before one token can be had.
        early: AtomicU64,
        /// An open word less this is when the bucket is full, if offsets are whole nanoseconds.
        full: AtomicU64,
        anchor: AtomicU64,
        /// What a token takes, in the word's units.
        cost: AtomicU64,
        /// How many nanoseconds from the anchor the plan is good for.
        horizon: AtomicU64,
        /// What all tokens but one take.
        slack: AtomicU64,
        /// A nanosecond in the word's units: a power of two, with room for the sum of two parts.
        unit: AtomicU64,
        /// How many parts make a nanosecond.
        parts: AtomicU64,
    }

    /// The same as plain numbers.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Terms {
        horizon: u64,
        cost: u64,
        slack: u64,
        unit: u64,
        parts: u64,
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
                cost: pack(rate.span, 1 << bits),
                slack: pack(rate.sub(capacity, rate.span), 1 << bits),
                unit: 1 << bits,
                parts: rate.parts as u64,
            })
        }
    }

    impl Terms {
        /// See [`Plan`]. Where offsets are not whole nanoseconds it says neither that one must wait nor that one need
        /// not, whatever the offset and for any time before [`LATE`].
        const fn early(&self, anchor: u64, generation: u64) -> u64 {
            let first =
                if self.unit == 1 { anchor.wrapping_sub(self.slack).wrapping_sub(1) } else { LATE + STEP_BACK };
            generation.wrapping_sub(first)
        }
    }

    /// What a quick look at an open word says.
    enum Look {
        /// One token can be had by leaving this.
        Take(u64),
        /// It can be had at this nanosecond.
        Wait(u64),
        /// That takes a [closer](Word::take_closely) look.
        Closer,
    }

    const fn pack(span: Span, unit: u64) -> u64 {
        span.nanos.wrapping_mul(unit) | span.part as u64
    }

    fn unpack(packed: u64, unit: u64) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "masked to fewer bits")]
        Span { nanos: packed / unit.max(1), part: (packed & (unit.max(1) - 1)) as u32 }
    }

    /// Aligned, so that no allocator spreads what the quick look reads over more cache lines than need be.
    #[cfg_attr(not(loom), repr(align(64)))]
    pub(in crate::rate_limiter) struct Word<P> {
        bits: AtomicU64,
        /// What may be expected in the word without a look, or [`UNKNOWN`]. Whoever sees it sees its plan, or a later one.
        expected: AtomicU64,
        plan: Plan,
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
                    None => (SHUT, Terms { horizon: 0, cost: 0, slack: 0, unit: 1, parts: 1 }),
                };
                let (bits, expected) = (AtomicU64::new(bits), AtomicU64::new(bits));
                Self { bits, expected, plan: Plan::new(terms), platform: PhantomData }
            }
        }

        /// Takes one token, or says when it can be had; `None` if that takes a [closer](Self::take_closely) look.
        #[inline]
        pub(in crate::rate_limiter) fn take_quickly(&self, now: Instant) -> Option<Result<(), Instant>> {
            if !P::FAST_PATH {
                return None;
            }
            let now = now.as_nanos();
            let expected = self.expected.load(Ordering::Acquire);
            if expected != UNKNOWN {
                if let Look::Take(next) = self.plan.look(expected, now)
                    && self.exchange(expected, next).is_ok()
                {
                    self.expected.store(next, Ordering::Release);
                    return Some(Ok(()));
                }
                // Refusals look, and so write nothing again; so does the next while several take at once.
                self.expected.store(UNKNOWN, Ordering::Relaxed);
            }
            // Acquire, here and below: what is beside the word is not older.
            let mut bits = self.bits.load(Ordering::Acquire);
            loop {
                if bits & SHUT != 0 {
                    return None;
                }
                let next = match self.plan.look(bits, now) {
                    Look::Take(next) => next,
                    Look::Wait(until) => return Some(Err(Instant::from_nanos(until))),
                    Look::Closer => return None,
                };
                match self.exchange(bits, next) {
                    Ok(_) => {
                        if expected == UNKNOWN {
                            self.expected.store(next, Ordering::Release);
                        }
                        return Some(Ok(()));
                    }
                    Err(_) => bits = self.look_again(),
                }
            }
        }

        /// After another core has come between a look and an exchange.
        #[cold]
        fn look_again(&self) -> u64 {
            P::pause();
            self.bits.load(Ordering::Acquire)
        }

        /// Release: a change of the plan comes after the use that has been made of it.
        #[inline]
        fn exchange(&self, seen: u64, next: u64) -> Result<u64, u64> {
            self.bits.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire)
        }

        /// The same for any number of tokens but none, and for every reason why not.
        pub(in crate::rate_limiter) fn take_closely(&self, tokens: u32, now: Instant) -> Take {
            if !P::FAST_PATH {
                return Take::Shut;
            }
            let mut bits = self.bits.load(Ordering::Acquire);
            loop {
                if bits & SHUT != 0 {
                    return Take::Shut;
                }
                let plan = &self.plan;
                let anchor = plan.anchor.load(Ordering::Relaxed);
                // An earlier `now` than the anchor is, wrapped, beyond the horizon.
                let since = now.as_nanos().wrapping_sub(anchor);
                if since > plan.horizon.load(Ordering::Relaxed) {
                    return Take::Shut;
                }
                // How far ahead the word may be for the tokens to be there.
                let mut slack = plan.slack.load(Ordering::Relaxed);
                let mut more = 0;
                if tokens != 1 {
                    match plan.more(slack, tokens) {
                        Some(several) => (more, slack) = several,
                        None => return Take::Shut,
                    }
                }
                let unit = plan.unit.load(Ordering::Relaxed);
                let (now, full_at) = (since.wrapping_mul(unit), bits & OFFSET);
                if full_at > now.wrapping_add(slack) {
                    let parts = plan.parts.load(Ordering::Relaxed);
                    let cost = plan.cost.load(Ordering::Relaxed);
                    // All of it belongs together if the generation is still the same.
                    fence(Ordering::Acquire);
                    if (self.bits.load(Ordering::Relaxed) ^ bits) & !OFFSET != 0 {
                        return Take::Shut;
                    }
                    let over = round_up(full_at, slack, unit, parts);
                    // The clock may have stepped back so far that the bucket begins anew.
                    if over.saturating_sub(since) > STEP_BACK
                        && over - since - STEP_BACK > unpack(cost, unit).nanos
                    {
                        return Take::Shut;
                    }
                    return Take::NotUntil(Instant::from_nanos(anchor.saturating_add(over)));
                }
                let parts = plan.parts.load(Ordering::Relaxed);
                let cost = add(plan.cost.load(Ordering::Relaxed), more, unit, parts);
                let full_at = add(now.max(full_at), cost, unit, parts);
                match self.exchange(bits, (bits & !OFFSET) | (full_at & OFFSET)) {
                    Ok(_) => return Take::Taken,
                    Err(seen) => bits = seen,
                }
            }
        }

        /// Whether the machine has everything.
        pub(in crate::rate_limiter) fn is_shut(&self) -> bool {
            !P::FAST_PATH || self.bits.load(Ordering::Relaxed) & SHUT != 0
        }

        /// Shuts the word, if it is open, and gives the machine's bucket what it held. Only under the lock.
        pub(in crate::rate_limiter) fn shut(&self, bucket: Option<&mut TokenBucket>) {
            let seen = self.bits.load(Ordering::Relaxed);
            if !P::FAST_PATH || seen & SHUT != 0 {
                return;
            }
            // The generation is changed under the lock alone.
            let bits = self.bits.swap(SHUT | seen & !OFFSET, Ordering::AcqRel);
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
            let mut anchor = self.plan.anchor.load(Ordering::Relaxed);
            let since = now.as_nanos().wrapping_sub(anchor);
            if self.plan.terms() != terms || since > terms.horizon / 4 * 3 {
                // Some way back, for a clock that steps back a little.
                anchor = now.as_nanos().saturating_sub(terms.horizon / 4);
                bits = bits.wrapping_add(GENERATION) & !SHUT;
                // Whoever sees any of what is written now sees that the word has been shut.
                fence(Ordering::Release);
                self.expected.store(UNKNOWN, Ordering::Relaxed);
                self.plan.set(anchor, bits, terms);
            }
            // Before the anchor the bucket was full, as far as anybody will ask the word.
            let ahead = bucket.rate().sub(bucket.full_at(), Span::whole(anchor));
            if ahead.nanos < OFFSET / terms.unit && anchor <= LAST_ANCHOR {
                self.bits.store(bits | pack(ahead, terms.unit), Ordering::Release);
            } else {
                self.bits.store(bits | SHUT, Ordering::Release);
            }
        }

        fn full_at(&self, bits: u64) -> Span {
            let ahead = unpack(bits & OFFSET, self.plan.unit.load(Ordering::Relaxed));
            let nanos = self.plan.anchor.load(Ordering::Relaxed).saturating_add(ahead.nanos);
            Span { nanos, part: ahead.part }
        }
    }

    impl Plan {
        const_fn! {
            fn new(terms: Terms) -> Self {
                Self {
                    early: AtomicU64::new(terms.early(0, 0)),
                    full: AtomicU64::new(0),
                    anchor: AtomicU64::new(0),
                    horizon: AtomicU64::new(terms.horizon),
                    cost: AtomicU64::new(terms.cost),
                    slack: AtomicU64::new(terms.slack),
                    unit: AtomicU64::new(terms.unit),
                    parts: AtomicU64::new(terms.parts),
                }
            }
        }

        #[inline]
        fn look(&self, bits: u64, now: u64) -> Look {
            if now >= LATE {
                return Look::Closer;
            }
            // A nanosecond less than what it waits for; negative, wrapped, if it need not wait.
            let ahead = bits.wrapping_sub(self.early.load(Ordering::Relaxed)).wrapping_sub(now);
            if ahead < STEP_BACK {
                return Look::Wait(now + ahead + 1);
            }
            let since = now.wrapping_sub(self.anchor.load(Ordering::Relaxed));
            if ahead < AT_HAND || since >= REACH {
                return Look::Closer;
            }
            // In as few steps as possible from the time, which comes last, to what is written. Whatever this says of
            // numbers that do not belong together: then the exchange fails.
            let idle = now.saturating_sub(bits.wrapping_sub(self.full.load(Ordering::Relaxed)));
            Look::Take(bits.wrapping_add(self.cost.load(Ordering::Relaxed)).wrapping_add(idle))
        }

        fn set(&self, anchor: u64, generation: u64, terms: Terms) {
            self.early.store(terms.early(anchor, generation), Ordering::Relaxed);
            self.full.store(generation.wrapping_sub(anchor), Ordering::Relaxed);
            self.anchor.store(anchor, Ordering::Relaxed);
            self.horizon.store(terms.horizon, Ordering::Relaxed);
            self.cost.store(terms.cost, Ordering::Relaxed);
            self.slack.store(terms.slack, Ordering::Relaxed);
            self.unit.store(terms.unit, Ordering::Relaxed);
            self.parts.store(terms.parts, Ordering::Relaxed);
        }

        fn terms(&self) -> Terms {
            Terms {
                horizon: self.horizon.load(Ordering::Relaxed),
                cost: self.cost.load(Ordering::Relaxed),
                slack: self.slack.load(Ordering::Relaxed),
                unit: self.unit.load(Ordering::Relaxed),
                parts: self.parts.load(Ordering::Relaxed),
            }
        }

        /// What all tokens but the first take, and what is then left of the slack; `None` if there never are as
        /// many.
        fn more(&self, slack: u64, tokens: u32) -> Option<(u64, u64)> {
            let (unit, parts) = (self.unit.load(Ordering::Relaxed), self.parts.load(Ordering::Relaxed));
            let rate = Rate { span: unpack(self.cost.load(Ordering::Relaxed), unit), ..rate(parts) };
            let (more, slack) = (rate.times(tokens.checked_sub(1)?)?, unpack(slack, unit));
            // What is too much may be too much to be packed, too.
            (more <= slack).then(|| (pack(more, unit), pack(rate.sub(slack, more), unit)))
        }
    }

    /// The sum of two packed spans.
    #[inline]
    fn add(a: u64, b: u64, unit: u64, parts: u64) -> u64 {
        // Wrapping, for numbers that do not belong together: they are found out afterwards.
        let sum = a.wrapping_add(b);
        if unit > 1 && sum & (unit - 1) >= parts { sum.wrapping_add(unit.wrapping_sub(parts)) } else { sum }
    }

    fn rate(parts: u64) -> Rate {
        #[expect(clippy::cast_possible_truncation, reason = "it was a `u32`")]
        Rate { parts: (parts as u32).max(1), span: Span::ZERO }
    }

    /// The difference in whole nanoseconds, rounded up.
    #[inline]
    fn round_up(full_at: u64, slack: u64, unit: u64, parts: u64) -> u64 {
        if unit == 1 {
            return full_at - slack;
        }
        let over = rate(parts).sub(unpack(full_at, unit), unpack(slack, unit));
        over.nanos.saturating_add(u64::from(over.part > 0))
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

        pub(in crate::rate_limiter) fn take_quickly(&self, _now: Instant) -> Option<Result<(), Instant>> {
            None
        }

        pub(in crate::rate_limiter) fn take_closely(&self, _tokens: u32, _now: Instant) -> Take {
            Take::Shut
        }

        pub(in crate::rate_limiter) fn is_shut(&self) -> bool {
            true
        }

        pub(in crate::rate_limiter) fn shut(&self, _bucket: Option<&mut TokenBucket>) {}

        pub(in crate::rate_limiter) fn peek(&self) -> Option<Span> {
            None
        }

        pub(in crate::rate_limiter) fn open(&self, _bucket: &TokenBucket, _now: Instant) {}
    }
}
