//! The limiter with a bucket per key, and one with unbounded memory.

use core::hash::BuildHasherDefault;
use core::time::Duration;
use std::collections::HashMap;
use std::hash::DefaultHasher;

use tidegate_core::rate_limiter::{KeyedError, KeyedRateLimiter, Quota, TokenBucket, WhenFull};
use tidegate_core::{Heap, Instant, Local};

use crate::bytes::Bytes;

type Hasher = BuildHasherDefault<DefaultHasher>;
type Limiter<const SHARDS: usize> = KeyedRateLimiter<u8, Local, Heap, Instant, Hasher, SHARDS>;

/// An operation.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Pass(u64),
    Take { key: u8, tokens: u32 },
    Refund { key: u8, tokens: u32 },
}

/// Does the steps in lockstep: as long as fewer than `capacity` buckets are short of full nobody can tell the two
/// apart, whatever is to be forgotten; beyond that a new key is refused, or one is forgotten.
pub fn play<const SHARDS: usize>(template: TokenBucket, capacity: usize, when_full: WhenFull, steps: &[Step]) {
    let limiter: Limiter<SHARDS> =
        KeyedRateLimiter::with_parts(template, capacity, when_full, Instant::EPOCH, Hasher::default());
    let mut unbounded: HashMap<u8, TokenBucket> = HashMap::new();
    let mut now = Instant::EPOCH;
    for step in steps {
        match *step {
            Step::Pass(nanos) => now = now + Duration::from_nanos(nanos),
            Step::Take { key, tokens } => {
                let is_short = |bucket: &TokenBucket| bucket.available(now) < template.burst();
                let others = unbounded.iter().filter(|&(other, bucket)| *other != key && is_short(bucket)).count();
                let known = unbounded.entry(key).or_insert(template);
                let was_short = is_short(known);
                let answer = limiter.try_acquire_at(&key, tokens, now);
                if others >= capacity && !was_short && tokens > 0 && tokens <= template.burst() {
                    if when_full != WhenFull::Refuse {
                        // Somebody has been forgotten, and nobody knows who.
                        assert_eq!(answer, Ok(()));
                        return;
                    }
                    assert_eq!(answer, Err(KeyedError::Full));
                } else {
                    let expected = known.try_acquire(tokens, now).map_err(KeyedError::from);
                    assert_eq!(answer, expected);
                }
            }
            Step::Refund { key, tokens } => {
                limiter.refund(&key, tokens);
                if let Some(known) = unbounded.get_mut(&key) {
                    known.refund(tokens);
                }
            }
        }
        assert!(limiter.len() <= capacity);
    }
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(8), bytes.byte());
        let (key, tokens) = (detail % 32, u32::from(detail / 32) % 5);
        match kind {
            0 | 1 => Self::Pass(u64::from(detail)),
            2 => Self::Refund { key, tokens },
            _ => Self::Take { key, tokens },
        }
    }
}

/// Interprets bytes as a quota, a capacity, and what is done with so many keys.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (tokens, period) = (1 + u32::from(bytes.below(4)), 1 + u64::from(bytes.byte()));
    let burst = 1 + u32::from(bytes.below(4));
    let quota = Quota::per(tokens, Duration::from_nanos(period)).and_then(|quota| quota.burst(burst));
    let Ok(bucket) = quota.and_then(TokenBucket::new) else { unreachable!("it makes sense") };
    let (capacity, choice) = (1 + usize::from(bytes.below(12)), bytes.byte());
    let when_full = if choice & 1 == 0 { WhenFull::Refuse } else { WhenFull::ForgetFullest };
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    match choice >> 1 & 3 {
        0 => play::<1>(bucket, capacity, when_full, &steps),
        1 => play::<2>(bucket, capacity, when_full, &steps),
        _ => play::<5>(bucket, capacity, when_full, &steps),
    }
}
