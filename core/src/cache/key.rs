//! [`ToKey`]: what a cache may be asked with.

use core::borrow::Borrow;
use core::hash::Hash;

/// What a cache with keys `K` may be asked with: a `K`, or a borrowed form of it, such as `str` for `String`. It is
/// implemented for all of those and cannot be implemented by hand.
///
/// The key itself is made only where it is needed: when nothing is found.
pub trait ToKey<K>: Hash + Eq + sealed::Sealed<K> {
    /// The key to be kept.
    fn to_key(&self) -> K;
}

#[cfg(feature = "alloc")]
impl<Q> ToKey<Q::Owned> for Q
where
    Q: Hash + Eq + alloc::borrow::ToOwned + ?Sized,
    Q::Owned: Borrow<Q>,
{
    fn to_key(&self) -> Q::Owned {
        self.to_owned()
    }
}

#[cfg(not(feature = "alloc"))]
impl<K: Hash + Eq + Clone> ToKey<K> for K {
    fn to_key(&self) -> K {
        self.clone()
    }
}

mod sealed {
    use super::Borrow;

    pub trait Sealed<K> {}

    impl<K: Borrow<Q>, Q: ?Sized> Sealed<K> for Q {}
}
