//! [`block_on`] and [`block_on_until`]: a future to its end, on this thread.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::rc::Rc;
use std::sync::Arc;

use tidegate_core::Instant;

use crate::seat::{Seat, Signal};

/// Runs `future` to its end on this thread, which sleeps while there is nothing to do.
///
/// Sleeps of [`ThreadsTimer`](crate::ThreadsTimer) inside the future are served by this very thread. Calls may
/// be nested: the inner one then blocks the outer one, as any other blocking call would.
///
/// Costs nothing but the poll if the future is ready; no allocation after a thread's first call, unless nested.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{block_on, sleep};
///
/// assert_eq!(block_on(async { 1 + 1 }), 2);
/// block_on(sleep(Duration::from_millis(1)));
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // The deadline that never comes: one round is enough.
        if let Some(output) = drive(future.as_mut(), Instant::MAX) {
            return output;
        }
    }
}

/// Runs `future` on this thread, for at most until `deadline` on [`ThreadsTimer`](crate::ThreadsTimer)'s
/// clock; `None` if the time was up first. The future is then dropped.
///
/// It is polled at least once, also when the deadline has passed, and once more when the time is up, so that
/// what comes in time is not refused. [`Instant::MAX`] never comes.
///
/// ```
/// use core::{future, time::Duration};
/// use tidegate_threads::{Clock, ThreadsTimer, block_on_until};
///
/// let soon = ThreadsTimer.now() + Duration::from_millis(1);
/// assert_eq!(block_on_until(soon, future::pending::<()>()), None);
/// assert_eq!(block_on_until(soon, future::ready(7)), Some(7));
/// ```
pub fn block_on_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    drive(pin!(future), deadline)
}

fn drive<F: Future>(mut future: Pin<&mut F>, deadline: Instant) -> Option<F::Output> {
    let seated = Seated::new();
    let mut cx = Context::from_waker(seated.seat.waker());
    let mut in_time = true;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if !in_time {
            return None;
        }
        in_time = seated.seat.wait(deadline);
    }
}

thread_local! {
    /// A seat for the next `block_on` of this thread.
    static SPARE: Cell<Option<Rc<Seat>>> = const { Cell::new(None) };
    /// The seat of this thread's innermost `block_on`.
    static CURRENT: RefCell<Option<Rc<Seat>>> = const { RefCell::new(None) };
}

/// The signal of the innermost `block_on` of this thread, if `waker` is that `block_on`'s own.
///
/// Then, and only then, does this thread look after a sleep that is polled with `waker`. Another executor may
/// well run inside a `block_on`; it brings its own wakers, and blocks the thread in its own way.
pub(crate) fn signal_behind(waker: &Waker) -> Option<Arc<Signal>> {
    CURRENT
        .try_with(|current| {
            let current = current.borrow();
            let seat = current.as_ref()?;
            // Not `will_wake`, which may say no to a clone. The address alone is proof: it is the signal's.
            (seat.waker().data() == waker.data()).then(|| Arc::clone(seat.signal()))
        })
        .ok()
        .flatten()
}

/// A thread that sits in a seat, until this is dropped.
struct Seated {
    seat: Rc<Seat>,
    outer: Option<Rc<Seat>>,
}

impl Seated {
    fn new() -> Self {
        // Thread-locals are gone while a thread ends; one can still block, only with nothing kept.
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let seat = spare.unwrap_or_else(|| Rc::new(Seat::new()));
        let outer = CURRENT.try_with(|current| current.replace(Some(Rc::clone(&seat)))).ok().flatten();
        Self { seat, outer }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = CURRENT.try_with(|current| current.replace(outer));
        let _ = SPARE.try_with(|spare| spare.set(Some(Rc::clone(&self.seat))));
    }
}

#[cfg(test)]
mod tests {
    use core::future::{pending, poll_fn, ready};
    use core::sync::atomic::{AtomicU32, Ordering};
    use core::time::Duration;
    use std::panic;
    use std::thread;

    use super::*;
    use crate::clock;

    /// Ready once `turn` has the value `mine`; the other side's waker is kept in a mutex.
    struct Table {
        turn: AtomicU32,
        wakers: [parking_lot::Mutex<Option<Waker>>; 2],
    }

