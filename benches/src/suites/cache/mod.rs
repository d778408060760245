//! The cache that computes once, beside its peers: `u64` to `u64`, one hasher for all who take one.
//!
//! `quick_cache` and `moka` evict as well, by other rules; asyncband's `OnceMap` never does, and `singleflight-async`
//! keeps nothing.

mod crowd;
mod hit;
mod miss;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use tidegate_core::lru::DefaultHashBuilder;

use crate::harness::Group;

type Hasher = DefaultHashBuilder;
type Own = tidegate_tokio::Cache<u64, u64>;
type Quick = quick_cache::sync::Cache<u64, u64, quick_cache::UnitWeighter, Hasher>;
type OnceMap = asyncband::once::OnceMap<u64, u64, Hasher>;
type Moka = moka::future::Cache<u64, u64, Hasher>;

pub(super) fn groups() -> Vec<Group> {
    vec![hit::group(), miss::group(), crowd::group()]
}

fn quick(capacity: usize) -> Quick {
    let lifecycle = quick_cache::sync::DefaultLifecycle::default();
    Quick::with(capacity, capacity as u64, quick_cache::UnitWeighter, Hasher::default(), lifecycle)
}

fn once_map() -> OnceMap {
    OnceMap::with_hasher(Hasher::default())
}

fn moka(capacity: usize) -> Moka {
    moka::future::Cache::builder().max_capacity(capacity as u64).build_with_hasher(Hasher::default())
}

/// The output of a future that does not wait.
///
/// Inlined, as the poll of an awaited future is.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nobody waits here"),
    }
}
