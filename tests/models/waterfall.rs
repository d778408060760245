//! The waterfall's machine, with and without keys, against plain lists.

use proptest::prelude::*;
use tidegate_lockstep::waterfall::{Setup, Step, play_all};

fn setup() -> impl Strategy<Value = Setup> {
    (1..6_usize, 0..20_u64, 1..11_usize, 1..4_usize).prop_map(|(quantity, interval, capacity, in_flight)| Setup {
        quantity,
        interval,
        capacity,
        in_flight,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<usize>;
    let moved = || prop::bool::weighted(0.3);
    prop_oneof![
        8 => any::<u8>().prop_map(|key| Step::Put { key }),
        6 => any::<u8>().prop_map(|key| Step::Wait { key }),
        4 => (who(), moved()).prop_map(|(who, moved)| Step::PollPut { who, moved }),
        2 => who().prop_map(|who| Step::CancelPut { who }),
        4 => Just(Step::Take),
        3 => Just(Step::WaitToTake),
        4 => (who(), moved()).prop_map(|(who, moved)| Step::PollTake { who, moved }),
        2 => who().prop_map(|who| Step::CancelTake { who }),
        5 => (who(), moved()).prop_map(|(which, well)| Step::Finish { which, well }),
        1 => Just(Step::FlushNow),
        2 => Just(Step::Flush),
        3 => who().prop_map(|who| Step::PollFlush { who }),
        1 => who().prop_map(|who| Step::CancelFlush { who }),
        4 => (0..12_u64).prop_map(|span| Step::Advance { span }),
        1 => Just(Step::HandleTimeout),
        1 => prop::bool::weighted(0.2).prop_map(|close| if close { Step::Close } else { Step::FlushNow }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn batches_hold_what_was_accepted_in_order(setup in setup(), steps in prop::collection::vec(step(), 0..100)) {
        play_all(setup, &steps);
    }
}
