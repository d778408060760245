//! [`ManualClock`]: time that passes when a test says so.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use crate::platform::Platform;
use crate::slab::{Key, NONE, Slab};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::wake::WakeList;

use super::{Clock, Instant, Timer};

/// A clock that stands still until it is [`set`](Self::set) or [`advance`](Self::advance)d, and wakes whoever
/// is due when it is.
///
/// It starts at [`Instant::EPOCH`]. It may be set backwards, which is how a test finds out what a clock that
/// jumps does to the code under it. It is a [`Clock`]; a reference to it is a [`Timer`].
///
/// A `ManualClock<P, Inline<N>>` wakes up to `N` sleepers; one more is told to poll again at once, over and
/// over, so it stays correct and becomes costly. Setting the clock costs one step per sleeper.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::{Clock, Inline, Instant, Local, ManualClock};
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now(), Instant::from_nanos(90_000_000_000));
/// ```
pub struct ManualClock<P: Platform, S: Storage> {
    state: Lock<P::RawMutex, State<S>>,
}

struct State<S: Storage> {
    now: Instant,
    sleepers: Slab<Sleeper, S>,
    /// One more than the highest place ever taken by a sleeper.
    places: u32,
}

struct Sleeper {
    deadline: Instant,
    /// `None` once the sleeper has been woken.
    waker: Option<Waker>,
}

impl<P: Platform, S: Storage> ManualClock<P, S> {
    const_fn! {
        /// A clock at [`Instant::EPOCH`].
        #[must_use]
        pub fn new() -> Self {
            Self { state: Lock::new(State { now: Instant::EPOCH, sleepers: Slab::new(), places: 0 }) }
        }
    }

    /// Sets the time, forwards or backwards, and wakes whoever is due.
    pub fn set(&self, now: Instant) {
        self.step(|_| now);
    }

    /// Lets `span` pass and wakes whoever is due. Saturates at [`Instant::MAX`].
    pub fn advance(&self, span: Duration) {
        self.step(|now| now + span);
    }

    /// The earliest deadline of anybody asleep: where a test may advance to.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.state.with(|state| {
            (0..state.places)
                .filter_map(|place| state.sleepers.at(place))
                .filter(|sleeper| sleeper.waker.is_some())
                .map(|sleeper| sleeper.deadline)
                .min()
        })
    }

    fn step(&self, to: impl FnOnce(Instant) -> Instant) {
        self.state.with(|state| state.now = to(state.now));
        self.wake_due(0);
    }

    /// Wakes whoever is due, from `place` on, a listful under each lock.
    fn wake_due(&self, mut place: u32) {
        /// Goes on where the loop stopped, should a wake unwind.
        struct Rest<'a, P: Platform, S: Storage>(&'a ManualClock<P, S>, Option<u32>);

        impl<P: Platform, S: Storage> Drop for Rest<'_, P, S> {
            fn drop(&mut self) {
                if let Some(place) = self.1 {
                    self.0.wake_due(place);
                }
            }
        }

        loop {
            let mut wakes = WakeList::new();
            place = self.state.with(|state| state.take_due(place, &mut wakes));
            if wakes.is_empty() {
                return;
            }
            let mut rest = Rest(self, Some(place));
            wakes.deliver();
            rest.1 = None;
        }
    }
}

impl<S: Storage> State<S> {
    /// Moves the wakers that are due into `wakes`, from `place` on; answers where to go on.
    fn take_due(&mut self, mut place: u32, wakes: &mut WakeList<Waker>) -> u32 {
        while place < self.places && !wakes.is_full() {
            if let Some(sleeper) = self.sleepers.at_mut(place)
                && sleeper.deadline <= self.now
                && let Some(waker) = sleeper.waker.take()
                && wakes.push(waker).is_err()
            {
                unreachable!("the loop ends when the list is full");
            }
            place += 1;
        }
        place
    }
}

impl<P: Platform, S: Storage> Default for ManualClock<P, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, S: Storage> fmt::Debug for ManualClock<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage> Clock for ManualClock<P, S> {
    fn now(&self) -> Instant {
        self.state.with(|state| state.now)
    }
}

