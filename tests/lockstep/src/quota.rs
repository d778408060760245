//! The arithmetic of one token bucket, as a plain value and as a limiter's word, at any rate and over any span; and
//! fractions with one denominator.

use core::time::Duration;

use tidegate_core::rate_limiter::{Quota, RateLimiter, TokenBucket, TryAcquireError};
use tidegate_core::{Inline, Instant, Local, Platform};

use crate::bytes::Bytes;

/// One thread, and a word all the same.
struct Fast;

impl Platform for Fast {
    type RawMutex = <Local as Platform>::RawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

type Word = RateLimiter<Fast, Inline<1>, Instant>;

/// A level in units of `1 / period` of a token, which `tokens` of come in a nanosecond.
struct Exact {
    tokens: u128,
    period: u128,
    burst: u32,
    level: u128,
    last: u64,
}

impl Exact {
    fn full(&self) -> u128 {
        u128::from(self.burst) * self.period
    }

    fn level_at(&self, now: u64) -> u128 {
        // Less than 2⁶⁴ · 2³².
        let came = u128::from(now - self.last) * self.tokens;
        (self.level + came).min(self.full())
    }

    fn pass(&mut self, now: u64) {
        self.level = self.level_at(now);
        self.last = now;
    }

    fn available(&self) -> u128 {
        self.level / self.period
    }

    fn fits(&self, tokens: u32, now: u64) -> bool {
        u128::from(tokens) * self.period <= self.level_at(now)
    }
}

/// The end of time is a matter of its own: steps stop well before it.
const LAST: u64 = 1 << 62;

/// Interprets bytes as a quota, and times at which tokens are taken and put back.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (tokens, period) = (number_u32(&mut bytes), bytes.number() % LAST);
    let made = Quota::per(tokens, Duration::from_nanos(period));
    assert_eq!(made.is_ok(), tokens > 0 && period > 0);
    let Ok(quota) = made else { return };
    let burst = number_u32(&mut bytes);
    let filling = u128::from(burst) * u128::from(period) / u128::from(tokens);
    let Ok(quota) = quota.burst(burst) else {
        assert!(burst == 0 || filling > u128::from(u64::MAX));
        return;
    };
    if filling > u128::from(LAST) {
        return;
    }
    let Ok(mut bucket) = TokenBucket::new(quota) else { unreachable!("it is a bucket's quota") };
    let word = Word::with_timer(quota, Instant::EPOCH);
    // A bucket without room for what comes in a nanosecond and one token more gains nothing in the nanosecond in
    // which it fills, as its documentation says.
    let exact_at_the_brim = burst > tokens.div_ceil(u32::try_from(period).unwrap_or(u32::MAX));
    let mut exact = Exact { tokens: tokens.into(), period: period.into(), burst, level: 0, last: 0 };
    exact.level = exact.full();
    while !bytes.is_empty() && exact.last < LAST {
        let kind = bytes.below(4);
        let at = Instant::from_nanos;
        match kind {
            0 => exact.pass(exact.last + bytes.number() % LAST),
            1 => {
                let tokens = number_u32(&mut bytes);
                bucket.refund(tokens);
                word.refund(tokens);
                exact.level = (exact.level + u128::from(tokens) * exact.period).min(exact.full());
            }
            _ => {
                let wanted = if kind == 2 { 1 } else { number_u32(&mut bytes) };
                assert_eq!(
                    word.try_acquire_at(wanted, at(exact.last)),
                    { bucket }.try_acquire(wanted, at(exact.last))
                );
                take(&mut bucket, &mut exact, wanted, exact_at_the_brim);
            }
        }
        let available = u128::from(bucket.available(at(exact.last)));
        assert!(available <= exact.available(), "never early");
        if exact_at_the_brim {
            assert_eq!(available, exact.available());
        } else {
            // What the bucket has lost the fractions do without, too.
            resync(&bucket, &mut exact);
        }
    }
}

fn take(bucket: &mut TokenBucket, exact: &mut Exact, wanted: u32, exact_at_the_brim: bool) {
    let now = Instant::from_nanos(exact.last);
    match bucket.try_acquire(wanted, now) {
        Ok(()) => {
            assert!(wanted > 0 && exact.fits(wanted, exact.last), "early");
            exact.level -= u128::from(wanted) * exact.period;
        }
        Err(TryAcquireError::ZeroTokens) => assert_eq!(wanted, 0),
        Err(TryAcquireError::ExceedsBurst) => assert!(wanted > exact.burst),
        Err(refused) => {
            let earliest = refused.earliest().unwrap_or(Instant::MAX);
            assert!(earliest > now && wanted <= exact.burst);
            let mut then = *bucket;
            assert!(then.try_acquire(wanted, earliest).is_ok(), "it was promised");
            let before = earliest.as_nanos() - 1;
            assert!(!exact.fits(wanted, before) || !exact_at_the_brim, "late");
            assert!(exact.fits(wanted, earliest.as_nanos()), "early");
        }
    }
}

/// Takes over what the bucket says that it has, less than a token.
fn resync(bucket: &TokenBucket, exact: &mut Exact) {
    let available = u128::from(bucket.available(Instant::from_nanos(exact.last)));
    if available < exact.available() {
        exact.level = (available + 1) * exact.period - 1;
    }
}

fn number_u32(bytes: &mut Bytes<'_>) -> u32 {
    // Of any magnitude, like the number it is cut from.
    let number = bytes.number();
    u32::try_from(number).unwrap_or_else(|_| u32::try_from(number >> 32).unwrap_or(u32::MAX))
}
