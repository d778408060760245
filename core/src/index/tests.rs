//! Both indexes against a list of what is filed.

use proptest::prelude::*;

use super::*;

const PLACES: u32 = 48;

/// Hashes that collide in part: few chains or buckets, few tags, or altogether.
fn hash() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), (0..4_u32).prop_map(|n| n << 30), 0..4_u32, Just(0), Just(u32::MAX)]
}

/// What each place is filed under: at every step one place is filed, or taken out if it was.
fn check<I: HashIndex>(steps: &[(u32, u32)], reserve: usize) {
    let mut index = I::EMPTY;
    let mut filed = [None; PLACES as usize];
    // Places in use have no gaps when room is made; so it is made once, here, or at the start.
    index.reserve(reserve.min(PLACES as usize), core::iter::empty());
    index.reserve(PLACES as usize, core::iter::empty());
    for &(place, hash) in steps {
        let slot = &mut filed[place as usize];
        if let Some(hash) = slot.take() {
            index.remove(hash, place);
        } else {
            index.insert(hash, place);
            *slot = Some(hash);
        }
        for (place, hash) in (0..).zip(filed) {
            if let Some(hash) = hash {
                let mut times = 0;
                assert_eq!(
                    index.find(hash, |found| {
                        times += u32::from(found == place);
                        false
                    }),
                    None
                );
                assert_eq!(times, 1, "{place} is filed under {hash:#x}");
            }
        }
        assert_eq!(index.find(hash, |place| filed[place as usize].is_none()), None, "nothing else is there");
    }
    index.clear();
    for hash in filed.into_iter().flatten() {
        assert_eq!(index.find(hash, |_| true), None);
    }
}

/// Room made bit by bit.
fn check_growth<I: HashIndex>(hashes: &[u32]) {
    let mut index = I::EMPTY;
    for (place, &hash) in (0..).zip(hashes) {
        index.reserve(place as usize + 1, hashes[..place as usize].iter().copied());
        index.insert(hash, place);
    }
    for (place, &hash) in (0..).zip(hashes) {
        assert_eq!(index.find(hash, |found| found == place), Some(place));
    }
}

proptest! {
    #[test]
    fn what_is_filed_is_found_and_nothing_else(
        steps in prop::collection::vec((0..PLACES, hash()), 0..300),
        reserve in 0..64_usize,
    ) {
        check::<Chains<48>>(&steps, reserve);
        #[cfg(feature = "alloc")]
        check::<Buckets>(&steps, reserve);
    }

    #[test]
    fn growth_loses_nothing(hashes in prop::collection::vec(hash(), 0..48)) {
        check_growth::<Chains<48>>(&hashes);
        #[cfg(feature = "alloc")]
        check_growth::<Buckets>(&hashes);
    }
}

/// More pass a bucket by than its count can say.
#[cfg(feature = "alloc")]
#[test]
fn a_crowd_under_one_hash_comes_and_goes() {
    const CROWD: u32 = 1_000;
    let mut index = Buckets::EMPTY;
    index.reserve(CROWD as usize, core::iter::empty());
    for _ in 0..2 {
        for place in 0..CROWD {
            index.insert(7, place);
        }
        for place in 0..CROWD {
            assert_eq!(index.find(7, |found| found == place), Some(place));
            index.remove(7, place);
            assert_eq!(index.find(7, |found| found == place), None);
        }
    }
}

#[test]
fn an_index_of_nothing_finds_nothing() {
    let mut index = Chains::<0>::EMPTY;
    index.insert(1, 0);
    assert_eq!(index.find(1, |_| true), None);
    index.remove(1, 0);
    #[cfg(feature = "alloc")]
    assert_eq!(Buckets::EMPTY.find(1, |_| true), None);
}
