//! [`Next`]: the future that waits for the next payload.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::{Expired, NextError, Progress, Registered, Scheduler, SchedulerRef};
use crate::Priority;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::{Clock, Instant, MaybeWall, Timer};
use crate::wait_queue::WaiterKey;

pin_project! {
    /// The future of [`Scheduler::next`]: resolves to a payload that is due.
    ///
    /// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line, and nothing else: a payload that comes out is the output of a poll, and
    /// stays with the scheduler until then.
    #[must_use = "futures do nothing unless polled"]
    pub struct Next<R: SchedulerRef<Timer: Timer>> {
        #[pin]
        consumer: Consumer<R>,
        is_over: bool,
    }
}

pin_project! {
    /// One who takes a payload, and may do so again.
    pub(super) struct Consumer<R: SchedulerRef<Timer: Timer>> {
        scheduler: R,
        // `None` for the priority of the scope.
        priority: Option<Priority>,
        // The place in line, if it has one.
        key: Option<WaiterKey>,
        #[pin]
        alarm: Option<Alarm<<R::Timer as Timer>::Sleep>>,
    }

    impl<R: SchedulerRef<Timer: Timer>> PinnedDrop for Consumer<R> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(key) = this.key.take() {
                this.scheduler.scheduler().leave(key);
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

impl<R: SchedulerRef<Timer: Timer>> Consumer<R> {
    pub(super) const fn new(scheduler: R) -> Self {
        Self { scheduler, priority: None, key: None, alarm: None }
    }

    /// Goes to sleep until `until`, unless that has come; then answers the time it has become at least.
    fn sleep(self: Pin<&mut Self>, until: Instant, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = self.project();
        let mut alarm = this.alarm;
        if alarm.as_ref().as_pin_ref().is_none_or(|alarm| alarm.until != until) {
            alarm.set(Some(Alarm { sleep: this.scheduler.scheduler().timer.sleep_until(until), until }));
        }
        match alarm.as_mut().as_pin_mut() {
            Some(set) => set.project().sleep.poll(cx).map(|()| {
                alarm.set(None);
                until
            }),
            None => Poll::Pending,
        }
    }

    /// Takes a payload; afterwards it is as new.
    pub(super) fn poll_take(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Expired<R::Item>, NextError>> {
        let mut proven = Instant::EPOCH;
        loop {
            let mut this = self.as_mut().project();
            match this.scheduler.scheduler().ask(this.key, *this.priority, proven, cx.waker()) {
                Asked::Taken(taken) => {
                    this.alarm.set(None);
                    return Poll::Ready(taken);
                }
                Asked::Waiting(Some(until)) => match self.as_mut().sleep(until, cx) {
                    // That a sleep is over proves that it has become so late, whatever the clock says by now: so
                    // nobody polls in circles under a clock that goes back.
                    Poll::Ready(until) => proven = until,
                    Poll::Pending => return Poll::Pending,
                },
                // Somebody else keeps time, or there is none to keep.
                Asked::Waiting(None) => {
                    this.alarm.set(None);
                    return Poll::Pending;
                }
            }
        }
    }
}

/// What asking the machine came to.
enum Asked<T> {
    Taken(Result<Expired<T>, NextError>),
    Waiting(Option<Instant>),
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Scheduler<T, P, S, C, W> {
    /// Asks for a payload, or for a place in line. It is at least `proven`.
    fn ask(
        &self,
        place: &mut Option<WaiterKey>,
        priority: Option<Priority>,
        proven: Instant,
        waker: &Waker,
    ) -> Asked<T> {
        loop {
            let mut now = self.now();
            now.instant = now.instant.max(proven);
            let mut wakes = self.wakes();
            // What is handed back is a waker, to be dropped outside of the lock.
            let (progress, _unused) = if let Some(key) = *place {
                self.transact(&mut wakes, |machine| match machine.poll(now, key, waker) {
                    Progress::Expired(expired) => (Progress::Expired(expired), machine.leave(key)),
                    progress => (progress, None),
                })
            } else {
                let priority = priority.unwrap_or_else(P::ambient_priority);
                let waker = waker.clone();
                self.transact(&mut wakes, |machine| match machine.enter(now, priority, waker) {
                    Ok(progress) => (progress, None),
                    Err((progress, waker)) => (progress, Some(waker)),
                })
            };
            match progress {
                Progress::Expired(expired) => {
                    // Noted before anybody is woken: a wake may panic.
                    *place = None;
                    return Asked::Taken(Ok(self.hold(expired, wakes)));
                }
                Progress::Waiting { key, alarm } => {
                    *place = Some(key);
                    return Asked::Waiting(alarm);
                }
                Progress::WakerDiffers => {
                    wakes.deliver();
                    // No comparison after this: a waker need not know that it is the same as its clone.
                    if let Ok(registered) = self.register(*place, waker.clone()) {
                        return Asked::Waiting(registered.alarm);
                    }
                }
                // Others may have the lock in between.
                Progress::Busy => {}
                Progress::Full => return Asked::Taken(Err(NextError::Full)),
                Progress::Closed => {
                    *place = None;
                    return Asked::Taken(Err(NextError::Closed));
                }
            }
        }
    }

    /// Gives the waker back if there is no place in line any more.
    fn register(&self, place: Option<WaiterKey>, waker: Waker) -> Result<Registered<Waker>, Waker> {
        let Some(key) = place else { return Err(waker) };
        let mut wakes = self.wakes();
        self.transact(&mut wakes, |machine| machine.register(key, waker))
    }

    #[cold]
    fn leave(&self, key: WaiterKey) {
        let mut wakes = self.wakes();
        let waker = self.transact(&mut wakes, |machine| machine.leave(key));
        wakes.deliver();
        drop(waker);
    }
}

impl<R: SchedulerRef<Timer: Timer>> Next<R> {
    pub(super) const fn new(scheduler: R) -> Self {
        Self { consumer: Consumer::new(scheduler), is_over: false }
    }

    /// Waits with this priority, whatever the scope's is: the most urgent consumer is woken first.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.consumer.priority = Some(priority);
        self
    }
}

impl<R: SchedulerRef<Timer: Timer>> Future for Next<R> {
    type Output = Result<Expired<R::Item>, NextError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if *this.is_over {
            return Poll::Pending;
        }
        let taken = this.consumer.poll_take(cx);
        *this.is_over = taken.is_ready();
        taken
    }
}

impl<R: SchedulerRef<Timer: Timer>> fmt::Debug for Next<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("waits", &self.consumer.key.is_some())
            .field("keeps_time", &self.consumer.alarm.is_some())
            .finish_non_exhaustive()
    }
}
