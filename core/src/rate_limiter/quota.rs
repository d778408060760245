//! [`Quota`]: how much may happen in how much time, and its exact arithmetic.
//!
//! With `g = gcd(n, period)`, `n / g` tokens come in `period / g` nanoseconds. One token therefore takes a
//! whole number of *parts*, of which `n / g` make a nanosecond: [`Span`] counts nanoseconds and parts, so
//! nothing is ever rounded, and nothing is ever divided while single tokens are taken.

use core::fmt;
use core::time::Duration;

/// How much may happen in how much time: `n` tokens per period.
///
/// There are two kinds. [`per`](Self::per) is a *token bucket*: tokens come one by one at an even rate and
/// gather up to a [`burst`](Self::burst); over any span of time no more than `burst + span · n / period` are
/// admitted, and exactly that many when they are asked for all the time. [`sliding`](Self::sliding) is a
/// *sliding window*: never more than `n` inside of any period, which costs the memory of `n` timestamps.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::rate_limiter::{InvalidQuota, Quota};
///
/// let quota = Quota::per(50, Duration::from_secs(1))?.burst(10)?;
/// assert_eq!(quota.max_tokens(), 10);
/// let strict = Quota::sliding(3, Duration::from_secs(7))?;
/// assert_eq!(strict.max_tokens(), 3);
/// assert_eq!(Quota::per(0, Duration::from_secs(1)), Err(InvalidQuota::ZeroTokens));
/// # Ok::<(), InvalidQuota>(())
/// ```
///
/// In a `static`, a quota that makes no sense is refused by the compiler:
///
/// ```
/// # use core::time::Duration;
/// # use tidegate_core::rate_limiter::Quota;
/// const QUOTA: Quota = match Quota::per(5, Duration::from_secs(1)) {
///     Ok(quota) => quota,
///     Err(_) => panic!("the quota makes no sense"),
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    pub(super) kind: Kind,
    tokens: u32,
    period: u64,
    /// The most tokens that can be had at once.
    max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Bucket,
    Window,
}

impl Quota {
    /// A token bucket: `tokens` per `period`, and as many at once; see [`burst`](Self::burst).
    ///
    /// # Errors
    ///
    /// [`ZeroTokens`](InvalidQuota::ZeroTokens), [`ZeroPeriod`](InvalidQuota::ZeroPeriod), or
    /// [`TooLong`](InvalidQuota::TooLong) for a period of more than 584 years.
    pub const fn per(tokens: u32, period: Duration) -> Result<Self, InvalidQuota> {
        Self::new(Kind::Bucket, tokens, period)
    }

    /// A sliding window: never more than `tokens` inside of any span as long as `period`.
    ///
    /// # Errors
    ///
    /// Those of [`per`](Self::per).
    pub const fn sliding(tokens: u32, period: Duration) -> Result<Self, InvalidQuota> {
        Self::new(Kind::Window, tokens, period)
    }

    const fn new(kind: Kind, tokens: u32, period: Duration) -> Result<Self, InvalidQuota> {
        let nanos = period.as_nanos();
        if tokens == 0 {
            return Err(InvalidQuota::ZeroTokens);
        }
        if nanos == 0 {
            return Err(InvalidQuota::ZeroPeriod);
        }
        if nanos > u64::MAX as u128 {
            return Err(InvalidQuota::TooLong);
        }
        #[expect(clippy::cast_possible_truncation, reason = "compared just above")]
        Ok(Self { kind, tokens, period: nanos as u64, max: tokens })
    }

    /// The same with a bucket that holds `tokens` tokens, instead of as many as come in a period.
    ///
    /// # Errors
    ///
    /// [`ZeroBurst`](InvalidQuota::ZeroBurst); [`TooLong`](InvalidQuota::TooLong) if such a bucket would take
    /// more than 584 years to fill; [`NotABucket`](InvalidQuota::NotABucket) for a sliding window.
    pub const fn burst(self, tokens: u32) -> Result<Self, InvalidQuota> {
        if tokens == 0 {
            return Err(InvalidQuota::ZeroBurst);
        }
        if matches!(self.kind, Kind::Window) {
            return Err(InvalidQuota::NotABucket);
        }
        if self.rate().times(tokens).is_none() {
            return Err(InvalidQuota::TooLong);
        }
        Ok(Self { max: tokens, ..self })
    }

