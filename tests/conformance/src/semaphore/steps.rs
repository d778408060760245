//! What one thread can see, future by future: outcomes and order.
//!
//! Futures are polled by hand, so nobody needs to be woken and nothing races; `crowds` does both.

use core::task::Poll;

use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine, Semaphore, TryAcquireError};
use tidegate_core::{Inline, Platform, Priority, Storage};

use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, poll_once};

const NO_PERMITS: Option<TryAcquireError> = Some(TryAcquireError::NoPermits);

/// Declares scenarios: functions that answer an [`Outcome`], with `Check` bodies.
macro_rules! scenarios {
    ($($(#[$attr:meta])* fn $name:ident<$p:ident, $s:ident>() $body:block)*) => {
        $(
            $(#[$attr])*
            pub fn $name<$p: Platform, $s: Storage>() -> Outcome {
                fn scenario<$p: Platform, $s: Storage>() -> Check {
                    $body
                    Ok(())
                }
                scenario::<$p, $s>().into()
            }
        )*
    };
}

scenarios! {
    /// Permits count down to zero, then requests are refused, and come back when they are dropped.
    fn counts_down_and_refuses<P, S>() {
        let semaphore = Semaphore::<P, S>::new(3);
        let one = demand!(semaphore.try_acquire());
        check!(semaphore.available_permits() == 2);
        check!(semaphore.try_acquire_many(3).err() == NO_PERMITS);
        let two = demand!(semaphore.try_acquire_many(2));
        check!((one.count(), two.count()) == (1, 2));
        check!(semaphore.available_permits() == 0);
        check!(semaphore.try_acquire().err() == NO_PERMITS);
        drop(two);
        check!(semaphore.available_permits() == 2);
        let again = ready!(poll_once(&mut semaphore.acquire()));
        check!(semaphore.available_permits() == 1);
        drop((one, again));
        check!(semaphore.available_permits() == 3);
        check!(semaphore.waiters() == 0);
    }

    /// Constructors cope with every number of permits.
    fn as_many_permits_as_there_can_be<P, S>() {
        let max = Semaphore::<P, S>::MAX_PERMITS;
        let most = Semaphore::<P, S>::new(usize::MAX);
        check!(most.available_permits() == max);
        let all = demand!(most.try_acquire_many(max));
        check!(most.try_acquire().err() == NO_PERMITS);
        drop(all);
        check!(most.available_permits() == max);

        let none = Semaphore::<P, S>::new(0);
        check!(none.try_acquire().err() == NO_PERMITS);
        let mut acquire = none.acquire();
        check!(poll_once(&mut acquire).is_pending());
        demand!(none.add_permits(1));
        let permit = ready!(poll_once(&mut acquire));
        check!(permit.count() == 1);
    }

    /// Requests that make no sense are errors, here and now, and change nothing.
    fn zero_and_too_many_are_errors<P, S>() {
        let max = Semaphore::<P, S>::MAX_PERMITS;
        let semaphore = Semaphore::<P, S>::new(2);
        check!(semaphore.try_acquire_many(0).err() == Some(TryAcquireError::ZeroPermits));
        check!(semaphore.try_acquire_many(max + 1).err() == Some(TryAcquireError::TooManyPermits));
        check!(semaphore.try_acquire_many(usize::MAX).err() == Some(TryAcquireError::TooManyPermits));
        check!(semaphore.try_acquire_many(max).err() == NO_PERMITS);
        let refusal = |permits| match poll_once(&mut semaphore.acquire_many(permits)) {
            Poll::Ready(Err(error)) => Some(error),
            _ => None,
        };
        check!(refusal(0) == Some(AcquireError::ZeroPermits));
        check!(refusal(max + 1) == Some(AcquireError::TooManyPermits));
        check!(refusal(usize::MAX) == Some(AcquireError::TooManyPermits));
        check!(semaphore.available_permits() == 2);
        check!(semaphore.waiters() == 0);
        semaphore.close();
        check!(semaphore.try_acquire_many(0).is_err());
        check!(refusal(usize::MAX).is_some());
    }

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

    /// A permit on its way to somebody who is gone goes to the next.
    fn a_granted_head_dropped_serves_the_next<P, S>() {
        let semaphore = Semaphore::<P, S>::new(1);
        let permit = demand!(semaphore.try_acquire());
        let mut head = semaphore.acquire();
        let mut next = semaphore.acquire();
        check!(poll_once(&mut head).is_pending());
        check!(poll_once(&mut next).is_pending());
        drop(permit);
        check!(poll_once(&mut next).is_pending());
        drop(head);
        let permit = ready!(poll_once(&mut next));
        check!(semaphore.available_permits() == 0);
        drop(permit);
        check!(semaphore.available_permits() == 1);
    }

    /// When a request that held up the line is gone, those behind it that can be served are.
    fn a_large_head_dropped_serves_those_behind<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        let mut large = semaphore.acquire_many(3);
        let mut one = semaphore.acquire();
        let mut another = semaphore.acquire();
        let mut last = semaphore.acquire();
        check!(poll_once(&mut large).is_pending());
        check!(poll_once(&mut one).is_pending());
        check!(poll_once(&mut another).is_pending());
        check!(poll_once(&mut last).is_pending());
        drop(large);
        let one = ready!(poll_once(&mut one));
        let another = ready!(poll_once(&mut another));
        check!(poll_once(&mut last).is_pending());
        drop((one, another));
        drop(ready!(poll_once(&mut last)));
        check!(semaphore.available_permits() == 2);
    }

    /// Futures dropped before they are polled, in line, and on their grant leave all permits and no waiter behind.
    fn dropped_at_every_poll_nothing_is_lost<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        for polls in 0..4 {
            for granted in [false, true] {
                let held = demand!(semaphore.try_acquire_many(2));
                let mut dropped = semaphore.acquire_many(2);
                let mut behind = semaphore.acquire();
                for _ in 0..polls {
                    check!(poll_once(&mut dropped).is_pending());
                }
                check!(poll_once(&mut behind).is_pending());
                if granted {
                    drop(held);
                    drop(dropped);
                } else {
                    drop(dropped);
                    drop(held);
                }
                drop(ready!(poll_once(&mut behind)));
                check!(semaphore.available_permits() == 2);
                check!(semaphore.waiters() == 0);
            }
        }
    }

    /// After a close all who wait are told, each once, and so is everybody who comes.
    fn close_tells_every_waiter_once<P, S>() {
        let semaphore = Semaphore::<P, S>::new(1);
        check!(!semaphore.is_closed());
        let held = demand!(semaphore.try_acquire());
        let mut waiting = [0, 5, 0, -5].map(|priority| semaphore.acquire().priority(Priority(priority)));
        for acquire in &mut waiting {
            check!(poll_once(acquire).is_pending());
        }
        let mut never_polled = semaphore.acquire();
        semaphore.close();
        semaphore.close();
        check!(semaphore.is_closed());
        check!(semaphore.waiters() == 0);
        drop(held);
        for acquire in &mut waiting {
            check!(matches!(poll_once(acquire), Poll::Ready(Err(AcquireError::Closed))));
            check!(poll_once(acquire).is_pending());
        }
        check!(matches!(poll_once(&mut never_polled), Poll::Ready(Err(AcquireError::Closed))));
        check!(semaphore.try_acquire().err() == Some(TryAcquireError::Closed));
        check!(semaphore.is_closed());
    }

    /// Permits that are held, or on their way, outlast a close.
    fn held_permits_stay_good_after_close<P, S>() {
        let semaphore = Semaphore::<P, S>::new(3);
        let mut held = demand!(semaphore.try_acquire_many(3));
        let mut granted = semaphore.acquire();
        let mut granted_and_dropped = semaphore.acquire();
        let mut waiting = semaphore.acquire();
        check!(poll_once(&mut granted).is_pending());
        check!(poll_once(&mut granted_and_dropped).is_pending());
        check!(poll_once(&mut waiting).is_pending());
        drop(held.split(2));
        semaphore.close();
        let granted = ready!(poll_once(&mut granted));
        check!(semaphore.available_permits() == 0);
        drop(granted_and_dropped);
        check!(semaphore.available_permits() == 1);
        check!(matches!(poll_once(&mut waiting), Poll::Ready(Err(AcquireError::Closed))));
        drop(granted);
        check!(held.count() == 1);
        drop(held);
        check!(semaphore.available_permits() == 3);
    }

    /// Permits that are added go to those who wait, in their order, and the rest is free.
    fn added_permits_serve_who_waits<P, S>() {
        let semaphore = Semaphore::<P, S>::new(0);
        let mut first = semaphore.acquire_many(2);
        let mut second = semaphore.acquire();
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut second).is_pending());
        demand!(semaphore.add_permits(0));
        demand!(semaphore.add_permits(1));
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut second).is_pending());
        demand!(semaphore.add_permits(4));
        check!(semaphore.waiters() == 0);
        check!(semaphore.available_permits() == 2);
        drop((ready!(poll_once(&mut first)), ready!(poll_once(&mut second))));
        check!(semaphore.available_permits() == 5);
    }

    /// Nobody makes more permits than there can be, also while some are held.
    fn too_many_added_permits_are_an_error<P, S>() {
        let max = Semaphore::<P, S>::MAX_PERMITS;
        let semaphore = Semaphore::<P, S>::new(2);
        let held = demand!(semaphore.try_acquire());
        check!(semaphore.add_permits(usize::MAX).is_err());
        check!(semaphore.add_permits(max).is_err());
        check!(semaphore.add_permits(max - 1).is_err());
        check!(semaphore.available_permits() == 1);
        demand!(semaphore.add_permits(max - 2));
        check!(semaphore.add_permits(1).is_err());
        check!(semaphore.available_permits() == max - 1);
        drop(held);
        check!(semaphore.available_permits() == max);
    }

    /// Permits that are taken out of existence while they are held vanish as they come back, before anybody is
    /// admitted.
    fn a_deficit_is_paid_first<P, S>() {
        let semaphore = Semaphore::<P, S>::new(4);
        check!(semaphore.reduce_permits(1) == 1);
        check!(semaphore.available_permits() == 3);
        let mut held = demand!(semaphore.try_acquire_many(3));
        check!(semaphore.reduce_permits(2) == 2);
        let mut waiting = semaphore.acquire();
        check!(poll_once(&mut waiting).is_pending());
        for _ in 0..2 {
            drop(held.split(1));
            check!(poll_once(&mut waiting).is_pending());
            check!(semaphore.available_permits() == 0);
        }
        drop(held);
        let permit = ready!(poll_once(&mut waiting));
        // One is all there is.
        check!(semaphore.reduce_permits(usize::MAX) == 1);
        check!(semaphore.reduce_permits(1) == 0);
        drop(permit);
        check!(semaphore.available_permits() == 0);
        check!(semaphore.try_acquire().err() == NO_PERMITS);
    }

    /// Permits that are added while others have yet to vanish make up for those.
    fn a_deficit_is_paid_by_added_permits<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        let held = demand!(semaphore.try_acquire_many(2));
        check!(semaphore.reduce_permits(2) == 2);
        demand!(semaphore.add_permits(3));
        check!(semaphore.available_permits() == 1);
        drop(held);
        check!(semaphore.available_permits() == 3);
    }

    /// A permit that is forgotten never comes back, and the semaphore knows that it has fewer.
    fn forgotten_permits_stay_away<P, S>() {
        let semaphore = Semaphore::<P, S>::new(3);
        demand!(semaphore.try_acquire_many(2)).forget();
        check!(semaphore.available_permits() == 1);
        check!(semaphore.reduce_permits(usize::MAX) == 1);
        demand!(semaphore.add_permits(1));
        check!(semaphore.available_permits() == 1);

        // Forgotten while a deficit stands: what was to vanish has.
        let held = demand!(semaphore.try_acquire());
        check!(semaphore.reduce_permits(1) == 1);
        held.forget();
        demand!(semaphore.add_permits(2));
        check!(semaphore.available_permits() == 2);
        drop(demand!(semaphore.try_acquire_many(2)));
    }

    /// Parts of a permit come back on their own, and may be put together again.
    fn split_and_merge_lose_nothing<P, S>() {
        let semaphore = Semaphore::<P, S>::new(5);
        let mut whole = demand!(semaphore.try_acquire_many(5));
        check!(whole.split(0).is_none());
        check!(whole.split(5).is_none());
        check!(whole.split(usize::MAX).is_none());
        check!(whole.count() == 5);
        let two = whole.split(2);
        check!(two.as_ref().is_some_and(|two| two.count() == 2) && whole.count() == 3);
        drop(two);
        check!(semaphore.available_permits() == 2);
        let other = demand!(semaphore.try_acquire_many(2));
        check!(whole.merge(other).is_ok());
        check!(whole.count() == 5);
        check!(semaphore.available_permits() == 0);
        drop(whole);
        check!(semaphore.available_permits() == 5);
    }

    /// Permits of two semaphores are not mixed up: the one refused is given back.
    fn permits_of_another_semaphore_are_not_merged<P, S>() {
        let semaphore = Semaphore::<P, S>::new(1);
        let another = Semaphore::<P, S>::new(2);
        let mut permit = demand!(semaphore.try_acquire());
        let foreign = demand!(another.try_acquire_many(2));
        match permit.merge(foreign) {
            Ok(()) => check!(permit.count() == 0),
            Err(foreign) => check!((permit.count(), foreign.count()) == (1, 2)),
        }
        drop(permit);
        check!((semaphore.available_permits(), another.available_permits()) == (1, 2));
    }

    /// By way of a reference, permits are had, waited for and given back like any other.
    fn owned_permits_by_reference<P, S>() {
        let semaphore = &Semaphore::<P, S>::new(2);
        let two = demand!(Semaphore::try_acquire_owned(semaphore, 2));
        check!(two.count() == 2);
        check!(Semaphore::try_acquire_owned(semaphore, 1).err() == NO_PERMITS);
        let mut waiting = Semaphore::acquire_owned(semaphore, 1).priority(Priority(1));
        check!(poll_once(&mut waiting).is_pending());
        drop(two);
        drop(ready!(poll_once(&mut waiting)));
        check!(semaphore.available_permits() == 2);
    }

    /// A bounded store of waiters that is full refuses; it recovers when somebody leaves, by whichever door.
    fn full_storage_refuses_and_recovers<P, S>() {
        let semaphore = Semaphore::<P, Inline<2>>::new(1);
        let held = demand!(semaphore.try_acquire());
        let mut first = semaphore.acquire().priority(Priority(1));
        let mut second = semaphore.acquire().priority(Priority(2));
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut second).is_pending());
        let mut refused = semaphore.acquire().priority(Priority(-1));
        check!(matches!(poll_once(&mut refused), Poll::Ready(Err(AcquireError::Full))));
        check!(semaphore.waiters() == 2);
        drop(second);
        let mut third = semaphore.acquire().priority(Priority(3));
        check!(poll_once(&mut third).is_pending());
        drop(held);
        // One that has been granted makes room.
        let mut fourth = semaphore.acquire();
        check!(poll_once(&mut fourth).is_pending());
        check!(matches!(poll_once(&mut semaphore.acquire()), Poll::Ready(Err(AcquireError::Full))));
        let held = ready!(poll_once(&mut first));
        drop(held);
        drop(ready!(poll_once(&mut fourth)));
        drop(ready!(poll_once(&mut third)));
        check!(semaphore.available_permits() == 1);

        // Storage with room does not refuse.
        check!(poll_once(&mut Semaphore::<P, S>::new(0).acquire()).is_pending());
        // Nor does a store without any, while nobody need wait.
        let none = Semaphore::<P, Inline<0>>::new(1);
        let held = demand!(none.try_acquire());
        check!(matches!(poll_once(&mut none.acquire()), Poll::Ready(Err(AcquireError::Full))));
        drop(held);
        drop(ready!(poll_once(&mut none.acquire())));
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

    /// A future that has been ready is done for good, and takes nothing more.
    fn a_future_that_was_ready_stays_pending<P, S>() {
        let semaphore = Semaphore::<P, S>::new(2);
        let mut at_once = semaphore.acquire();
        let permit = ready!(poll_once(&mut at_once));
        check!(poll_once(&mut at_once).is_pending());
        check!(semaphore.available_permits() == 1);
        check!(semaphore.waiters() == 0);
        drop(at_once);
        check!(semaphore.available_permits() == 1);
        drop(permit);
        check!(semaphore.available_permits() == 2);
    }
}

