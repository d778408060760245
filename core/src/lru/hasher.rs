//! [`DefaultHashBuilder`]: what hashes keys where nobody said otherwise.

use core::hash::BuildHasher;

#[cfg(target_pointer_width = "64")]
type DefaultHasher = foldhash::fast::FoldHasher<'static>;
#[cfg(not(target_pointer_width = "64"))]
type DefaultHasher = WordHasher;

/// A fast hasher for keys: foldhash on 64-bit targets; elsewhere a multiplication per word.
///
/// On 64-bit targets its seed is drawn once per process, at first use, from where the system happened to place
/// program and stack: so which keys collide differs from run to run. That keeps out whoever prepares colliding
/// keys beforehand, not somebody who can watch the cache answer; against those pass a keyed hasher, like `std`'s
/// `RandomState`. On 32-bit targets there is no seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultHashBuilder;

impl BuildHasher for DefaultHashBuilder {
    type Hasher = DefaultHasher;

    #[inline]
    fn build_hasher(&self) -> DefaultHasher {
        #[cfg(target_pointer_width = "64")]
        return foldhash::fast::FoldHasher::with_seed(0, foldhash::SharedSeed::global_random());
        #[cfg(not(target_pointer_width = "64"))]
        return WordHasher::default();
    }
}

/// One multiplication per 32-bit word, for processors without wide ones.
#[cfg(any(test, not(target_pointer_width = "64")))]
#[allow(unreachable_pub, reason = "where it is the default, it can be named by way of that")]
#[derive(Clone, Copy, Debug, Default)]
pub struct WordHasher(u32);

#[cfg(any(test, not(target_pointer_width = "64")))]
impl core::hash::Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            self.write_u32(u32::from_le_bytes(*word));
        }
        for &byte in rest {
            self.write_u8(byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u32(byte.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u32(number.into());
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9);
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u64(&mut self, number: u64) {
        self.write_u32(number as u32);
        self.write_u32((number >> 32) as u32);
    }

    #[cfg(target_pointer_width = "32")]
    #[expect(clippy::cast_possible_truncation, reason = "as wide as the pointer")]
    fn write_usize(&mut self, number: usize) {
        self.write_u32(number as u32);
    }

    /// A product is best at the top, and what chooses a chain is the bottom: each is mixed into the other, as in
    /// the last step of `MurmurHash3`.
    fn finish(&self) -> u64 {
        let mut bits = self.0;
        bits = (bits ^ (bits >> 16)).wrapping_mul(0x85EB_CA6B);
        bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE35);
        (bits ^ (bits >> 16)).into()
    }
}

/// The 32 bits of a hash that are kept: both halves have a part in them, for hashers differ in which is good.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
pub(crate) const fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::hash::{BuildHasherDefault, Hash};
    use std::collections::HashSet;

    use super::*;

    fn low_bytes<T: Hash>(build: &impl BuildHasher, keys: impl Iterator<Item = T>) -> usize {
        keys.map(|key| fold(build.hash_one(key)) & 0xFF).collect::<HashSet<_>>().len()
    }

    #[test]
    fn the_low_bits_differ_for_keys_that_differ_anywhere() {
        fn check(build: &impl BuildHasher) {
            // 256 balls in 256 boxes fill 162 on average.
            assert!(low_bytes(build, 0..256_u32) > 120);
            assert!(low_bytes(build, (0..256_u32).map(|n| n << 24)) > 120);
            assert!(low_bytes(build, (0..256_u64).map(|n| n << 56)) > 100);
            assert!(low_bytes(build, (0..256).map(|n| format!("key {n}"))) > 120);
        }
        // A seed of our own: the one that is drawn may be a bad one for just these keys.
        check(&foldhash::fast::FixedState::with_seed(1));
        check(&BuildHasherDefault::<WordHasher>::default());
    }

    #[test]
    fn equal_keys_have_equal_hashes() {
        assert_eq!(DefaultHashBuilder.hash_one("a"), DefaultHashBuilder.hash_one(String::from("a")));
    }
}
