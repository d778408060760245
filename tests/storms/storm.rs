//! [`storm`]: a crowd on threads and in tasks; [`Dice`]; [`fickle`].

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use tidegate_threads::{Priority, block_on};
use tokio::runtime::{Builder, Runtime};

/// Longer than any storm takes: whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many tasks there are in a storm, and how many threads of either colour.
const TASKS: u64 = 6;
const THREADS: u64 = 2;

/// Numbers that depend on the seed alone.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    /// The same for counts.
    pub(crate) fn count(&mut self, below: u64) -> usize {
        usize::try_from(self.roll(below)).expect("it is small")
    }

    /// Zero, or shorter than a thread sleeps; now and then the longest.
    pub(crate) fn patience(&mut self) -> Duration {
        match self.roll(4) {
            0 => Duration::ZERO,
            _ => Duration::from_nanos(self.roll(200_000)),
        }
    }

    pub(crate) fn priority(&mut self) -> Priority {
        Priority([-1, 0, 0, 7][self.count(4)])
    }
}

/// Polls a future so many times, and lets others go on in between; then it is dropped.
pub(crate) async fn fickle<F: Future>(mut polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match (future.as_mut().poll(cx), polls.checked_sub(1)) {
        (Poll::Ready(output), _) => Poll::Ready(Some(output)),
        (Poll::Pending, None) => Poll::Ready(None),
        (Poll::Pending, Some(left)) => {
            polls = left;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Lets others go on.
pub(crate) async fn give_way() {
    let mut first = true;
    poll_fn(|cx| {
        if !core::mem::take(&mut first) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime can be had")
}

/// Fails if `act` hangs.
pub(crate) fn watched(act: impl FnOnce() + Send + 'static) {
    let (done, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        act();
        drop(done);
    });
    assert_ne!(end.recv_timeout(PATIENCE), Err::<(), _>(mpsc::RecvTimeoutError::Timeout), "somebody hangs");
    thread.join().expect("the books balance");
}

/// Has a crowd do the one thing in tasks and on threads, and the other on more threads; ends when all of them have.
pub(crate) fn storm<A, F, B>(seed: u64, act: A, act_blocking: B)
where
    A: Fn(Dice) -> F + Send + Clone + 'static,
    F: Future<Output = ()> + Send + 'static,
    B: Fn(Dice) + Send + Clone + 'static,
{
    let dice = |who: u64| Dice::new((seed + 1) * 1_000 + who);
    let runtime = runtime();
    let tasks: Vec<_> = (0..TASKS).map(|who| runtime.spawn(act(dice(who)))).collect();
    let threads: Vec<_> = (TASKS..TASKS + THREADS)
        .flat_map(|who| {
            let (act, act_blocking) = (act.clone(), act_blocking.clone());
            let (here, there) = (dice(who), dice(who + THREADS));
            [thread::spawn(move || block_on(act(here))), thread::spawn(move || act_blocking(there))]
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).expect("no task panics");
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}
