//! How many permits there are: had, made, taken out of existence, split and merged, future by future.

use core::task::Poll;

use tidegate_core::semaphore::{AcquireError, Semaphore, TryAcquireError};
use tidegate_core::{Platform, Priority, Storage};

use super::{NO_PERMITS, scenarios};
use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, poll_once};

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
