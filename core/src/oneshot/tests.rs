//! Both sides, step by step.

use core::cell::Cell;
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use super::*;
use crate::Local;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn count() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

#[test]
fn the_latest_waker_is_woken_once() {
    let place = Oneshot::<Local, _>::new();
    let (sender, receiver) = Oneshot::split(&place).unwrap();
    let mut receiver = pin!(receiver);
    let ((old, early), (new, late)) = (count(), count());
    assert!(receiver.as_mut().poll(&mut Context::from_waker(&early)).is_pending());
    assert!(receiver.as_mut().poll(&mut Context::from_waker(&late)).is_pending());
    assert!(!receiver.is_settled());
    sender.send(3).unwrap();
    assert_eq!((old.0.load(Ordering::Relaxed), new.0.load(Ordering::Relaxed)), (0, 1));
    assert!(receiver.is_settled());
    assert_eq!(receiver.as_mut().poll(&mut Context::from_waker(&late)), Poll::Ready(Ok(3)));
    assert_eq!(receiver.as_mut().poll(&mut Context::from_waker(&late)), Poll::Ready(Err(Abandoned)));
}

#[test]
fn a_sender_dropped_is_noticed() {
    let place = Oneshot::<Local, u8>::new();
    let (sender, receiver) = Oneshot::split(&place).unwrap();
    let mut receiver = pin!(receiver);
    let (wakes, waker) = count();
    assert!(receiver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(sender);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(receiver.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Err(Abandoned)));
}

#[test]
fn a_receiver_dropped_is_noticed_and_takes_its_value_along() {
    struct Dropped<'a>(&'a Cell<u32>);

    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    let drops = Cell::new(0);
    let place = Oneshot::<Local, _>::new();
    let (sender, receiver) = Oneshot::split(&place).unwrap();
    assert!(sender.send(Dropped(&drops)).is_ok());
    assert_eq!(drops.get(), 0);
    drop(receiver);
    assert_eq!(drops.get(), 1);

    let place = Oneshot::<Local, _>::new();
    let (sender, receiver) = Oneshot::split(&place).unwrap();
    drop(receiver);
    assert!(sender.is_abandoned());
    assert!(sender.send(Dropped(&drops)).is_err());
    assert_eq!(drops.get(), 2);
}

#[test]
fn the_sides_are_given_out_once() {
    let place = Oneshot::<Local, u8>::new();
    let sides = Oneshot::split(&place);
    assert!(sides.is_some() && Oneshot::split(&place).is_none());
}
