//! What one thread can see of the handle, step by step, with the word and without it.

use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::task::Wake as StdWake;
use std::vec::Vec;

use super::*;
use crate::testing::{Count, count, poll};
use crate::{Inline, Local};

/// A platform with the word, for one thread.
#[derive(Debug)]
struct Fast;

impl Platform for Fast {
    type RawMutex = <Local as Platform>::RawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

fn both(test: fn(&dyn Group)) {
    test(&TaskGroup::<Local, Inline<40>>::new());
    test(&TaskGroup::<Fast, Inline<40>>::new());
}

/// Either kind of group, boxed up so that a test is written once.
trait Group {
    fn track<'a>(&'a self) -> Result<Box<dyn Member<'a> + 'a>, EnterError>;
    fn close<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>>;
    fn join<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>>;
    fn idle<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>>;
    fn facts(&self) -> (usize, bool, bool);
}

trait Member<'a> {
    fn fork(&self) -> Box<dyn Member<'a> + 'a>;
}

impl<'a, P: Platform, S: Storage> Member<'a> for Guard<&'a TaskGroup<P, S>> {
    fn fork(&self) -> Box<dyn Member<'a> + 'a> {
        Box::new(Guard::fork(self).unwrap())
    }
}

impl<P: Platform, S: Storage> Group for TaskGroup<P, S> {
    fn track<'a>(&'a self) -> Result<Box<dyn Member<'a> + 'a>, EnterError> {
        Ok(Box::new(self.track()?))
    }

    fn close<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>> {
        Box::pin(self.close())
    }

    fn join<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>> {
        Box::pin(self.join())
    }

    fn idle<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(), CloseError>> + 'a>> {
        Box::pin(self.idle())
    }

    fn facts(&self) -> (usize, bool, bool) {
        (self.len(), self.is_closed(), self.is_finished())
    }
}

#[test]
fn an_empty_group_is_closed_at_once_and_for_good() {
    both(|group| {
        let mut joined = group.join();
        assert!(poll(joined.as_mut()).is_pending());
        assert_eq!(group.facts(), (0, false, false));
        drop(group.close());
        assert_eq!(group.facts(), (0, true, true));
        assert_eq!(poll(joined.as_mut()), Poll::Ready(Ok(())));
        assert!(poll(joined.as_mut()).is_pending(), "ready once");
        assert_eq!(poll(group.close().as_mut()), Poll::Ready(Ok(())));
        assert_eq!(group.track().err(), Some(EnterError::Closed));
        assert_eq!(group.facts(), (0, true, true));
    });
}