impl<'a, P: Platform, S: Storage> Timer for &'a ManualClock<P, S> {
    type Sleep = ManualSleep<'a, P, S>;

    fn sleep_until(&self, deadline: Instant) -> Self::Sleep {
        ManualSleep { clock: self, deadline, key: None }
    }
}

/// The sleep of a [`ManualClock`].
#[must_use = "futures do nothing unless polled"]
pub struct ManualSleep<'a, P: Platform, S: Storage> {
    clock: &'a ManualClock<P, S>,
    deadline: Instant,
    key: Option<Key>,
}

impl<P: Platform, S: Storage> Future for ManualSleep<'_, P, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut spare = Some(cx.waker().clone());
        let ready = self.clock.state.with(|state| {
            if self.deadline <= state.now {
                return true;
            }
            let place = self.key.and_then(|key| state.sleepers.index_of(key));
            if let Some(sleeper) = place.and_then(|place| state.sleepers.at_mut(place)) {
                mem::swap(&mut sleeper.waker, &mut spare);
                return false;
            }
            match state.sleepers.insert(Sleeper { deadline: self.deadline, waker: spare.take() }) {
                Ok(key) => {
                    state.places = state.places.max(key.index.saturating_add(1));
                    self.key = Some(key);
                }
                Err(refused) => {
                    spare = refused.waker;
                    self.key = Some(Key { index: NONE, generation: 0 });
                }
            }
            false
        });
        if ready {
            return Poll::Ready(());
        }
        // No room: stay correct by asking to be polled again.
        if self.key.is_some_and(|key| key.index == NONE)
            && let Some(waker) = spare.take()
        {
            waker.wake();
        }
        Poll::Pending
    }
}

impl<P: Platform, S: Storage> Drop for ManualSleep<'_, P, S> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let removed = self
                .clock
                .state
                .with(|state| state.sleepers.index_of(key).and_then(|place| state.sleepers.remove(place)));
            drop(removed);
        }
    }
}

impl<P: Platform, S: Storage> fmt::Debug for ManualSleep<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualSleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::pin::pin;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    use std::task::Wake as StdWake;

    use super::*;
    use crate::{Inline, Local};

    struct Count(AtomicUsize);

    impl StdWake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn wakes_who_is_due_and_nobody_else() {
        let clock = ManualClock::<Local, Inline<4>>::new();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut soon = pin!((&clock).sleep_until(Instant::from_nanos(10)));
        let mut late = pin!((&clock).sleep_until(Instant::from_nanos(20)));
        assert!(soon.as_mut().poll(&mut cx).is_pending());
        assert!(late.as_mut().poll(&mut cx).is_pending());
        assert_eq!(clock.next_deadline(), Some(Instant::from_nanos(10)));
        clock.advance(Duration::from_nanos(9));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(soon.as_mut().poll(&mut cx).is_ready());
        clock.set(Instant::from_nanos(5));
        assert!(late.as_mut().poll(&mut cx).is_pending());
        clock.set(Instant::MAX);
        assert!(late.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn a_sleeper_too_many_keeps_being_polled() {
        let clock = ManualClock::<Local, Inline<1>>::new();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut first = pin!((&clock).sleep_until(Instant::from_nanos(10)));
        let mut second = pin!((&clock).sleep_until(Instant::from_nanos(10)));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        clock.set(Instant::from_nanos(10));
        assert!(second.as_mut().poll(&mut cx).is_ready());
        assert!(first.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn more_sleepers_than_one_batch_are_all_woken() {
        let clock = ManualClock::<Local, Inline<40>>::new();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut sleeps: [_; 40] = core::array::from_fn(|_| (&clock).sleep_until(Instant::from_nanos(1)));
        for sleep in &mut sleeps {
            assert!(Pin::new(sleep).poll(&mut cx).is_pending());
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(count.0.load(Ordering::Relaxed), 40);
    }
}
