//! Foreign code: wakers that panic, drops that call the cache. What panics under a lock is in `tests/handles`: it
//! takes a lock that unwinding opens.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::OnceLock;

use super::*;

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[cfg(feature = "alloc")]
#[test]
fn a_wake_that_panics_strands_nobody_in_this_list_or_the_next() {
    const MANY: usize = 40;
    let cache: Cache<u32, u32, Local, crate::Heap> = Cache::new(8);
    let source = Source::new();
    let mut driver = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut driver).is_pending());
    let mut calls: Vec<_> = (0..MANY).map(|_| Box::pin(cache.get_or_load(&1, source.loader()))).collect();
    let wakes: Vec<_> = (0..MANY).map(|_| Count::new()).collect();
    let panics = Waker::from(Arc::new(Panics));
    for (place, (call, wake)) in calls.iter_mut().zip(&wakes).enumerate() {
        let waker = if place == 3 { &panics } else { &wake.1 };
        assert!(poll_with(call, waker).is_pending());
    }
    source.set(1);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut driver))).is_err());
    for (place, wake) in wakes.iter().enumerate() {
        assert_eq!(wake.0.get(), usize::from(place != 3), "{place}");
    }
    for call in &mut calls {
        assert_eq!(poll(call), Poll::Ready(Ok(1)));
    }
    assert_eq!((cache.get(&1), cache.in_flight()), (Some(1), 0));
}

/// A value that looks into its cache when it is dropped: under the lock, that would not end well.
#[derive(Clone)]
struct Nosy(Rc<dyn Fn()>);

impl Drop for Nosy {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn values_are_dropped_outside_of_the_lock() {
    let cache: Rc<OnceLock<Cache<u32, Nosy, Local, Room>>> = Rc::default();
    let looks = Rc::new(Cell::new(0));
    let nosy = {
        let (cache, looks) = (Rc::downgrade(&cache), Rc::clone(&looks));
        let look: Rc<dyn Fn()> = Rc::new(move || {
            if let Some(cache) = cache.upgrade().as_ref().and_then(|cache| cache.get()) {
                let _ = (cache.len(), cache.in_flight());
                looks.set(looks.get() + 1);
            }
        });
        move || Nosy(Rc::clone(&look))
    };
    let cache = cache.get_or_init(|| Cache::new(2));
    let mut expected = 0;
    for key in 0..4 {
        cache.insert(key, nosy());
    }
    expected += 2;
    assert_eq!(looks.get(), expected, "evicted");
    cache.insert(3, nosy());
    expected += 1;
    assert_eq!(looks.get(), expected, "replaced");
    cache.invalidate(&3);
    expected += 1;
    assert_eq!(looks.get(), expected, "invalidated");
    cache.invalidate_all();
    expected += 1;
    assert_eq!(looks.get(), expected, "all");
    drop(now(cache.get_or_load(&9, || async { nosy() })));
    expected += 1;
    assert_eq!(looks.get(), expected, "the copy of the caller");
}

#[test]
fn a_value_that_is_not_kept_is_dropped_outside_of_the_lock() {
    let cache: Rc<OnceLock<Cache<u32, Nosy, Local, Room>>> = Rc::default();
    let looks = Rc::new(Cell::new(0));
    let look: Rc<dyn Fn()> = {
        let (cache, looks) = (Rc::downgrade(&cache), Rc::clone(&looks));
        Rc::new(move || {
            looks.set(looks.get() + cache.upgrade().map_or(9, |cache| cache.get().map_or(9, Cache::len)) + 1);
        })
    };
    let cache = cache.get_or_init(|| Cache::new(0));
    cache.insert(1, Nosy(Rc::clone(&look)));
    assert_eq!(looks.get(), 1);
    drop(now(cache.get_or_load(&2, || async { Nosy(look) })));
    assert_eq!(looks.get(), 3, "the caller's and the cache's");
}
