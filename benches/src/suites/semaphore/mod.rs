//! The semaphore beside its peers.
//!
//! Peers differ in what they promise. async-lock and embassy's greedy one let newcomers overtake whoever waits,
//! which spares them handoffs; embassy's semaphores stand behind a critical section, which on a host is one
//! mutex for the whole program.

mod floor;
mod hammer;
mod handoff;
mod local;
mod pingpong;
mod priorities;
mod uncontended;

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::harness::{Batch, Group, leak, repeat};

pub(super) fn groups() -> Vec<Group> {
    let mut groups = vec![uncontended::group(), local::group()];
    groups.extend(handoff::groups());
    groups.extend(priorities::groups());
    groups.extend([hammer::group(), pingpong::group()]);
    groups
}

/// Batches that take a permit and give it back.
///
/// The compiler must have the semaphore's state in memory between the two, as it would if there were work to do
/// under the permit; without that, it sees through a semaphore that is not `Sync`.
fn cycle<S, P>(semaphore: S, acquire: impl Fn(&'static S) -> P + 'static) -> impl FnMut(u64) -> Batch + 'static
where
    S: 'static,
{
    let semaphore = leak(semaphore);
    repeat(move || {
        let permit = acquire(black_box(semaphore));
        black_box(semaphore);
        drop(permit);
    })
}

/// The output of a future that is ready when first polled.
///
/// Inlined, as the poll of an awaited future is: where it happens not to be, moving the future costs more than the
/// semaphore does.
#[expect(clippy::inline_always, reason = "see above")]
#[inline(always)]
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a free permit is had at once"),
    }
}
