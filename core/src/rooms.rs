//! [`Rooms`]: two storages in one parameter.

use crate::storage::Storage;

/// Where a primitive keeps things that many share: an [`Inline`](crate::Inline) or `Heap` for what it keeps and for what
/// is on its way alike, or a pair of them, the second for the latter. Nobody else implements it.
///
/// `(Inline<64>, Inline<0>)` has no room for anybody who waits, and so costs nothing for it.
pub trait Rooms: sealed::Sealed + 'static {
    /// For what is kept: values, or keys with their buckets.
    type Kept: Storage;
    /// For those who wait, and for computations in flight; of each shard.
    type Waiting: Storage;
}

impl<S: Storage> Rooms for S {
    type Kept = S;
    type Waiting = S;
}

impl<A: Storage, B: Storage> Rooms for (A, B) {
    type Kept = A;
    type Waiting = B;
}

mod sealed {
    use super::Storage;

    pub trait Sealed {}

    impl<S: Storage> Sealed for S {}
    impl<A: Storage, B: Storage> Sealed for (A, B) {}
}
