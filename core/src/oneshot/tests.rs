//! Both sides, step by step.

use core::cell::Cell;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};

use super::*;
use crate::Local;
use crate::testing::count;

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
    assert_eq!((old.get(), new.get()), (0, 1));
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
    assert_eq!(wakes.get(), 1);
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
