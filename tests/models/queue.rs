//! The queues' machine against a list of items and lists of those who wait.

use proptest::prelude::*;
use tidegate_lockstep::queue::{Kind, Step, What, play};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..4_u8;
    let what = prop_oneof![3 => Just(What::Room), 3 => Just(What::Item), 1 => Just(What::Done)];
    prop::collection::vec(
        prop_oneof![
            6 => key.clone().prop_map(Step::TryPut),
            2 => key.clone().prop_map(Step::ForcePut),
            4 => Just(Step::TryGet),
            1 => Just(Step::Reserve),
            1 => key.clone().prop_map(Step::Fill),
            1 => Just(Step::Release),
            6 => (what, 0..3_i32).prop_map(|(what, priority)| Step::Wait(what, priority)),
            4 => (key, 0..3_i32).prop_map(|(key, priority)| Step::Offer(key, priority)),
            6 => (any::<usize>(), any::<bool>()).prop_map(|(who, moved)| Step::Poll(who, moved)),
            3 => any::<usize>().prop_map(Step::Cancel),
            1 => (0..8_usize).prop_map(Step::Capacity),
            2 => Just(Step::Done),
        ],
        0..120,
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Fifo), Just(Kind::Lifo), Just(Kind::ByPriority)]
}

proptest! {
    #[test]
    fn a_queue_is_a_list(kind in kind(), capacity in 0..4_usize, steps in steps()) {
        play(kind, capacity, &steps);
    }

    #[test]
    fn a_queue_that_is_closed_on_the_way_is_a_list(
        kind in kind(),
        capacity in 0..4_usize,
        before in steps(),
        discard in any::<bool>(),
        after in steps(),
    ) {
        let close = if discard { Step::Discard } else { Step::Close };
        let steps: Vec<_> = before.into_iter().chain([close]).chain(after).chain([Step::Discard]).collect();
        play(kind, capacity, &steps);
    }
}
