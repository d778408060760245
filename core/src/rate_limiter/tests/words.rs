//! The word beside the machine: the same answers, whatever the clock does.

use core::time::Duration;

use proptest::prelude::*;

use super::super::{Quota, RateLimiter};
use super::{Fast, SECOND, at};
use crate::{Inline, Instant, Local};

#[derive(Clone, Debug)]
enum Step {
    Take {
        tokens: u32,
        pause: u64,
    },
    Refund(u32),
    SetQuota(usize),
    /// The clock steps back; what it has done is not undone.
    Back(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_u32..4, prop_oneof![
            8 => 0_u64..2_000_000_000,
            1 => Just(1_u64 << 33),
            1 => Just(1_u64 << 54),
            1 => Just((1_u64 << 54) - 1),
            1 => 0_u64..1 << 53,
            1 => Just(u64::MAX),
        ]).prop_map(|(tokens, pause)| Step::Take { tokens, pause }),
        1 => (1_u32..4).prop_map(Step::Refund),
        1 => (0_usize..QUOTAS).prop_map(Step::SetQuota),
        2 => prop_oneof![0_u64..2_000_000_000, 0_u64..1 << 43, 0_u64..1 << 54].prop_map(Step::Back),
    ]
}

const QUOTAS: usize = 7;

fn quotas() -> [Quota; QUOTAS] {
    [
        Quota::per(3, Duration::from_secs(7)).unwrap(),
        Quota::per(1_000_003, SECOND).unwrap(),
        Quota::per(10, SECOND).unwrap().burst(4).unwrap(),
        // Too long for the word.
        Quota::per(999_983, Duration::from_hours(24)).unwrap(),
        Quota::per(8_388_607, SECOND).unwrap().burst(3).unwrap(),
        Quota::per(1, Duration::from_hours(5)).unwrap().burst(2).unwrap(),
        Quota::per(3, Duration::from_hours(20)).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_word_answers_as_the_machine_does(
        first in 0_usize..QUOTAS,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let quota = quotas()[first];
        let fast: RateLimiter<Fast, Inline<1>, Instant> = RateLimiter::with_timer(quota, at(0));
        let slow: RateLimiter<Local, Inline<1>, Instant> = RateLimiter::with_timer(quota, at(0));
        let mut now = 0_u64;
        for step in steps {
            match step {
                Step::Take { tokens, pause } => {
                    now = now.saturating_add(pause);
                    let tokens = tokens.min(fast.max_tokens());
                    let answer = fast.try_acquire_at(tokens, at(now));
                    prop_assert_eq!(answer, slow.try_acquire_at(tokens, at(now)));
                    if let Err(refused) = answer
                        && now.is_multiple_of(2)
                    {
                        now = refused.earliest().unwrap().as_nanos();
                        prop_assert_eq!(fast.try_acquire_at(tokens, at(now)), slow.try_acquire_at(tokens, at(now)));
                    }
                }
                Step::Refund(tokens) => {
                    fast.refund(tokens);
                    slow.refund(tokens);
                }
                Step::SetQuota(nth) => {
                    // Its clock stands at the epoch, where all that is owed counts in full.
                    prop_assert_eq!(fast.set_quota(quotas()[nth]), slow.set_quota(quotas()[nth]));
                }
                Step::Back(span) => now = now.saturating_sub(span),
            }
        }
    }
}
