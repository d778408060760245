//! [`Buckets`]: open addressing with a byte of hash per place, and no tombstones.

use alloc::vec::Vec;

use wide::u8x16;

use super::HashIndex;

/// Places in a bucket.
const LANES: usize = 15;
/// So many places to two buckets, on average, at most: two thirds of the lanes.
const PLACES_PER_TWO: usize = 21;

/// The byte of a bucket's tags that counts how many places passed it by. At its maximum the count stays there.
const PASSED: usize = LANES;
/// The lanes, as bits.
const ALL_LANES: u32 = (1 << LANES) - 1;

/// An index on the heap: buckets of fifteen places, with a byte of every place's hash.
///
/// A lookup compares the byte sought with all of a bucket's at once, and asks only where it agrees: as good as
/// once where the answer is yes, and never where it is no. A place that finds its bucket full goes to the next,
/// and every bucket counts those that passed it by: a lookup ends at a bucket that nobody passed. Taking a place
/// out undoes all that filing it did; nothing is left behind that would have to be swept up one day.
#[derive(Debug)]
pub struct Buckets {
    /// A byte of hash for each lane, zero where vacant, and the count of those that passed by.
    tags: Vec<u8x16>,
    places: Vec<Places>,
    /// How many places there is room for.
    room: usize,
}

/// One cache line; the last number is of no use.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Places([u32; LANES + 1]);

/// The byte of a hash that is kept: never zero.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "one byte is what is wanted")]
const fn tag(hash: u32) -> u8 {
    let byte = hash as u8;
    if byte == 0 { 1 } else { byte }
}

/// The lanes that have this tag, as bits.
#[inline]
fn lanes_of(tags: u8x16, tag: u8) -> u32 {
    tags.simd_eq(u8x16::splat(tag)).to_bitmask() & ALL_LANES
}

/// Whether nobody passed the bucket by: a question to all bytes at once, so that they stay in one register.
#[inline]
fn was_not_passed(tags: u8x16) -> bool {
    tags.simd_eq(u8x16::ZERO).to_bitmask() & (1 << PASSED) != 0
}

#[inline]
fn passed(tags: &mut u8x16) -> &mut u8 {
    &mut tags.as_mut_array()[PASSED]
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
        ((mixed * self.tags.len() as u64) >> 32) as usize
    }

    #[inline]
    const fn after(&self, bucket: usize) -> usize {
        if bucket + 1 < self.tags.len() { bucket + 1 } else { 0 }
    }

    #[cold]
    fn grow(&mut self, places: usize, filed: impl Iterator<Item = u32>) {
        let buckets = places.saturating_mul(2).div_ceil(PLACES_PER_TWO);
        // The old ones go first: there is nothing in them that could not be filed again.
        *self = Self::EMPTY;
        self.tags.reserve_exact(buckets);
        self.tags.resize(buckets, u8x16::ZERO);
        self.places.reserve_exact(buckets);
        self.places.resize(buckets, Places([0; LANES + 1]));
        self.room = buckets * PLACES_PER_TWO / 2;
        for (place, hash) in (0..).zip(filed) {
            self.insert(hash, place);
        }
    }
}

impl HashIndex for Buckets {
    const EMPTY: Self = Self { tags: Vec::new(), places: Vec::new(), room: 0 };

    #[inline]
    fn find(&self, hash: u32, mut is_sought: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let mut at = self.home(hash);
        for _ in 0..self.tags.len() {
            let (tags, places) = (self.tags.get(at)?, self.places.get(at)?);
            let mut lanes = lanes_of(*tags, tag);
            while lanes != 0 {
                let place = places.0[lanes.trailing_zeros() as usize & LANES];
                if is_sought(place) {
                    return Some(place);
                }
                lanes &= lanes - 1;
            }
            if was_not_passed(*tags) {
                return None;
            }
            at = self.after(at);
        }
        None
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
        while let (Some(tags), Some(places)) = (self.tags.get_mut(at), self.places.get_mut(at)) {
            let vacant = lanes_of(*tags, 0);
            if vacant != 0 {
                let lane = vacant.trailing_zeros() as usize & LANES;
                places.0[lane] = place;
                tags.as_mut_array()[lane] = tag(hash);
                return;
            }
            let passed = passed(tags);
            *passed = passed.saturating_add(1);
            at = self.after(at);
        }
    }

    #[inline]
    fn remove(&mut self, hash: u32, place: u32) {
        let tag = tag(hash);
        let mut at = self.home(hash);
        for _ in 0..self.tags.len() {
            let (Some(tags), Some(places)) = (self.tags.get_mut(at), self.places.get(at)) else { return };
            let mut lanes = lanes_of(*tags, tag);
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize & LANES;
                if places.0[lane] == place {
                    tags.as_mut_array()[lane] = 0;
                    return;
                }
                lanes &= lanes - 1;
            }
            let passed = passed(tags);
            if *passed < u8::MAX {
                *passed = passed.saturating_sub(1);
            }
            at = self.after(at);
        }
    }

    fn clear(&mut self) {
        self.tags.fill(u8x16::ZERO);
    }
}
