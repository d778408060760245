//! One value handed over, thread against thread.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test oneshot
//! ```
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::oneshot::{Abandoned, Oneshot};
use tidegate_loom::{Loom, model};

type Place = Oneshot<Loom, Arc<()>>;

/// The value arrives, or its sender's end does.
#[test]
fn sent_or_abandoned() {
    for sends in [true, false] {
        model(move || {
            let (sender, receiver) = Oneshot::split(Arc::new(Place::new())).unwrap();
            let thread = thread::spawn(move || {
                if sends {
                    sender.send(Arc::new(())).expect("somebody receives it");
                }
            });
            let received = block_on(receiver);
            assert!(matches!((received, sends), (Ok(_), true) | (Err(Abandoned { .. }), false)));
            thread.join().unwrap();
        });
    }
}

/// A value is received, comes back, or is dropped with the receiver: it never stays.
#[test]
fn a_receiver_gone_leaves_nothing_behind() {
    model(|| {
        let value = Arc::new(());
        let place = Arc::new(Place::new());
        let (sender, receiver) = Oneshot::split(Arc::clone(&place)).unwrap();
        let sent = Arc::clone(&value);
        let thread = thread::spawn(move || drop(sender.send(sent)));
        {
            let mut receiver = pin!(receiver);
            let polled = receiver.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(!matches!(polled, Poll::Ready(Err(_))));
        }
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
