//! Step by step; the model is in `tests/models`.

use core::cell::Cell;
use core::hash::Hasher;
use core::iter;
use core::panic::AssertUnwindSafe;
use std::panic;

use super::*;
use crate::Inline;

fn keys<S: Storage, H>(cache: &Lru<u32, u32, S, H>) -> Vec<u32> {
    cache.iter().map(|(&key, _)| key).collect()
}

/// One to `n`, the last one the most recent.
fn filled<S: Storage>(n: u32) -> Lru<u32, u32, S> {
    let mut cache = Lru::new(n as usize);
    for key in 1..=n {
        assert_eq!(cache.insert(key, key * 10), None);
    }
    cache
}

/// The same test on both storages.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod inline {
            $(#[test] fn $name() { super::$name::<crate::Inline<8>>(); })*
        }
        #[cfg(feature = "alloc")]
        mod heap {
            $(#[test] fn $name() { super::$name::<crate::Heap>(); })*
        }
    };
}

on_both! {
    use_keeps_an_entry_and_looking_does_not
    insert_says_what_had_to_go
    capacity_zero_keeps_nothing
    capacity_one_keeps_the_last
    entries_leave_from_any_place
    resizing_drops_the_least_recent
    clearing_leaves_an_empty_map
    iteration_goes_both_ways
    nothing_is_made_for_a_key_that_is_there
    a_panic_in_foreign_code_changes_nothing
    a_key_that_contradicts_itself_is_bounded_like_any_other
}

fn use_keeps_an_entry_and_looking_does_not<S: Storage>() {
    let mut cache = filled::<S>(3);
    assert_eq!(cache.get(&1), Some(&10));
    assert_eq!(cache.peek(&2), Some(&20));
    assert!(cache.contains_key(&2));
    assert_eq!(cache.peek_lru(), Some((&2, &20)));
    assert_eq!(keys(&cache), [1, 3, 2]);
    *cache.get_mut(&2).unwrap() += 1;
    assert_eq!(keys(&cache), [2, 1, 3]);
    assert_eq!(cache.peek(&2), Some(&21));
    assert_eq!(cache.get(&4), None);
}

fn insert_says_what_had_to_go<S: Storage>() {
    let mut cache = filled::<S>(3);
    assert_eq!(cache.insert(1, 11), Some(Displaced::Replaced(1, 10)));
    assert_eq!(cache.insert(4, 40), Some(Displaced::Evicted(2, 20)));
    assert_eq!(keys(&cache), [4, 1, 3]);
    assert_eq!(Displaced::Evicted(2, 20).into_entry(), (2, 20));
}

fn capacity_zero_keeps_nothing<S: Storage>() {
    let mut cache: Lru<u32, u32, S> = Lru::new(0);
    cache.reserve();
    assert_eq!(cache.insert(1, 10), Some(Displaced::Evicted(1, 10)));
    assert_eq!(cache.get_or_insert_with(1, || unreachable!("nowhere to put it")), None);
    assert_eq!((cache.get(&1).copied(), cache.pop_lru(), cache.len()), (None, None, 0));
}

fn capacity_one_keeps_the_last<S: Storage>() {
    let mut cache = filled::<S>(1);
    assert_eq!(cache.insert(2, 20), Some(Displaced::Evicted(1, 10)));
    assert_eq!(cache.get(&2), Some(&20));
    assert_eq!(cache.remove(&2), Some(20));
    assert!(cache.is_empty());
    assert_eq!(cache.insert(3, 30), None);
    assert_eq!(keys(&cache), [3]);
}

fn entries_leave_from_any_place<S: Storage>() {
    for gone in 1..=4 {
        let mut cache = filled::<S>(4);
        assert_eq!(cache.remove_entry(&gone), Some((gone, gone * 10)));
        assert_eq!(cache.remove(&gone), None);
        let rest: Vec<_> = (1..=4).rev().filter(|&key| key != gone).collect();
        assert_eq!(keys(&cache), rest);
        assert!(rest.iter().all(|key| cache.peek(key).is_some()));
        assert_eq!(iter::from_fn(|| cache.pop_lru()).count(), 3);
        assert_eq!(cache.insert(9, 90), None);
    }
}

fn resizing_drops_the_least_recent<S: Storage>() {
    let mut cache = filled::<S>(4);
    cache.resize(2);
    assert_eq!(keys(&cache), [4, 3]);
    assert_eq!(cache.insert(5, 50), Some(Displaced::Evicted(3, 30)));
    cache.resize(3);
    assert_eq!((cache.insert(6, 60), cache.capacity()), (None, 3));
    cache.resize(0);
    assert!(cache.is_empty());
}

fn clearing_leaves_an_empty_map<S: Storage>() {
    let mut cache = filled::<S>(8);
    cache.clear();
    assert_eq!((cache.len(), cache.get(&1).copied(), cache.pop_lru()), (0, None, None));
    for key in 1..=8 {
        assert_eq!(cache.insert(key, key), None);
    }
    assert_eq!(keys(&cache), [8, 7, 6, 5, 4, 3, 2, 1]);
}

