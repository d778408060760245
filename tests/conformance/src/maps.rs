//! Maps that evict: on the storage of the platform, with the hasher of the target.

use core::time::Duration;

use tidegate_core::lru::{Displaced, Lru};
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Instant, Platform, Storage};

use crate::outcome::{check, demand};
use crate::{CROWD, Check, Outcome};

const SECOND: Duration = Duration::from_secs(1);

/// Numbers that look drawn, the same in every run.
struct Draws(u32);

impl Draws {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % bound
    }
}

/// Use makes recent, looking does not, and what is least recent goes first.
pub fn the_least_recent_goes_first<P: Platform, S: Storage>() -> Outcome {
    fn scenario<S: Storage>() -> Check {
        let mut map: Lru<&str, u32, S> = Lru::new(3);
        for (key, value) in [("one", 1), ("two", 2), ("three", 3)] {
            check!(map.insert(key, value).is_none());
        }
        check!(map.get("one") == Some(&1));
        check!(map.peek("two") == Some(&2));
        check!(map.insert("four", 4) == Some(Displaced::Evicted("two", 2)));
        check!(map.insert("three", 33) == Some(Displaced::Replaced("three", 3)));
        check!(map.get_or_insert_with("one", || 11).copied() == Some(1));
        check!(map.iter().eq([(&"one", &1), (&"three", &33), (&"four", &4)]));
        check!(map.remove("three") == Some(33));
        check!(map.pop_lru() == Some(("four", 4)));
        check!(map.len() == 1);

        let mut nothing: Lru<&str, u32, S> = Lru::new(0);
        check!(nothing.insert("one", 1) == Some(Displaced::Evicted("one", 1)));
        check!(nothing.get_or_insert_with("one", || 1).is_none());
        Ok(())
    }
    scenario::<S>().into()
}

/// Many steps of every kind, beside a list that is searched from end to end.
pub fn a_map_agrees_with_a_list<P: Platform, S: Storage>() -> Outcome {
    const CAPACITY: usize = CROWD;

    /// The most recent first.
    struct List([Option<(u32, u32)>; CAPACITY]);

    impl List {
        fn take(&mut self, key: u32) -> Option<u32> {
            let place = self.0.iter().position(|entry| entry.is_some_and(|(there, _)| there == key))?;
            let (_, value) = self.0[place].take()?;
            self.0[place..].rotate_left(1);
            Some(value)
        }

        fn put(&mut self, key: u32, value: u32) -> Option<(u32, u32)> {
            let last = self.0[CAPACITY - 1].take();
            self.0.rotate_right(1);
            self.0[0] = Some((key, value));
            last
        }
    }

    fn scenario<S: Storage>() -> Check {
        let mut map: Lru<u32, u32, S> = Lru::new(CAPACITY);
        let mut list = List([None; CAPACITY]);
        let mut draws = Draws(4);
        for value in 0..400 {
            // Half as many keys again as there is room for, far apart.
            let key = draws.below(18) << 24;
            match draws.below(8) {
                0 => check!(map.remove(&key) == list.take(key)),
                1..5 => {
                    let known = list.take(key);
                    check!(map.get(&key).copied() == known);
                    if let Some(value) = known {
                        list.put(key, value);
                    }
                }
                _ => {
                    let replaced = list.take(key).map(|former| Displaced::Replaced(key, former));
                    let evicted = list.put(key, value).map(|(key, value)| Displaced::Evicted(key, value));
                    check!(map.insert(key, value) == replaced.or(evicted));
                }
            }
            check!(map.len() == list.0.iter().flatten().count());
        }
        check!(map.iter().map(|(key, value)| (*key, *value)).eq(list.0.into_iter().flatten()));
        Ok(())
    }
    scenario::<S>().into()
}

/// Nobody sees a value from the end of its lifetime on, and use does not prolong it.
pub fn a_value_is_there_for_its_lifetime<P: Platform, S: Storage>() -> Outcome {
    fn scenario<S: Storage>() -> Check {
        let start = Instant::EPOCH;
        let mut map: TtlLru<&str, u32, S> = TtlLru::new(3, 2 * SECOND);
        check!(map.insert("two", 2, start).is_none());
        check!(map.insert_with_ttl("four", 4, 4 * SECOND, start).is_none());
        check!(map.insert_with_ttl("ever", 0, Duration::MAX, start).is_none());
        check!(map.get("two", start + SECOND) == Some(&2));
        let last = Instant::from_nanos(1_999_999_999);
        check!(map.get("two", last) == Some(&2));
        check!(map.poll_timeout().is_some_and(|due| due <= start + 2 * SECOND));
        check!(map.get("two", start + 2 * SECOND).is_none());
        // A clock that goes back brings nothing back.
        check!(map.get("two", start).is_none());
        // What has expired goes before what is merely old.
        check!(map.insert("new", 1, start + 2 * SECOND) == Some(Displaced::Expired("two", 2)));
        check!(map.insert("newer", 1, start + 2 * SECOND) == Some(Displaced::Evicted("four", 4)));
        map.handle_timeout(start + 3 * SECOND);
        check!(map.len() == 3);
        map.handle_timeout(start + 4 * SECOND);
        check!(map.len() == 1);
        check!(map.poll_timeout().is_none());
        check!(map.get("ever", Instant::MAX) == Some(&0));
        check!(map.insert_with_ttl("gone", 1, Duration::ZERO, start) == Some(Displaced::Expired("gone", 1)));
        Ok(())
    }
    scenario::<S>().into()
}

/// However lifetimes are mixed, what is purged has expired, and once all is purged nothing is left that has.
pub fn purging_finds_all_that_expired_and_nothing_else<P: Platform, S: Storage>() -> Outcome {
    fn scenario<S: Storage>() -> Check {
        let mut map: TtlLru<u32, Instant, S> = TtlLru::new(CROWD, SECOND);
        let mut draws = Draws(7);
        let mut now = Instant::EPOCH;
        for key in 0..200 {
            now = now + Duration::from_millis(draws.below(40).into());
            let ttl = Duration::from_millis(1 + u64::from(draws.below(1_000)));
            map.insert_with_ttl(key, now + ttl, ttl, now);
            check!(map.len() <= CROWD);
            if key % 5 == 0 {
                while map.poll_timeout().is_some_and(|due| due <= now) {
                    if let Some((_, deadline)) = map.pop_expired(now) {
                        check!(deadline <= now);
                    }
                }
                check!(map.iter(now).count() == map.len());
            }
        }
        while !map.is_empty() {
            now = demand!(map.poll_timeout().ok_or(()));
            map.handle_timeout(now);
        }
        Ok(())
    }
    scenario::<S>().into()
}
