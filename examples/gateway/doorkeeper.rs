//! [`Doorkeeper`]: who has been here before.

use core::hash::{BuildHasher, Hash};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::hash::RandomState;

/// Marks that are told apart in one word.
const TOGETHER: u32 = u64::BITS / u16::BITS;

/// Remembers roughly the last so many that have been noted, in two bytes each. One in sixteen thousand that are new is
/// taken for somebody else.
///
/// What is asked for once and never again, as by a crawler, is to take nobody's place in a cache. The idea is that of
/// `TinyLFU`, where a Bloom filter stands at the door and is emptied now and then; here a new mark takes the place of
/// the oldest of a few.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    /// The marks of those that share a word, the latest first.
    words: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Doorkeeper {
    /// Remembers up to about `number`.
    pub(crate) fn new(number: usize) -> Self {
        let words = number.div_ceil(TOGETHER as usize).max(1);
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// Notes somebody; answers whether it has been noted before.
    pub(crate) fn note(&self, somebody: impl Hash) -> bool {
        let hash = self.hasher.hash_one(somebody);
        // Zero is nobody.
        let mark = (hash >> 48).max(1);
        let Some(word) = self.words.get(place(hash, self.words.len())) else { return true };
        let marks = word.load(Relaxed);
        if (0..TOGETHER).any(|place| marks >> (place * u16::BITS) & u64::from(u16::MAX) == mark) {
            return true;
        }
        // Of two who come at the same time one may be forgotten.
        word.store(marks << u16::BITS | mark, Relaxed);
        false
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits serve as well as all")]
const fn place(hash: u64, words: usize) -> usize {
    hash as usize % words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So few are taken for others by accident.
    const FEW: usize = 10;

    #[test]
    fn who_comes_again_is_known() {
        let doorkeeper = Doorkeeper::new(10_000);
        let known = |numbers: core::ops::Range<u32>| numbers.filter(|number| doorkeeper.note(number)).count();
        assert!(known(0..1_000) <= FEW);
        // A word that more than four share has forgotten the first of them.
        assert!(known(0..1_000) >= 1_000 - FEW);
    }

    #[test]
    fn who_was_here_long_ago_is_forgotten() {
        let doorkeeper = Doorkeeper::new(1_000);
        let known = |numbers: core::ops::Range<u32>| numbers.filter(|number| doorkeeper.note(number)).count();
        assert!(known(0..100_000) <= 100);
        assert!(known(0..1_000) <= FEW);
    }

    #[test]
    fn one_that_has_room_for_nobody_has_room_for_some() {
        let doorkeeper = Doorkeeper::new(0);
        assert_eq!([(); 2].map(|()| doorkeeper.note("somebody")), [false, true]);
    }
}
