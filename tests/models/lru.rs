//! `Lru` and `TtlLru` on both storages against a list that is searched from end to end.

use proptest::prelude::*;
use tidegate_core::lru::{Displaced, Lru};
use tidegate_core::{Heap, Inline};
use tidegate_lockstep::lru::{ROOM, Step, play, play_with_lifetimes};

fn span() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 0..2_000_u64, any::<u64>().prop_map(|bits| bits >> (bits % 60))]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..24_u8;
    prop::collection::vec(
        prop_oneof![
            4 => key().prop_map(Step::Get),
            1 => key().prop_map(Step::GetMut),
            2 => key().prop_map(Step::Peek),
            6 => key().prop_map(Step::Insert),
            4 => (key(), span()).prop_map(|(key, ttl)| Step::InsertFor(key, ttl)),
            3 => key().prop_map(Step::GetOrInsert),
            2 => key().prop_map(Step::Remove),
            1 => Just(Step::PopLru),
            1 => Just(Step::PopExpired),
            1 => Just(Step::HandleTimeout),
            1 => (0..ROOM + 4).prop_map(Step::Resize),
            1 => prop_oneof![20 => Just(Step::Get(0)), 1 => Just(Step::Clear)],
            3 => span().prop_map(Step::Advance),
            1 => span().prop_map(Step::Back),
        ],
        0..200,
    )
}

proptest! {
    #[test]
    fn lru_is_the_list(capacity in 0..=ROOM, steps in steps()) {
        play::<Inline<ROOM>>(capacity, &steps);
        play::<Heap>(capacity, &steps);
    }

    #[test]
    fn ttl_lru_is_the_list_with_deadlines(capacity in 0..=ROOM, ttl in span(), steps in steps()) {
        play_with_lifetimes::<Inline<ROOM>>(capacity, ttl, &steps);
        play_with_lifetimes::<Heap>(capacity, ttl, &steps);
    }
}

/// More entries than a few buckets hold, and growth on the way.
#[test]
fn a_large_one_keeps_what_was_used_last() {
    const CAPACITY: u64 = 5_000;
    let mut cache: Lru<u64, u64, Heap> = Lru::new(5_000);
    for key in 0..CAPACITY {
        assert_eq!(cache.insert(key, !key), None);
    }
    let (used, unused): (Vec<u64>, Vec<u64>) = (0..CAPACITY).partition(|key| key % 3 == 0);
    for key in &used {
        assert_eq!(cache.get(key), Some(&!key));
    }
    for (new, &gone) in (CAPACITY..).zip(&unused) {
        assert_eq!(cache.insert(new, !new), Some(Displaced::Evicted(gone, !gone)));
        assert_eq!(cache.get(&gone), None);
    }
    assert!(used.iter().all(|key| cache.contains_key(key)));
    assert_eq!(cache.pop_lru(), Some((0, !0)));
}
