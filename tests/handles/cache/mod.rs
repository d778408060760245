//! Caches: what takes threads, tasks or a lock that unwinding opens.

mod foreign;
mod seeds;
mod spawned;
mod threads;

use std::sync::Arc;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use tidegate_core::cache::LoadError;

macro_rules! crosses_threads {
    ($adapter:ident) => {
        assert_impl_all!($adapter::Cache<String, Arc<str>, std::io::ErrorKind>: Send, Sync);
        assert_impl_all!($adapter::TtlCache<String, Arc<str>>: Send, Sync);
    };
}

crosses_threads!(tidegate_tokio);
crosses_threads!(tidegate_threads);
crosses_threads!(tidegate_sim);
assert_impl_all!(tidegate_embassy::Cache<u8, u32, 4, 2>: Send, Sync);
assert_not_impl_any!(tidegate_embassy::local::Cache<u8, u32, 4, 2>: Sync);
assert_not_impl_any!(tidegate_tokio::Cache<u8, std::rc::Rc<u8>>: Send, Sync);
assert_impl_all!(LoadError<std::io::Error>: Send, Sync, core::error::Error);

#[test]
fn calls_may_cross_threads_and_are_small() {
    fn crosses<T: Send>(_: &T) {}
    let cache = tidegate_tokio::Cache::<u64, u64>::new(10);
    let call = cache.get_or_load(&1, || async { 1 });
    crosses(&call);
    assert!(size_of_val(&call) <= 64, "{}", size_of_val(&call));
    crosses(&cache.get_or_load_timeout(&1, core::time::Duration::ZERO, || async { 1 }));
    let shared = Arc::new(tidegate_tokio::Cache::<u64, u64>::new(10));
    crosses(&tidegate_tokio::Cache::get_or_load_spawned(shared, 1, || async { 1 }));
}

#[test]
fn errors_say_what_they_are() {
    let failed = LoadError::Failed("no such user");
    assert_eq!(failed.to_string(), "no such user");
    assert_eq!(LoadError::<&str>::Recursive.to_string(), "the computation asks for its own outcome");
}
