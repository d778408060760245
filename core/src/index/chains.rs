//! [`Chains`]: hash chains in arrays.

use core::mem;

use super::HashIndex;

/// An index of the places below `N`, without an allocator.
///
/// There are as many chains as the greatest power of two up to `N`: on average they hold fewer than two places,
/// and choosing one takes no division. A link is the number of a place plus one, and zero ends a chain; so an
/// empty index is all zeroes, and a `static` one takes no room in the program's image.
#[derive(Clone, Debug)]
pub struct Chains<const N: usize> {
    heads: [u32; N],
    /// What follows each place in its chain.
    next: [u32; N],
}

impl<const N: usize> Chains<N> {
    const MASK: usize = match N.checked_ilog2() {
        Some(log) => (1 << log) - 1,
        None => 0,
    };

    #[inline]
    const fn home(hash: u32) -> usize {
        hash as usize & Self::MASK
    }
}

/// The place that a link leads to.
#[inline]
const fn target(link: u32) -> Option<usize> {
    (link as usize).checked_sub(1)
}

impl<const N: usize> HashIndex for Chains<N> {
    const EMPTY: Self = Self { heads: [0; N], next: [0; N] };

    #[inline]
    fn find(&self, hash: u32, mut is_sought: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut link = *self.heads.get(Self::home(hash))?;
        loop {
            let place = target(link)?;
            if is_sought(link - 1) {
                return Some(link - 1);
            }
            link = *self.next.get(place)?;
        }
    }

    #[inline]
    fn reserve(&mut self, _places: usize, _filed: impl Iterator<Item = u32>) {}

    #[inline]
    fn insert(&mut self, hash: u32, place: u32) {
        if let (Some(head), Some(next)) = (self.heads.get_mut(Self::home(hash)), self.next.get_mut(place as usize))
        {
            *next = mem::replace(head, place + 1);
        }
    }

    fn remove(&mut self, hash: u32, place: u32) {
        let Some(&follower) = self.next.get(place as usize) else { return };
        let Some(mut link) = self.heads.get_mut(Self::home(hash)) else { return };
        while *link != place + 1 {
            let Some(before) = target(*link) else { return };
            let Some(next) = self.next.get_mut(before) else { return };
            link = next;
        }
        *link = follower;
    }

    fn clear(&mut self) {
        self.heads = [0; N];
    }
}