/// By way of an `Arc`, permits outlive the scope in which they were had.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
pub fn owned_permits_by_arc<P: Platform, S: Storage>() -> Outcome {
    use alloc::sync::Arc;

    fn scenario<P: Platform, S: Storage>() -> Check {
        let semaphore = Arc::new(Semaphore::<P, S>::new(2));
        let mut owned = demand!(Semaphore::try_acquire_owned(Arc::clone(&semaphore), 2));
        let mut waiting = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        let mut dropped = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        check!(poll_once(&mut waiting).is_pending());
        check!(poll_once(&mut dropped).is_pending());
        drop(owned.split(1));
        let mut permit = ready!(poll_once(&mut waiting));
        drop(waiting);
        drop(dropped);
        check!(permit.merge(owned).is_ok() && permit.count() == 2);
        check!(semaphore.available_permits() == 0);
        // One here and one in the permit: neither futures nor merged permits keep theirs.
        check!(Arc::strong_count(&semaphore) == 2);
        drop(permit);
        check!(semaphore.available_permits() == 2);
        let last = demand!(Semaphore::try_acquire_owned(semaphore, 1));
        last.forget();
        Ok(())
    }

    scenario::<P, S>().into()
}

/// By way of an `Arc`, permits outlive the scope in which they were had.
#[cfg(not(all(feature = "alloc", target_has_atomic = "ptr")))]
pub fn owned_permits_by_arc<P: Platform, S: Storage>() -> Outcome {
    Outcome::Skipped("there is no `Arc` without an allocator")
}
