//! [`walk`]: what holds of every list by recency, whatever its links lie in.

use crate::index::HashIndex;
use crate::slab::NONE;

/// A place as the walk sees it: its neighbours, and the hash it is filed under.
pub(crate) struct Step {
    pub(crate) newer: u32,
    pub(crate) older: u32,
    pub(crate) hash: u32,
}

/// Checks that following `older` from the newest visits every place once and ends at the oldest, that `newer` leads
/// back, and that every place is filed in the index under its hash, once.
pub(crate) fn walk(
    len: usize,
    (newest, oldest): (u32, u32),
    index: &impl HashIndex,
    step: impl Fn(u32) -> Option<Step>,
) {
    // At every step of the tests of large tables it would be quadratic.
    if len > 64 {
        return;
    }
    let (mut at, mut last, mut visited) = (newest, NONE, 0);
    while let Some(Step { newer, older, hash }) = step(at) {
        assert_eq!(newer, last, "`newer` leads back");
        visited += 1;
        assert!(visited <= len, "a cycle");
        let mut times = 0;
        let found = index.find(hash, |place| {
            times += u32::from(place == at);
            false
        });
        assert_eq!((found, times), (None, 1), "every place is filed, once");
        (last, at) = (at, older);
    }
    assert_eq!((visited, at, last), (len, NONE, oldest), "every place is visited");
}
