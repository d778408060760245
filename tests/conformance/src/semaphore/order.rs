//! Who goes first, future by future.

use core::task::Poll;

use tidegate_core::semaphore::{Config, HeadOfLine, Semaphore};
use tidegate_core::{Platform, Priority, Storage};

use super::{NO_PERMITS, scenarios};
use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, poll_once};

scenarios! {
    /// A permit that comes back goes to who came first.
    fn first_come_first_served<P, S>() {
        let semaphore = Semaphore::<P, S>::new(1);
        let held = demand!(semaphore.try_acquire());
        let mut first = semaphore.acquire();
        let mut second = semaphore.acquire();
        let mut third = semaphore.acquire();
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut second).is_pending());
        check!(poll_once(&mut third).is_pending());
        check!(semaphore.waiters() == 3);
        drop(held);
        check!(semaphore.waiters() == 2);
        check!(poll_once(&mut third).is_pending());
        check!(poll_once(&mut second).is_pending());
        let held = ready!(poll_once(&mut first));
        check!(poll_once(&mut second).is_pending());
        drop(held);
        check!(poll_once(&mut third).is_pending());
        drop(ready!(poll_once(&mut second)));
        drop(ready!(poll_once(&mut third)));
        check!(semaphore.available_permits() == 1);
    }

    /// More urgent waiters go first, whenever they came; equals go by arrival.
    fn most_urgent_first_ties_by_arrival<P, S>() {
        let semaphore = Semaphore::<P, S>::new(1);
        let held = demand!(semaphore.try_acquire());
        let priorities = [0, 7, i32::MIN, 7, -3, i32::MAX, -3, 0];
        let order = [2, 4, 6, 0, 7, 1, 3, 5];
        let mut waiting = priorities.map(|priority| semaphore.acquire().priority(Priority(priority)));
        for acquire in &mut waiting {
            check!(poll_once(acquire).is_pending());
        }
        drop(held);
        for turn in order {
            let mut granted = None;
            for (place, acquire) in waiting.iter_mut().enumerate() {
                if let Poll::Ready(Ok(permit)) = poll_once(acquire) {
                    // Kept for now: only one can have it.
                    check!(granted.is_none());
                    granted = Some((place, permit));
                }
            }
            check!(granted.is_some_and(|(place, _)| place == turn));
        }
        check!(semaphore.available_permits() == 1);
    }

    /// While somebody waits, whoever comes later does not get ahead, neither here and now nor in line.
    fn nobody_overtakes_who_waits<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        let one = demand!(semaphore.try_acquire());
        let mut both = semaphore.acquire_many(2);
        check!(poll_once(&mut both).is_pending());
        check!(semaphore.available_permits() == 1);
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        let mut later = semaphore.acquire();
        check!(poll_once(&mut later).is_pending());
        drop(one);
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        check!(poll_once(&mut later).is_pending());
        let both = ready!(poll_once(&mut both));
        check!(both.count() == 2);
        drop(both);
        drop(ready!(poll_once(&mut later)));
        check!(semaphore.available_permits() == 2);
    }

    /// Whoever is more urgent than all who wait takes what is free, though it gathers for somebody.
    fn a_more_urgent_newcomer_goes_first<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        let one = demand!(semaphore.try_acquire());
        let mut both = semaphore.acquire_many(2);
        check!(poll_once(&mut both).is_pending());
        check!(poll_once(&mut semaphore.acquire().priority(Priority(1))).is_pending());
        let urgent = ready!(poll_once(&mut semaphore.acquire().priority(Priority(-1))));
        check!(semaphore.available_permits() == 0);
        drop(one);
        check!(poll_once(&mut both).is_pending());
        drop(urgent);
        check!(ready!(poll_once(&mut both)).count() == 2);
    }

    /// Permits gather for a large request, whatever the stream of small ones behind it.
    fn a_large_request_at_the_head_is_not_starved<P, S>() {
        let semaphore = Semaphore::<P, S>::new(3);
        let mut held = demand!(semaphore.try_acquire_many(3));
        let mut large = semaphore.acquire_many(3);
        let mut small = semaphore.acquire();
        check!(poll_once(&mut large).is_pending());
        check!(poll_once(&mut small).is_pending());
        for gathered in 1..3 {
            drop(held.split(1));
            check!(semaphore.available_permits() == gathered);
            check!(poll_once(&mut large).is_pending());
            check!(poll_once(&mut small).is_pending());
        }
        drop(held);
        let large = ready!(poll_once(&mut large));
        check!(poll_once(&mut small).is_pending());
        drop(large);
        drop(ready!(poll_once(&mut small)));
    }

    /// With a bypass, those behind a large request that can be served are: exactly so many, and no more.
    fn bypass_lets_exactly_so_many_pass<P, S>() {
        let config = Config::new().head_of_line(HeadOfLine::Bypass { at_most: 3 });
        let semaphore = Semaphore::<P, S>::with_config(3, config);
        let two = demand!(semaphore.try_acquire_many(2));
        let mut large = semaphore.acquire_many(3);
        check!(poll_once(&mut large).is_pending());
        // Newcomers pass it, be it at once …
        let at_once = demand!(semaphore.try_acquire());
        let mut second = semaphore.acquire();
        let mut too_large = semaphore.acquire_many(2);
        let mut third = semaphore.acquire();
        let mut fourth = semaphore.acquire();
        check!(poll_once(&mut second).is_pending());
        check!(poll_once(&mut too_large).is_pending());
        check!(poll_once(&mut third).is_pending());
        check!(poll_once(&mut fourth).is_pending());
        // … or from their places in line, past one that cannot be served either.
        drop(at_once);
        drop(ready!(poll_once(&mut second)));
        check!(poll_once(&mut too_large).is_pending());
        drop(ready!(poll_once(&mut third)));
        // Those were three.
        check!(poll_once(&mut fourth).is_pending());
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        check!(semaphore.available_permits() == 1);
        drop(two);
        check!(poll_once(&mut fourth).is_pending());
        check!(ready!(poll_once(&mut large)).count() == 3);
        drop((ready!(poll_once(&mut too_large)), ready!(poll_once(&mut fourth))));
        check!(semaphore.available_permits() == 3);
    }

    /// A waiter sits through exactly as many grants to more urgent ones as the bound says.
    fn max_bypass_is_exact<P, S>() {
        let semaphore = Semaphore::<P, S>::with_config(1, Config::new().max_bypass(4));
        let mut held = demand!(semaphore.try_acquire());
        let mut patient = semaphore.acquire().priority(Priority(9));
        check!(poll_once(&mut patient).is_pending());
        for _ in 0..4 {
            let mut urgent = semaphore.acquire().priority(Priority(-9));
            check!(poll_once(&mut urgent).is_pending());
            drop(held);
            check!(poll_once(&mut patient).is_pending());
            held = ready!(poll_once(&mut urgent));
        }
        let mut urgent = semaphore.acquire().priority(Priority(-9));
        check!(poll_once(&mut urgent).is_pending());
        drop(held);
        check!(poll_once(&mut urgent).is_pending());
        drop(ready!(poll_once(&mut patient)));
        drop(ready!(poll_once(&mut urgent)));
        check!(semaphore.available_permits() == 1);
    }

    /// In a barging semaphore a permit belongs to whoever takes it first.
    fn who_barges_takes_what_is_free<P, S>() {
        let semaphore = Semaphore::<P, S>::with_config(1, Config::new().barging(true));
        let held = demand!(semaphore.try_acquire());
        let mut waiting = semaphore.acquire();
        check!(poll_once(&mut waiting).is_pending());
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        drop(held);
        let barged = demand!(semaphore.try_acquire());
        check!(poll_once(&mut waiting).is_pending());
        drop(barged);
        let permit = ready!(poll_once(&mut waiting));
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        drop(permit);
        check!(semaphore.available_permits() == 1);
    }

    /// In a barging semaphore who lost a race keeps its place in line.
    fn who_was_overtaken_keeps_its_place<P, S>() {
        let semaphore = Semaphore::<P, S>::with_config(1, Config::new().barging(true));
        let mut held = demand!(semaphore.try_acquire());
        let mut first = semaphore.acquire();
        let mut second = semaphore.acquire();
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut second).is_pending());
        for _ in 0..3 {
            drop(held);
            held = demand!(semaphore.try_acquire());
            check!(poll_once(&mut first).is_pending());
            check!(poll_once(&mut second).is_pending());
        }
        drop(held);
        check!(poll_once(&mut second).is_pending());
        drop(ready!(poll_once(&mut first)));
        drop(ready!(poll_once(&mut second)));
        check!(semaphore.available_permits() == 1);
    }
}
