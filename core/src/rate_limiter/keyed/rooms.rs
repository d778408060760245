//! [`Rooms`]: where keys are kept, and where those who wait are.

use crate::storage::Storage;

/// Where a limiter keeps things: an [`Inline`](crate::Inline) or `Heap` for keys and for those who wait alike, or a
/// pair of them, the second for those who wait. Nobody else implements it.
///
/// `(Inline<64>, Inline<0>)` has no room for anybody who waits, and so costs nothing for it.
pub trait Rooms: sealed::Sealed + 'static {
    /// For the keys and their buckets.
    type Keys: Storage;
    /// For those who wait, of each shard.
    type Waiters: Storage;
}

impl<S: Storage> Rooms for S {
    type Keys = S;
    type Waiters = S;
}

impl<A: Storage, B: Storage> Rooms for (A, B) {
    type Keys = A;
    type Waiters = B;
}

mod sealed {
    use super::Storage;

    pub trait Sealed {}

    impl<S: Storage> Sealed for S {}
    impl<A: Storage, B: Storage> Sealed for (A, B) {}
}
