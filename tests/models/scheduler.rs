//! The scheduler's machine against a list of payloads.

use proptest::prelude::*;
use tidegate_core::scheduler::MissedTickBehavior;
use tidegate_lockstep::scheduler::{Step, play};

fn span() -> impl Strategy<Value = u64> {
    // Often equal, now and then very far, and never at all.
    prop_oneof![12 => 0..50_u64, 3 => (0..56_u32).prop_map(|bits| 1 << bits), 1 => Just(u64::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<usize>;
    let behavior = prop_oneof![
        Just(MissedTickBehavior::Burst),
        Just(MissedTickBehavior::Delay),
        Just(MissedTickBehavior::Skip)
    ];
    prop_oneof![
        2 => span().prop_map(|deadline| Step::InsertAt { deadline }),
        8 => span().prop_map(|span| Step::InsertAfter { span }),
        3 => span().prop_map(|span| Step::InsertWall { span }),
        2 => (0..12_u64, behavior).prop_map(|(period, behavior)| Step::InsertEvery { period, behavior }),
        4 => any().prop_map(|which| Step::Cancel { which }),
        2 => (any(), span()).prop_map(|(which, span)| Step::Reset { which, span }),
        1 => (any(), span()).prop_map(|(which, span)| Step::ResetWall { which, span }),
        6 => prop_oneof![8 => 0..25_u64, 1 => (0..50_u32).prop_map(|bits| 1 << bits)].prop_map(|span| Step::Advance { span }),
        2 => (900..1_200_u64).prop_map(|to| Step::SetWall { to }),
        2 => Just(Step::HandleTimeout),
        3 => Just(Step::Pop),
        6 => (-1..2_i32).prop_map(|priority| Step::Enter { priority }),
        6 => (any(), prop::bool::ANY).prop_map(|(who, moved)| Step::Poll { who, moved }),
        2 => any().prop_map(|who| Step::Leave { who }),
        2 => Just(Step::Join),
        2 => any().prop_map(|who| Step::PollJoin { who }),
        1 => any().prop_map(|who| Step::LeaveJoin { who }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn payloads_come_out_in_order_and_nobody_is_forgotten(
        steps in prop::collection::vec(step(), 0..120),
        close in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut steps = steps;
        if let Some(close) = close {
            steps.insert(close.index(steps.len() + 1), Step::Close);
        }
        play(&steps);
    }
}
