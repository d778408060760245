//! Who leaves: dropped at any poll, closed upon, or for want of room, future by future.

use core::task::Poll;

use tidegate_core::semaphore::{AcquireError, Semaphore, TryAcquireError};
use tidegate_core::{Inline, Platform, Priority, Storage};

use super::scenarios;
use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, poll_once};

scenarios! {
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
