use core::future::Future;
use core::num::NonZeroUsize;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Wake;
use std::thread;

use futures_util::StreamExt;

use super::{GeneratorError, iter_blocking};
use crate::{Generator, Job, Pool, Priority, Spawn, priority};

type Options = crate::GeneratorOptions;

fn one_thread() -> Pool {
    Pool::new(NonZeroUsize::MIN)
}

/// Counts how far an iterator has come, and says when it is dropped.
struct Probe {
    next: usize,
    produced: Arc<AtomicUsize>,
    dropped: Option<mpsc::Sender<thread::ThreadId>>,
}

impl Iterator for Probe {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = self.next;
        self.next += 1;
        self.produced.fetch_add(1, Ordering::SeqCst);
        Some(next)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(dropped) = self.dropped.take() {
            // Nobody may be listening any more.
            let _ = dropped.send(thread::current().id());
        }
    }
}

fn probe() -> (Probe, Arc<AtomicUsize>, mpsc::Receiver<thread::ThreadId>) {
    let (produced, (sender, receiver)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
    (Probe { next: 0, produced: Arc::clone(&produced), dropped: Some(sender) }, produced, receiver)
}

#[test]
fn nothing_runs_before_the_first_demand_and_no_thread_is_used() {
    let pool = one_thread();
    let (items, produced, dropped) = probe();
    let generator = Options::new().pool(pool.clone()).items(items);
    assert_eq!(generator.size_hint(), (0, None));
    drop(generator);
    assert_eq!(dropped.recv().unwrap(), thread::current().id());
    assert_eq!((produced.load(Ordering::SeqCst), pool.threads()), (0, 0));
}

#[test]
fn never_further_than_the_demanded_item_or_the_capacity() {
    for capacity in [1, 2, 7] {
        let (items, produced, _dropped) = probe();
        let mut generator = Options::new().capacity(capacity).unwrap().items(items);
        for demanded in 1..500 {
            assert_eq!(generator.next_blocking().unwrap().unwrap(), demanded - 1);
            assert!(produced.load(Ordering::SeqCst) < demanded + capacity);
        }
        generator.close_blocking().unwrap();
        assert!(produced.load(Ordering::SeqCst) < 499 + capacity);
    }
}

#[test]
fn dropped_it_stops_and_drops_the_iterator_on_its_thread() {
    let (items, _produced, dropped) = probe();
    let mut generator = Generator::new(items);
    assert_eq!(generator.next_blocking().unwrap().unwrap(), 0);
    drop(generator);
    assert_ne!(dropped.recv().unwrap(), thread::current().id());
}

#[test]
fn thousands_take_turns_on_one_thread() {
    let options = Options::new().pool(one_thread());
    let mut generators: Vec<_> = (0..2_000_usize).map(|start| options.items(start..)).collect();
    for round in 0..3 {
        for (start, generator) in generators.iter_mut().enumerate() {
            assert_eq!(generator.next_blocking().unwrap().unwrap(), start + round);
        }
    }
}

#[test]
fn a_busy_one_leaves_the_thread_to_others() {
    let options = Options::new().pool(one_thread()).capacity(8).unwrap();
    let (stop, stopped) = mpsc::channel::<()>();
    let mut busy = options.items(0_u64..);
    assert_eq!(busy.next_blocking().unwrap().unwrap(), 0);
    let reader = thread::spawn(move || {
        while stopped.try_recv().is_err() {
            busy.next_blocking().unwrap().unwrap();
        }
    });
    let mut other = options.items(0..3);
    for item in 0..3 {
        assert_eq!(other.next_blocking().unwrap().unwrap(), item);
    }
    stop.send(()).unwrap();
    reader.join().unwrap();
}

#[test]
fn errors_and_panics_come_after_the_last_item() {
    let mut failing = Generator::<_, &str>::try_new([Ok(1), Ok(2), Err("broken"), Ok(3)]);
    assert_eq!(failing.size_hint(), (0, Some(4)));
    assert_eq!(failing.next_blocking().unwrap().unwrap(), 1);
    assert_eq!(failing.next_blocking().unwrap().unwrap(), 2);
    assert!(matches!(failing.next_blocking(), Some(Err(GeneratorError::Failed("broken")))));
    assert!(failing.next_blocking().is_none());

    let mut panicking = Generator::new((0..3).inspect(|item| assert_ne!(*item, 2, "on purpose")));
    assert_eq!(panicking.size_hint(), (3, Some(3)));
    assert_eq!(panicking.next_blocking().unwrap().unwrap(), 0);
    assert_eq!(panicking.size_hint(), (2, Some(2)));
    assert_eq!(panicking.next_blocking().unwrap().unwrap(), 1);
    let Some(Err(GeneratorError::Panicked(panicked))) = panicking.next_blocking() else { panic!("no panic") };
    assert!(panicked.message().unwrap().contains("on purpose"));
    assert!(panicking.next_blocking().is_none());
}

#[test]
fn a_closure_yields_until_it_is_told_to_stop() {
    let (told, was_told) = mpsc::channel();
    let mut generator = Generator::from_fn(move |out| {
        let mut number = 0;
        let stopped = loop {
            if let Err(stopped) = out.yield_(number) {
                break stopped;
            }
            number += 1;
        };
        told.send((number, stopped.0, out.is_stopped())).unwrap();
        assert_eq!(out.yield_(100).unwrap_err().0, Some(100));
    });
    for number in 0..100 {
        assert_eq!(generator.next_blocking().unwrap().unwrap(), number);
    }
    generator.close_blocking().unwrap();
    assert_eq!(was_told.try_recv(), Ok((99, None, true)));
    assert!(generator.next_blocking().is_none());
}

#[test]
fn close_tells_what_went_wrong_meanwhile() {
    let mut generator = Generator::<u8, &str>::try_from_fn(|out| {
        while out.yield_(1).is_ok() {}
        Err("could not clean up")
    });
    assert!(generator.next_blocking().unwrap().is_ok());
    assert!(matches!(generator.close_blocking(), Err(GeneratorError::Failed("could not clean up"))));
    generator.close_blocking().unwrap();
    let mut generator = Generator::<u8>::from_fn(|out| {
        while out.yield_(1).is_ok() {}
        panic!("on purpose");
    });
    assert!(generator.next_blocking().unwrap().is_ok());
    assert!(matches!(generator.close_blocking(), Err(GeneratorError::Panicked(_))));
}

#[test]
fn close_that_is_out_of_time_can_be_asked_again() {
    let (go, wait) = mpsc::channel::<()>();
    let mut generator = Generator::<u8>::from_fn(move |out| {
        let _ = out.yield_(1);
        wait.recv().unwrap();
    });
    assert!(generator.next_blocking().unwrap().is_ok());
    assert!(generator.close_blocking_timeout(Duration::ZERO).is_err());
    go.send(()).unwrap();
    assert!(generator.close_blocking_timeout(Duration::MAX).unwrap().is_ok());
}

#[test]
fn a_next_out_of_time_loses_nothing() {
    let (go, wait) = mpsc::channel();
    let mut generator = Generator::new(wait);
    assert!(generator.next_blocking_timeout(Duration::ZERO).is_err());
    assert!(pin!(generator.next()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    go.send(7).unwrap();
    assert_eq!(generator.next_blocking_timeout(Duration::MAX).unwrap().unwrap().unwrap(), 7);
    drop(go);
    assert!(generator.next_blocking().is_none());
}

#[test]
fn a_pool_that_refuses_or_forgets_ends_it() {
    struct Refusing;
    impl Spawn for Refusing {
        fn spawn(&self, job: Job) -> Result<(), Job> {
            Err(job)
        }
    }
    struct Forgetting;
    impl Spawn for Forgetting {
        fn spawn(&self, job: Job) -> Result<(), Job> {
            drop(job);
            Ok(())
        }
    }
    let options = [Options::new().pool(Refusing), Options::new().pool(Forgetting)];
    for options in options {
        let mut generator = options.items(0..3);
        assert!(matches!(generator.next_blocking(), Some(Err(GeneratorError::Lost))));
        assert!(generator.next_blocking().is_none());
        let mut generator = options.from_fn(|out| {
            let _ = out.yield_(1);
        });
        assert!(matches!(generator.next_blocking(), Some(Err(GeneratorError::Lost))));
    }
}

#[test]
fn the_priority_of_its_maker_goes_along() {
    let mut seen =
        priority::scope(Priority(-3), || Generator::new(core::iter::repeat_with(priority::current).take(2)));
    let mut called = priority::scope(Priority(4), || {
        Generator::from_fn(|out| {
            let _ = out.yield_(priority::current());
        })
    });
    assert_eq!(seen.next_blocking().unwrap().unwrap(), Priority(-3));
    assert_eq!(called.next_blocking().unwrap().unwrap(), Priority(4));
    assert_eq!(priority::current(), Priority::default());
}

#[test]
fn it_is_a_stream_and_a_stream_is_an_iterator() {
    let stream = Generator::new(0..100).map(Result::unwrap).filter(|item| {
        let even = item % 2 == 0;
        async move { even }
    });
    let mut iterator = iter_blocking(Box::pin(stream));
    assert_eq!(iterator.size_hint(), (0, Some(100)));
    assert_eq!(iterator.next_timeout(Duration::MAX).unwrap(), Some(0));
    assert!(iterator.by_ref().eq((2..100).step_by(2)));
    assert!(iterator.next().is_none() && iterator.next_timeout(Duration::ZERO).unwrap().is_none());
}

#[test]
fn an_iterator_may_rest_between_any_two_items() {
    // Long enough apart for the producer to give its thread back.
    let pool = Pool::new(NonZeroUsize::new(2).unwrap());
    let ids = core::iter::repeat_with(|| thread::current().id());
    let mut generator = Options::new().pool(pool.clone()).items(ids);
    let mut threads = HashSet::new();
    for _ in 0..20 {
        threads.insert(generator.next_blocking().unwrap().unwrap());
        // The pool's threads are both free for this, or become so.
        let (done, wait) = mpsc::channel();
        for _ in 0..2 {
            let done = done.clone();
            assert!(pool.spawn(Box::new(move || done.send(()).unwrap())).is_ok());
        }
        drop(done);
        assert_eq!(wait.iter().count(), 2);
    }
    assert!(threads.len() <= 2 && !threads.contains(&thread::current().id()));
}

#[test]
fn pending_without_hope_still_wakes() {
    let (go, wait) = mpsc::channel();
    let mut generator = Generator::new(wait);
    // In vain, so often that nobody looks twice any more.
    for _ in 0..300 {
        let mut next = pin!(generator.next());
        assert_eq!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(drop), Poll::Pending);
    }
    let sender = thread::spawn(move || go.send(1).unwrap());
    assert_eq!(generator.next_blocking().unwrap().unwrap(), 1);
    sender.join().unwrap();
}

#[test]
fn a_wake_that_panics_is_not_taken_for_the_end() {
    struct Bad(mpsc::Sender<()>);
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
            panic!("on purpose");
        }
    }
    let pool = one_thread();
    let (go, wait) = mpsc::channel();
    // The item comes once the consumer has gone to sleep.
    let mut generator = Options::new().pool(pool.clone()).items((0..3).inspect(move |_| wait.recv().unwrap()));
    let (woken, heard) = mpsc::channel();
    let bad = Waker::from(Arc::new(Bad(woken)));
    assert!(pin!(generator.next()).poll(&mut Context::from_waker(&bad)).is_pending());
    go.send(()).unwrap();
    heard.recv().unwrap();
    assert_eq!(generator.next_blocking().unwrap().unwrap(), 0);
    assert!(matches!(generator.next_blocking(), Some(Err(GeneratorError::Panicked(_)))));
    assert!(generator.next_blocking().is_none());
    // The thread lives.
    assert_eq!(Options::new().pool(pool).items(7..8).next_blocking().unwrap().unwrap(), 7);
}

#[test]
fn a_close_that_is_not_polled_does_nothing() {
    let mut generator = Generator::new(0..2);
    drop(generator.close());
    assert_eq!(generator.next_blocking().unwrap().unwrap(), 0);
    drop(generator.close());
    assert_eq!(generator.next_blocking().unwrap().unwrap(), 1);
    generator.close_blocking().unwrap();
    assert!(generator.next_blocking().is_none());
}
