//! Queues, thread against thread: those who come against those who leave, and against the end.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test queue
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::queue::{self, For, GetError};
use tidegate_loom::{Loom, model, poll_once};

type Queue = queue::Queue<Loom, Heap, u32>;

fn getter(queue: &Arc<Queue>) -> thread::JoinHandle<Result<u32, GetError>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || block_on(queue.get()))
}

/// Takes a place in line, and gives it up; answers what it got if it was served at once.
fn fickle(queue: &Arc<Queue>) -> thread::JoinHandle<Option<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || {
        let mut get = pin!(queue.get());
        match get.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(item)) => Some(item),
            _ => None,
        }
    })
}

fn at_rest(queue: &Queue) {
    assert_eq!((queue.len(), queue.waiters(For::Item), queue.waiters(For::Room)), (0, 0, 0));
}

#[test]
fn an_item_wakes_whoever_waits() {
    model(|| {
        let queue = Arc::new(Queue::new(1));
        let getter = getter(&queue);
        queue.try_put(7).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
        at_rest(&queue);
    });
}

#[test]
fn room_wakes_whoever_waits() {
    model(|| {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(1).unwrap();
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.put(2)).unwrap())
        };
        assert_eq!(queue.try_get(), Ok(1));
        putter.join().unwrap();
        assert_eq!(queue.try_get(), Ok(2));
        at_rest(&queue);
    });
}

#[test]
fn a_rendezvous() {
    model(|| {
        let queue = Arc::new(Queue::new(0));
        let getter = getter(&queue);
        block_on(queue.put(7)).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
        at_rest(&queue);
    });
}

/// Whoever gives up amid everything passes its claim on.
#[test]
fn cancel_against_put() {
    model(|| {
        let queue = Arc::new(Queue::new(2));
        let (fickle, getter) = (fickle(&queue), getter(&queue));
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let (first, second) = (fickle.join().unwrap(), getter.join().unwrap().unwrap());
        match first {
            Some(first) => assert_eq!(first + second, 3),
            None => assert_eq!(queue.try_get(), Ok(3 - second)),
        }
        at_rest(&queue);
    });
}

#[test]
fn cancel_against_put_at_a_rendezvous() {
    model(|| {
        let queue = Arc::new(Queue::new(0));
        let (fickle, getter) = (fickle(&queue), getter(&queue));
        block_on(queue.put(1)).unwrap();
        if fickle.join().unwrap().is_some() {
            queue.close();
            assert_eq!(getter.join().unwrap(), Err(GetError::Closed));
        } else {
            assert_eq!(getter.join().unwrap(), Ok(1));
        }
        at_rest(&queue);
    });
}

/// An offer is taken, or comes back to whoever gives up: never both, never neither.
#[test]
fn try_get_against_a_put_that_is_given_up() {
    model(|| {
        let queue = Arc::new(Queue::new(0));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut put = queue.put(1);
                match poll_once(&mut put) {
                    Poll::Ready(put) => put.map(|()| None).unwrap(),
                    Poll::Pending => put.into_inner(),
                }
            })
        };
        let got = queue.try_get();
        let back = putter.join().unwrap();
        assert_eq!(got.ok().xor(back), Some(1));
        at_rest(&queue);
    });
}

/// Whoever offers an item is woken when it has been taken.
#[test]
fn try_get_wakes_whoever_offered() {
    model(|| {
        let queue = Arc::new(Queue::new(0));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.put(7)).unwrap())
        };
        let got = loop {
            match queue.try_get() {
                Ok(item) => break item,
                Err(_) => thread::yield_now(),
            }
        };
        putter.join().unwrap();
        assert_eq!(got, 7);
        at_rest(&queue);
    });
}

/// What is offered comes back at the end, or has been taken before it.
#[test]
fn close_against_an_offer() {
    model(|| {
        let queue = Arc::new(Queue::new(0));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.put(1)))
        };
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.try_get().ok())
        };
        queue.close();
        let back = putter.join().unwrap().err().map(queue::PutError::into_inner);
        assert_eq!(getter.join().unwrap().xor(back), Some(1));
        at_rest(&queue);
    });
}

#[test]
fn close_against_get_and_put() {
    model(|| {
        let queue = Arc::new(Queue::new(1));
        let getter = getter(&queue);
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.put(1)))
        };
        queue.close();
        match putter.join().unwrap() {
            Ok(()) => assert_eq!(getter.join().unwrap(), Ok(1)),
            Err(refused) => {
                assert_eq!(refused.into_inner(), 1);
                assert_eq!(getter.join().unwrap(), Err(GetError::Closed));
            }
        }
        at_rest(&queue);
    });
}

#[test]
fn work_is_joined() {
    model(|| {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(1).unwrap();
        let worker = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                queue.try_get().unwrap();
                queue.task_done().unwrap();
            })
        };
        block_on(queue.join()).unwrap();
        worker.join().unwrap();
        assert_eq!(queue.unfinished(), 0);
        assert!(poll_once(&mut queue.join()).is_ready());
    });
}
