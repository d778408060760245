//! [`Wrapped`]: a function and the cache of its results.

use core::borrow::Borrow;
use core::fmt;
use core::future::Future;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;

use super::error::{LoadError, Outcome};
use super::{Cache, Lifetimes, ToKey};
use crate::Rooms;
use crate::platform::Platform;

/// An asynchronous function whose results are kept in a [`Cache`]: made by [`Cache::wrap`] and
/// [`Cache::wrap_with_key`].
pub struct Wrapped<R, N, F> {
    cache: R,
    key: N,
    function: F,
}

impl<R, N, F> Wrapped<R, N, F> {
    /// The cache, to look at what it has counted or to invalidate what it keeps.
    pub const fn cache(&self) -> &R {
        &self.cache
    }
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>, H, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// Turns a function of the key into one whose results are kept.
    ///
    /// `this` is a pointer to the cache: a reference, an `Arc`.
    ///
    /// ```
    /// use tidegate_core::cache::Cache;
    /// use tidegate_core::{Inline, Local};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    ///
    /// let cache: Cache<u64, u64, Local, Inline<8>> = Cache::new(8);
    /// let square = Cache::wrap(&cache, async |n: u64| n * n);
    /// # let mut call = pin!(square.call(&7));
    /// # assert_eq!(call.as_mut().poll(&mut cx), Poll::Ready(Ok(49)));
    /// // let result = square.call(&7).await;
    /// assert_eq!(square.cache().stats().misses, 1);
    /// ```
    pub fn wrap<R, F>(this: R, function: F) -> Wrapped<R, fn(&K) -> K, F>
    where
        R: Deref<Target = Self>,
        K: Clone,
    {
        Self::wrap_with_key(this, K::clone, function)
    }

    /// Turns a function of anything into one whose results are kept by the key that `key` makes of its argument.
    ///
    /// ```
    /// use tidegate_core::cache::Cache;
    /// use tidegate_core::{Inline, Local};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    ///
    /// let cache: Cache<String, usize, Local, Inline<8>> = Cache::new(8);
    /// let length = Cache::wrap_with_key(&cache, |name: &&str| name.to_lowercase(), async |name: &str| name.len());
    /// # for name in ["Alice", "ALICE"] {
    /// #     assert_eq!(pin!(length.call(&name)).as_mut().poll(&mut cx), Poll::Ready(Ok(5)));
    /// # }
    /// // length.call(&"Alice").await; length.call(&"ALICE").await;
    /// assert_eq!((length.cache().stats().misses, length.cache().stats().hits), (1, 1));
    /// ```
    pub const fn wrap_with_key<R, N, F>(this: R, key: N, function: F) -> Wrapped<R, N, F>
    where
        R: Deref<Target = Self>,
    {
        Wrapped { cache: this, key, function }
    }
}

impl<R, N, F, K, V, P, S, E, L, H, const SHARDS: usize> Wrapped<R, N, F>
where
    R: Deref<Target = Cache<K, V, P, S, E, L, H, SHARDS>>,
    K: Hash + Eq + Borrow<K> + ToKey<K>,
    V: Clone,
    P: Platform,
    S: Rooms,
    E: Clone,
    L: Lifetimes<V>,
    H: BuildHasher,
{
    /// The function's result for this argument: the one that is kept, or else the one that it yields now.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_load`].
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::get_or_load`].
    pub async fn call<A, T>(&self, argument: &A) -> Result<V, LoadError<E>>
    where
        A: Clone,
        N: Fn(&A) -> K,
        F: Fn(A) -> T,
        T: Future<Output: Outcome<V, E>>,
    {
        let key = (self.key)(argument);
        self.cache.get_or_load(&key, || (self.function)(argument.clone())).await
    }
}

impl<R: fmt::Debug, N, F> fmt::Debug for Wrapped<R, N, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("cache", &self.cache).finish_non_exhaustive()
    }
}