fn iteration_goes_both_ways<S: Storage>() {
    let cache = filled::<S>(4);
    let mut iter = cache.iter();
    assert_eq!((iter.next(), iter.next_back(), iter.len()), (Some((&4, &40)), Some((&1, &10)), 2));
    assert_eq!(
        (iter.next_back(), iter.next(), iter.next(), iter.next_back()),
        (Some((&2, &20)), Some((&3, &30)), None, None)
    );
    assert_eq!(format!("{:?}", filled::<S>(2)), "{2: 20, 1: 10}");
}

fn nothing_is_made_for_a_key_that_is_there<S: Storage>() {
    let mut cache = filled::<S>(2);
    assert_eq!(cache.get_or_insert_with(1, || unreachable!("it is there")), Some(&mut 10));
    assert_eq!(cache.get_or_insert_with(3, || 30), Some(&mut 30));
    assert_eq!(keys(&cache), [3, 1]);
}

/// Borrowed, and inserted in another shape than asked for.
#[test]
fn owned_keys_are_found_by_borrowed_ones() {
    let mut cache: Lru<String, u8, Inline<2>> = Lru::new(2);
    cache.insert("a".into(), 1);
    assert_eq!((cache.get("a").copied(), cache.remove("b"), cache.remove("a")), (Some(1), None, Some(1)));
}

/// A greater capacity than there is room for means the room.
#[test]
fn the_room_bounds_the_capacity() {
    let mut cache: Lru<u32, u32, Inline<2>> = Lru::new(usize::MAX);
    assert_eq!(cache.capacity(), 2);
    cache.resize(3);
    assert_eq!(cache.capacity(), 2);
    assert_eq!((cache.insert(1, 1), cache.insert(2, 2)), (None, None));
    assert_eq!(cache.insert(3, 3), Some(Displaced::Evicted(1, 1)));
}

#[test]
fn it_can_be_a_constant() {
    const EMPTY: Lru<u32, u32, Inline<2>> = Lru::new(2);
    assert!(EMPTY.is_empty());
}

std::thread_local! {
    /// How many more calls of `Hash` and `Eq` go well.
    static FUSE: Cell<u32> = const { Cell::new(u32::MAX) };
}

fn burn() {
    FUSE.set(FUSE.get().checked_sub(1).unwrap_or_else(|| {
        FUSE.set(u32::MAX);
        panic!("the fuse has burnt down");
    }));
}

/// All of one hash, so that `Eq` is asked.
#[derive(Clone, Debug)]
struct Fused(u32);

impl Hash for Fused {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        state.write_u32(self.0 % 2);
    }
}

impl PartialEq for Fused {
    fn eq(&self, other: &Self) -> bool {
        burn();
        self.0 == other.0
    }
}

impl Eq for Fused {}

fn a_panic_in_foreign_code_changes_nothing<S: Storage>() {
    type Cache<S> = Lru<Fused, u32, S>;
    let steps: [fn(&mut Cache<S>); 6] = [
        |cache| _ = cache.insert(Fused(9), 9),
        |cache| _ = cache.insert(Fused(2), 9),
        |cache| _ = cache.get_mut(&Fused(1)),
        |cache| _ = cache.remove(&Fused(1)),
        |cache| _ = cache.get_or_insert_with(Fused(9), || 9),
        |cache| _ = cache.get_or_insert_with(Fused(8), || panic!("nothing can be made")),
    ];
    for step in steps {
        let mut panics = 0;
        for fuse in 0..4 {
            let mut cache: Cache<S> = Lru::new(4);
            for key in 1..=4 {
                cache.insert(Fused(key), key);
            }
            FUSE.set(fuse);
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| step(&mut cache)));
            FUSE.set(u32::MAX);
            if outcome.is_err() {
                panics += 1;
                assert!(cache.iter().map(|(key, &value)| (key.0, value)).eq((1..=4).rev().map(|key| (key, key))));
                assert!((1..=4).all(|key| cache.get(&Fused(key)) == Some(&key)));
            }
        }
        assert!(panics >= 2, "hash and comparison both had their turn");
    }
}

std::thread_local! {
    static CHANGES: Cell<u32> = const { Cell::new(0) };
}

/// Another hash at every call, and another answer.
#[derive(Debug)]
struct Liar;

impl Hash for Liar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        state.write_u32(CHANGES.get() / 3);
    }
}

impl PartialEq for Liar {
    fn eq(&self, _: &Self) -> bool {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        CHANGES.get().is_multiple_of(3)
    }
}

impl Eq for Liar {}

fn a_key_that_contradicts_itself_is_bounded_like_any_other<S: Storage>() {
    let mut cache: Lru<Liar, u32, S> = Lru::new(5);
    let mut displaced = 0;
    for step in 0..2_000 {
        displaced += usize::from(cache.insert(Liar, step).is_some());
        cache.get(&Liar);
        if step % 7 == 0 {
            displaced += usize::from(cache.remove(&Liar).is_some());
        }
        assert!(cache.len() <= 5);
    }
    assert_eq!(displaced + cache.len(), 2_000, "every entry is there or was handed out");
    assert_eq!(iter::from_fn(|| cache.pop_lru()).count(), cache.iter().len() + 5);
}
