//! [`Wait`]: the future that waits for the end of all lockouts.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::machine::{Entry, Progress};
use super::{Lockout, LockoutRef, Order, WaitError};
use crate::Priority;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::{Clock, Instant, Timer};
use crate::wait_queue::WaiterKey;

pin_project! {
    /// The future of [`Lockout::wait`]: resolves once its caller has passed.
    ///
    /// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line; if it kept time for those behind it, the next one does.
    #[must_use = "futures do nothing unless polled"]
    pub struct Wait<R: LockoutRef> {
        // `None` once the future has been ready.
        lockout: Option<R>,
        // `None` for the priority of the scope.
        priority: Option<Priority>,
        // The place in line, if it has one.
        key: Option<WaiterKey>,
        #[pin]
        alarm: Option<Alarm<<R::Timer as Timer>::Sleep>>,
    }

    impl<R: LockoutRef> PinnedDrop for Wait<R> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let (Some(lockout), Some(key)) = (this.lockout, this.key.take()) {
                lockout.lockout().cancel(key);
            }
        }
    }
}

pin_project! {
    /// The sleep of whoever keeps time.
    struct Alarm<F> {
        #[pin]
        sleep: F,
        until: Instant,
    }
}

impl<R: LockoutRef> Wait<R> {
    pub(super) const fn new(lockout: R) -> Self {
        Self { lockout: Some(lockout), priority: None, key: None, alarm: None }
    }

    /// Waits with this priority, whatever the scope's is. It decides who passes first in a
    /// [`FifoLockout`](super::FifoLockout), and whose task is woken first in a [`Lockout`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Goes to sleep until `until`, unless that has come; then answers the time it has become at least.
    fn sleep(self: Pin<&mut Self>, until: Instant, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = self.project();
        let (Some(lockout), mut alarm) = (this.lockout, this.alarm) else { return Poll::Pending };
        if alarm.as_ref().as_pin_ref().is_none_or(|alarm| alarm.until != until) {
            alarm.set(Some(Alarm { sleep: lockout.lockout().timer.sleep_until(until), until }));
        }
        match alarm.as_mut().as_pin_mut() {
            Some(set) => set.project().sleep.poll(cx).map(|()| {
                alarm.set(None);
                until
            }),
            None => Poll::Pending,
        }
    }
}

/// What asking the machine came to.
enum Asked {
    Passed,
    Full,
    Waiting(Option<Instant>),
}

impl<P: Platform, S: Storage, T: Timer, O: Order> Lockout<P, S, T, O> {
    /// Asks for a place in line, and for the way past.
    fn ask(
        &self,
        now: Instant,
        place: &mut Option<WaiterKey>,
        priority: Option<Priority>,
        waker: &Waker,
    ) -> Asked {
        match *place {
            Some(key) => self.ask_again(now, key, waker),
            None => self.ask_first(now, place, priority, waker),
        }
    }

    fn ask_first(
        &self,
        now: Instant,
        place: &mut Option<WaiterKey>,
        priority: Option<Priority>,
        waker: &Waker,
    ) -> Asked {
        let priority = priority.unwrap_or_else(P::ambient_priority);
        let waker = waker.clone();
        let mut wakes = self.wakes();
        let entered = self.transact(&mut wakes, |machine| {
            let entered = machine.enter(now, priority, waker);
            // Noted before anybody is woken: a wake may panic.
            if let Ok(Entry::Queued { key, .. }) = entered {
                *place = Some(key);
            }
            entered
        });
        match entered {
            Ok(Entry::Passed(_unused)) => Asked::Passed,
            Ok(Entry::Queued { alarm, .. }) => Asked::Waiting(alarm),
            Err(_unused) => Asked::Full,
        }
    }

    fn ask_again(&self, now: Instant, key: WaiterKey, waker: &Waker) -> Asked {
        loop {
            let mut wakes = self.wakes();
            match self.transact(&mut wakes, |machine| machine.poll(now, key, waker)) {
                Progress::Passed(_replaced) => return Asked::Passed,
                Progress::Waiting { alarm } => return Asked::Waiting(alarm),
                Progress::WakerDiffers => {}
            }
            wakes.deliver();
            let fresh = waker.clone();
            let mut wakes = self.wakes();
            if let Ok(registered) = self.transact(&mut wakes, |machine| machine.register(key, fresh)) {
                return Asked::Waiting(registered.alarm);
            }
        }
    }
}

impl<R: LockoutRef> Future for Wait<R> {
    type Output = Result<(), WaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut proven = Instant::EPOCH;
        let output = loop {
            let this = self.as_mut().project();
            let Some(lockout) = this.lockout.as_ref().map(LockoutRef::lockout) else { return Poll::Pending };
            if this.key.is_none() && lockout.word.is_open() {
                break Ok(());
            }
            // That a sleep is over proves that it has become so late, whatever the clock says by now: so nobody
            // polls in circles under a clock that goes back.
            let now = lockout.timer.now().max(proven);
            match lockout.ask(now, this.key, *this.priority, cx.waker()) {
                Asked::Passed => break Ok(()),
                Asked::Full => break Err(WaitError::Full),
                Asked::Waiting(Some(until)) if until != Instant::MAX => match self.as_mut().sleep(until, cx) {
                    Poll::Ready(until) => proven = until,
                    Poll::Pending => return Poll::Pending,
                },
                // Somebody else keeps time, or there is none to keep.
                Asked::Waiting(_) => {
                    self.project().alarm.set(None);
                    return Poll::Pending;
                }
            }
        };
        let mut this = self.project();
        *this.key = None;
        *this.lockout = None;
        this.alarm.set(None);
        Poll::Ready(output)
    }
}

impl<R: LockoutRef> fmt::Debug for Wait<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("waits", &self.key.is_some())
            .field("keeps_time", &self.alarm.is_some())
            .finish_non_exhaustive()
    }
}