    /// How many tokens come in a period.
    #[must_use]
    pub const fn tokens(&self) -> u32 {
        self.tokens
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// How many tokens can be had at once, at most: the burst of a bucket, or what a window admits.
    #[must_use]
    pub const fn max_tokens(&self) -> u32 {
        self.max
    }

    /// What one token takes.
    pub(super) const fn rate(&self) -> Rate {
        let divisor = gcd(self.tokens as u64, self.period);
        let (tokens, period) = (self.tokens as u64 / divisor, self.period / divisor);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no more than the `u32` it came from, and a remainder"
        )]
        let (parts, part) = (tokens as u32, (period % tokens) as u32);
        Rate { parts, span: Span { nanos: period / tokens, part } }
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A span or a point of time: nanoseconds and parts of one, fewer than make a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) nanos: u64,
    pub(super) part: u32,
}

impl Span {
    pub(super) const ZERO: Self = Self::whole(0);

    pub(super) const fn whole(nanos: u64) -> Self {
        Self { nanos, part: 0 }
    }
}

/// What one token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// How many parts make a nanosecond.
    pub(super) parts: u32,
    pub(super) span: Span,
}

impl Rate {
    /// What so many tokens take, unless that is longer than time itself.
    #[inline]
    pub(super) const fn times(&self, tokens: u32) -> Option<Span> {
        if tokens == 1 {
            return Some(self.span);
        }
        let (parts, count) = (self.span.part as u64 * tokens as u64, self.parts as u64);
        let Some(nanos) = self.span.nanos.checked_mul(tokens as u64) else { return None };
        let Some(nanos) = nanos.checked_add(parts / count) else { return None };
        #[expect(clippy::cast_possible_truncation, reason = "less than the `u32` it is divided by")]
        Some(Span { nanos, part: (parts % count) as u32 })
    }

    /// The sum, unless it is beyond the end of time.
    #[inline]
    pub(super) const fn add(&self, a: Span, b: Span) -> Option<Span> {
        let Some(nanos) = a.nanos.checked_add(b.nanos) else { return None };
        let part = a.part as u64 + b.part as u64;
        let (nanos, part) = if part >= self.parts as u64 {
            let Some(nanos) = nanos.checked_add(1) else { return None };
            (nanos, part - self.parts as u64)
        } else {
            (nanos, part)
        };
        #[expect(clippy::cast_possible_truncation, reason = "less than `parts`")]
        Some(Span { nanos, part: part as u32 })
    }

    /// The difference, or zero.
    #[inline]
    pub(super) const fn sub(&self, a: Span, b: Span) -> Span {
        if a.nanos < b.nanos || a.nanos == b.nanos && a.part <= b.part {
            return Span::ZERO;
        }
        if a.part >= b.part {
            return Span { nanos: a.nanos - b.nanos, part: a.part - b.part };
        }
        // Less than `parts`, because `a.part` is the smaller one.
        Span { nanos: a.nanos - b.nanos - 1, part: self.parts - (b.part - a.part) }
    }

    /// All in parts.
    pub(super) fn to_parts(self, span: Span) -> u128 {
        u128::from(span.nanos) * u128::from(self.parts) + u128::from(span.part)
    }

    /// From parts, or the longest span there is.
    pub(super) fn of_parts(self, parts: u128) -> Span {
        let count = u128::from(self.parts);
        match (u64::try_from(parts / count), u32::try_from(parts % count)) {
            (Ok(nanos), Ok(part)) => Span { nanos, part },
            _ => Span::whole(u64::MAX),
        }
    }
}

/// Why a quota makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InvalidQuota {
    /// No tokens per period: nothing would ever be admitted.
    ZeroTokens,
    /// Tokens in no time.
    ZeroPeriod,
    /// A bucket that holds nothing: nothing would ever be admitted.
    ZeroBurst,
    /// More than 584 years.
    TooLong,
    /// A sliding window has no burst of its own.
    NotABucket,
    /// No quota, or more than [`MAX_QUOTAS`](super::MAX_QUOTAS) of them.
    WrongNumber,
    /// Inline storage has no room for the timestamps of a sliding window.
    NoRoom,
    /// Another number of quotas, or quotas of another kind, than the limiter was made with.
    Mismatch,
}

impl fmt::Display for InvalidQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroTokens => "a quota of zero tokens",
            Self::ZeroPeriod => "a quota for no time at all",
            Self::ZeroBurst => "a burst of zero tokens",
            Self::TooLong => "a quota that takes more than 584 years",
            Self::NotABucket => "a burst for a sliding window",
            Self::WrongNumber => "no quota, or too many",
            Self::NoRoom => "no room for the timestamps of a sliding window",
            Self::Mismatch => "quotas of other kinds than before",
        })
    }
}

impl core::error::Error for InvalidQuota {}