#[test]
fn a_closing_group_waits_for_whom_its_members_let_in() {
    both(|group| {
        let first = group.track().unwrap();
        let (wakes, waker) = count();
        let mut closed = group.close();
        assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let second = first.fork();
        drop(first);
        let third = group.track().unwrap();
        drop(second);
        assert_eq!((group.facts(), wakes.get()), ((1, true, false), 0));
        drop(third);
        assert_eq!((group.facts(), wakes.get()), ((0, true, true), 1));
        assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn all_who_wait_are_woken_once_by_their_latest_waker() {
    both(|group| {
        let member = group.track().unwrap();
        let (early, old) = count();
        let (late, new) = count();
        let mut joins: Vec<_> = (0..40).map(|_| group.join()).collect();
        for join in &mut joins {
            assert!(join.as_mut().poll(&mut Context::from_waker(&old)).is_pending());
            assert!(join.as_mut().poll(&mut Context::from_waker(&old)).is_pending());
            assert!(join.as_mut().poll(&mut Context::from_waker(&new)).is_pending());
        }
        assert_eq!(poll(group.join().as_mut()), Poll::Ready(Err(CloseError::Full)));
        drop(joins.split_off(39));
        drop(group.close());
        assert_eq!((early.get(), late.get()), (0, 0));
        drop(member);
        assert_eq!((early.get(), late.get()), (0, 39));
        assert!(joins.iter_mut().all(|join| poll(join.as_mut()).is_ready()));
    });
}

#[test]
fn a_moment_without_members_is_told_to_those_who_wait_for_it() {
    both(|group| {
        assert_eq!(poll(group.idle().as_mut()), Poll::Ready(Ok(())));
        for _round in 0..2 {
            let member = group.track().unwrap();
            let (mut first, mut second, mut end) = (group.idle(), group.idle(), group.join());
            let (wakes, waker) = count();
            for wait in [&mut first, &mut second, &mut end] {
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            let other = member.fork();
            drop(member);
            assert!(poll(first.as_mut()).is_pending());
            drop(first);
            assert_eq!(wakes.get(), 0);
            drop(other);
            assert_eq!(wakes.get(), 1);
            let _next = group.track().unwrap();
            assert!(poll(second.as_mut()).is_ready(), "it has been told");
            assert!(poll(end.as_mut()).is_pending());
        }
        let member = group.track().unwrap();
        let mut idle = group.idle();
        assert!(poll(idle.as_mut()).is_pending());
        drop(group.close());
        assert!(poll(idle.as_mut()).is_pending());
        drop(member);
        assert!(poll(idle.as_mut()).is_ready());
        assert_eq!(poll(group.idle().as_mut()), Poll::Ready(Ok(())));
    });
}

/// Panics when it is woken for the first time of all.
struct Bomb<'a>(&'a AtomicBool, Arc<Count>);

impl StdWake for Bomb<'static> {
    fn wake(self: Arc<Self>) {
        self.1.add();
        assert!(self.0.swap(true, Ordering::Relaxed), "on purpose");
    }
}

#[test]
fn a_wake_that_panics_strands_nobody() {
    fn check<P: Platform>() {
        static WENT_OFF: AtomicBool = AtomicBool::new(false);
        WENT_OFF.store(false, Ordering::Relaxed);
        let group = TaskGroup::<P, Inline<40>>::new();
        let member = group.track().unwrap();
        let wakes = Arc::new(Count::default());
        let waker = Waker::from(Arc::new(Bomb(&WENT_OFF, Arc::clone(&wakes))));
        let mut joins: Vec<_> = (0..40).map(|_| Box::pin(group.join())).collect();
        for join in &mut joins {
            assert!(join.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(group.close());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(member))).is_err());
        assert_eq!(wakes.get(), 40);
        assert!(joins.iter_mut().all(|join| poll(join.as_mut()).is_ready()));
    }
    check::<Local>();
    check::<Fast>();
}

#[test]
fn failures_count_until_somebody_sees_them() {
    let group = TaskGroup::<Local, Inline<1>>::new();
    let seen = TaskGroup::fail_owned(&group);
    let unseen = TaskGroup::fail_owned(&group);
    assert_eq!(group.unobserved_failures(), 2);
    seen.observe();
    drop(unseen);
    assert_eq!(group.unobserved_failures(), 1);
}

#[test]
fn a_wrapped_future_leaves_after_it_is_dropped() {
    struct Last<'a>(&'a TaskGroup<Fast, Inline<1>>, &'a AtomicUsize);

    impl Drop for Last<'_> {
        fn drop(&mut self) {
            self.1.store(self.0.len(), Ordering::Relaxed);
        }
    }

    let group = TaskGroup::<Fast, Inline<1>>::new();
    let seen = AtomicUsize::new(0);
    let last = Last(&group, &seen);
    let mut tracked = Box::pin(group.track().unwrap().wrap(async move {
        let _last = last;
        core::future::pending::<()>().await;
    }));
    assert!(poll(tracked.as_mut()).is_pending());
    drop(tracked);
    assert_eq!(seen.load(Ordering::Relaxed), 1, "it was a member until it had been dropped");
    assert_eq!(group.len(), 0);
    let mut ends = pin!(group.track().unwrap().wrap(async { 5 }));
    assert_eq!(poll(ends.as_mut()), Poll::Ready(5));
    assert_eq!(group.len(), 0);
    assert!(poll(ends.as_mut()).is_pending());
}

/// What a member holds is gone when the group hears that it has left.
#[test]
fn a_tracked_future_is_dropped_as_a_member() {
    struct Look<'a>(&'a TaskGroup<Local, Inline<4>>, &'a core::cell::Cell<usize>);

    impl Drop for Look<'_> {
        fn drop(&mut self) {
            self.1.set(self.0.len());
        }
    }

    let (group, seen) = (TaskGroup::<Local, Inline<4>>::new(), core::cell::Cell::new(0));
    let look = Look(&group, &seen);
    let mut tracked = pin!(group.track().unwrap().wrap(core::future::poll_fn(move |_| {
        let _held = &look;
        Poll::Ready(())
    })));
    assert!(poll(tracked.as_mut()).is_ready());
    assert_eq!((seen.get(), group.len()), (1, 0));
}