    impl Table {
        fn play(&self, me: usize, rounds: u32) {
            for round in 0..rounds {
                let mine = 2 * round + u32::try_from(me).unwrap();
                block_on(poll_fn(|cx| {
                    *self.wakers[me].lock() = Some(cx.waker().clone());
                    if self.turn.load(Ordering::SeqCst) == mine { Poll::Ready(()) } else { Poll::Pending }
                }));
                self.turn.store(mine + 1, Ordering::SeqCst);
                let waker = self.wakers[1 - me].lock().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }

    #[test]
    fn ping_pong() {
        const ROUNDS: u32 = 20_000;
        let table = Table { turn: AtomicU32::new(0), wakers: Default::default() };
        thread::scope(|scope| {
            scope.spawn(|| table.play(1, ROUNDS));
            table.play(0, ROUNDS);
        });
        assert_eq!(table.turn.load(Ordering::SeqCst), 2 * ROUNDS);
    }

    #[test]
    fn woken_by_another_thread_after_it_parked() {
        let mut spawned = None;
        block_on(poll_fn(|cx| {
            if spawned.is_some() {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            let signal = signal_behind(&waker).expect("this is our waker");
            spawned = Some(thread::spawn(move || {
                while !signal.is_parked() {
                    thread::yield_now();
                }
                waker.wake();
            }));
            Poll::Pending
        }));
        spawned.expect("it was polled").join().unwrap();
    }

    #[test]
    fn a_wake_during_the_poll_counts() {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(polls, 3);
    }

    #[test]
    fn nested_calls_have_seats_of_their_own() {
        let mut outer_polls = 0;
        let value = block_on(poll_fn(|outer| {
            outer_polls += 1;
            let inner = block_on(poll_fn(|inner| {
                assert_ne!(outer.waker().data(), inner.waker().data());
                assert!(signal_behind(inner.waker()).is_some());
                assert!(signal_behind(outer.waker()).is_none());
                Poll::Ready(outer_polls)
            }));
            assert!(signal_behind(outer.waker()).is_some());
            outer.waker().wake_by_ref();
            if inner == 3 { Poll::Ready(inner) } else { Poll::Pending }
        }));
        assert_eq!(value, 3);
        assert!(CURRENT.with(|current| current.borrow().is_none()));
    }

    #[test]
    fn the_seat_is_kept_for_the_next_call_also_after_a_panic() {
        let data = || block_on(poll_fn(|cx| Poll::Ready(cx.waker().data())));
        let first = data();
        assert_eq!(first, data());
        assert!(panic::catch_unwind(|| block_on(async { panic!("on purpose") })).is_err());
        assert_eq!(first, data());
        assert!(CURRENT.with(|current| current.borrow().is_none()));
    }

    #[test]
    fn the_deadline_counts_also_for_one_that_wakes_itself_all_the_time() {
        let deadline = clock::now() + Duration::from_millis(2);
        let restless = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(block_on_until(deadline, restless), None);
        assert!(clock::now() >= deadline);
    }

    #[test]
    fn until_gives_what_is_ready_and_gives_up_on_what_is_not() {
        let soon = clock::now() + Duration::from_millis(2);
        assert_eq!(block_on_until(soon, pending::<()>()), None);
        assert!(clock::now() >= soon);
        assert_eq!(block_on_until(Instant::EPOCH, ready(1)), Some(1));
        assert_eq!(block_on_until(Instant::EPOCH, pending::<()>()), None);
        assert_eq!(block_on_until(Instant::MAX, ready(2)), Some(2));
    }

    #[test]
    fn what_came_in_time_is_taken_when_the_time_is_up() {
        let mut polls = 0;
        let second = poll_fn(|_| {
            polls += 1;
            if polls == 2 { Poll::Ready(polls) } else { Poll::Pending }
        });
        assert_eq!(block_on_until(Instant::EPOCH, second), Some(2));
    }

    #[test]
    fn until_takes_a_wake_from_another_thread() {
        let mut spawned = false;
        let value = block_on_until(
            Instant::MAX,
            poll_fn(|cx| {
                if spawned {
                    return Poll::Ready(1);
                }
                spawned = true;
                let waker = cx.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            }),
        );
        assert_eq!(value, Some(1));
    }
}
