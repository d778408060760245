//! [`Buckets`]: open addressing, a cache line per bucket, a byte of hash per place, and no tombstones.

use alloc::vec::Vec;

use wide::u8x16;

use super::HashIndex;

/// Places in a bucket.
const LANES: usize = 12;
/// How many there are in a bucket on average, at most. Half empty, few buckets are ever passed by; and to find out
/// that something is not there, one bucket is enough unless it was.
const PLACES_PER_BUCKET: usize = 6;

/// The byte of a bucket's tags that counts how many places passed it by. At its maximum the count stays there.
const PASSED: usize = 15;
/// The lanes, as bits.
const ALL_LANES: u32 = (1 << LANES) - 1;

/// An index on the heap: buckets of twelve places, with a byte of every place's hash.
///
/// A lookup compares the byte sought with all of a bucket's at once, and asks only where it agrees: as good as
/// once where the answer is yes, and never where it is no. A place that finds its bucket full goes to the next,
/// and every bucket counts those that passed it by: a lookup ends at a bucket that nobody passed. Taking a place
/// out undoes all that filing it did; nothing is left behind that would have to be swept up one day.
#[derive(Debug)]
pub struct Buckets {
    buckets: Vec<Bucket>,
    /// How many places there is room for.
    room: usize,
}

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    /// A byte of hash for each lane, zero where vacant; and the count of those that passed by.
    tags: [u8; 16],
    places: [u32; LANES],
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; 16], places: [0; LANES] };

    /// The lanes that have this tag, as bits.
    #[inline]
    fn lanes_of(&self, tag: u8) -> u32 {
        u8x16::new(self.tags).simd_eq(u8x16::splat(tag)).to_bitmask() & ALL_LANES
    }

    /// The lane of a place that is filed here under a hash with this tag.
    #[inline]
    fn lane_of(&self, tag: u8, place: u32) -> Option<usize> {
        let mut lanes = self.lanes_of(tag);
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            if self.places[lane] == place {
                return Some(lane);
            }
            lanes &= lanes - 1;
        }
        None
    }
}

/// The byte of a hash that is kept: never zero.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "one byte is what is wanted")]
const fn tag(hash: u32) -> u8 {
    let byte = hash as u8;
    if byte == 0 { 1 } else { byte }
}

impl Buckets {
    /// The first bucket for a hash: the upper half of a product, and so a matter of the hash's upper bits. They
    /// are mixed first, because hashers differ in which of their bits are good.
    #[inline]
    #[cfg_attr(
        target_pointer_width = "32",
        expect(clippy::cast_possible_truncation, reason = "less than the number of buckets")
    )]
    const fn home(&self, hash: u32) -> usize {
        let mixed = hash.wrapping_mul(0x9E37_79B9) as u64;
        ((mixed * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    const fn after(&self, bucket: usize) -> usize {
        if bucket + 1 < self.buckets.len() { bucket + 1 } else { 0 }
    }

    #[cold]
    fn grow(&mut self, places: usize, filed: impl Iterator<Item = u32>) {
        let buckets = places.div_ceil(PLACES_PER_BUCKET);
        // The old ones go first: there is nothing in them that could not be filed again.
        *self = Self::EMPTY;
        self.buckets.reserve_exact(buckets);
        self.buckets.resize(buckets, Bucket::EMPTY);
        self.room = buckets * PLACES_PER_BUCKET;
        for (place, hash) in (0..).zip(filed) {
            self.insert(hash, place);
        }
    }
}

impl HashIndex for Buckets {
    const EMPTY: Self = Self { buckets: Vec::new(), room: 0 };

    #[inline]
    fn find(&self, hash: u32, mut is_sought: impl FnMut(u32) -> bool) -> Option<u32> {
        let (tag, home) = (tag(hash), self.home(hash));
        let mut at = home;
        loop {
            let bucket = self.buckets.get(at)?;
            let mut lanes = bucket.lanes_of(tag);
            while lanes != 0 {
                let place = bucket.places[lanes.trailing_zeros() as usize];
                if is_sought(place) {
                    return Some(place);
                }
                lanes &= lanes - 1;
            }
            if bucket.tags[PASSED] == 0 {
                return None;
            }
            at = self.after(at);
            if at == home {
                return None;
            }
        }
    }

    #[inline]
    fn reserve(&mut self, places: usize, filed: impl Iterator<Item = u32>) {
        if places > self.room {
            self.grow(places, filed);
        }
    }

    #[inline]
    fn insert(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        // There are more lanes than room: a bucket that is not full comes.
        while let Some(bucket) = self.buckets.get_mut(at) {
            let vacant = bucket.lanes_of(0);
            if vacant != 0 {
                let lane = vacant.trailing_zeros() as usize;
                bucket.places[lane] = place;
                bucket.tags[lane] = tag(hash);
                return;
            }
            bucket.tags[PASSED] = bucket.tags[PASSED].saturating_add(1);
            at = self.after(at);
        }
    }

    #[inline]
    fn remove(&mut self, hash: u32, place: u32) {
        let tag = tag(hash);
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(at) else { return };
            if let Some(lane) = bucket.lane_of(tag, place) {
                bucket.tags[lane] = 0;
                return;
            }
            if bucket.tags[PASSED] < u8::MAX {
                bucket.tags[PASSED] = bucket.tags[PASSED].saturating_sub(1);
            }
            at = self.after(at);
        }
    }

    fn clear(&mut self) {
        self.buckets.fill(Bucket::EMPTY);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Three buckets, and so many different hashes at home in the bucket of each number.
    fn three<const N: usize>() -> (Buckets, [[u32; N]; 3]) {
        let mut index = Buckets::EMPTY;
        index.reserve(3 * PLACES_PER_BUCKET, core::iter::empty());
        let hashes = [0, 1, 2].map(|bucket| {
            let mut at_home = (0..).filter(|&hash| index.home(hash) == bucket);
            [(); N].map(|()| at_home.next().expect("one in three is"))
        });
        (index, hashes)
    }

    #[test]
    fn what_passed_by_and_went_is_not_counted() {
        let (mut index, [hashes, ..]) = three::<18>();
        for round in 0..3 {
            for (place, hash) in (0..).zip(hashes) {
                index.insert(hash, place);
            }
            assert_eq!(index.buckets.iter().map(|bucket| bucket.tags[PASSED]).max(), Some(6), "{round}");
            for (place, hash) in (0..).zip(hashes) {
                index.remove(hash, place);
            }
            assert!(index.buckets.iter().all(|bucket| bucket.tags == [0; 16]), "{round}");
        }
    }

    #[test]
    fn a_search_ends_where_every_bucket_was_passed() {
        let (mut index, hashes) = three::<LANES>();
        // In each bucket in turn: full, one more, and all at home there go.
        for (bucket, hashes) in (0_u32..).zip(hashes) {
            let passing = 100 + bucket;
            let first = u32::from(bucket > 0);
            for (place, hash) in (first..).zip(&hashes[first as usize..]) {
                index.insert(*hash, place);
            }
            index.insert(hashes[0], passing);
            for (place, hash) in (first..).zip(&hashes[first as usize..]) {
                index.remove(*hash, place);
            }
        }
        assert!(index.buckets.iter().all(|bucket| bucket.tags[PASSED] > 0));
        assert_eq!(index.find(hashes[1][1], |_| false), None);
        for (passing, [hash, ..]) in (100..).zip(hashes) {
            assert_eq!(index.find(hash, |place| place == passing), Some(passing));
        }
    }
}
