//! [`NextBatch`]: the future that waits for a batch.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use pin_project_lite::pin_project;

use super::answers::{Entered, Idle, Taking};
use super::batch::{Batch, Flight};
use super::gather::Lot;
use super::{Gather, Wakes, Waterfall, WaterfallRef};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Elapsed, Instant, Timer, timeout_at};
use crate::wait_queue::WaiterKey;

pin_project! {
    /// The future of [`Waterfall::next_batch`]: resolves to a batch that is to leave, or to `None` once there will
    /// never be one again.
    ///
    /// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line; no batch is lost, and another who waits for one is told.
    #[must_use = "futures do nothing unless polled"]
    pub struct NextBatch<R: WaterfallRef> {
        // `None` once the future has been ready.
        waterfall: Option<R>,
        // The place in line, if it has one.
        key: Option<WaiterKey>,
        #[pin]
        alarm: Option<Alarm<<R::Timer as Timer>::Sleep>>,
    }

    impl<R: WaterfallRef> PinnedDrop for NextBatch<R> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let (Some(waterfall), Some(key)) = (this.waterfall, this.key.take()) {
                waterfall.waterfall().cancel_take(key);
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

impl<R: WaterfallRef> NextBatch<R> {
    const fn new(waterfall: R) -> Self {
        Self { waterfall: Some(waterfall), key: None, alarm: None }
    }

    /// Goes to sleep until `until`, unless that has come; then answers the time it has become at least.
    fn sleep(self: Pin<&mut Self>, until: Instant, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = self.project();
        let (Some(waterfall), mut alarm) = (this.waterfall, this.alarm) else { return Poll::Pending };
        if alarm.as_ref().as_pin_ref().is_none_or(|alarm| alarm.until != until) {
            alarm.set(Some(Alarm { sleep: waterfall.waterfall().timer.sleep_until(until), until }));
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
enum Asked<G: Gather> {
    Taken(Lot<G::Buffer>),
    Ended,
    Waiting(Option<Instant>),
    /// There is no room to wait, so it is to ask again at once.
    NoRoom,
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    fn ask(&self, now: Instant, place: &mut Option<WaiterKey>, waker: &Waker) -> Asked<G> {
        match *place {
            Some(key) => self.ask_again(now, key, place, waker),
            None => self.ask_first(now, place, waker),
        }
    }

    /// Takes a batch, or a place in line.
    fn ask_first(&self, now: Instant, place: &mut Option<WaiterKey>, waker: &Waker) -> Asked<G> {
        match self.take(now) {
            Ok(lot) => return Asked::Taken(lot),
            Err(Idle::Ended) => return Asked::Ended,
            Err(Idle::NotYet) => {}
        }
        let waker = waker.clone();
        let mut wakes = self.wakes();
        let entered = self.transact(now, &mut wakes, |machine| {
            let entered = machine.wait_to_take(now, waker);
            // Noted before anybody is woken: a wake may panic.
            if let Ok(Entered::Queued { key, .. }) = entered {
                *place = Some(key);
            }
            entered
        });
        match entered {
            Ok(Entered::Queued { alarm, .. }) => Asked::Waiting(alarm),
            Ok(Entered::Taken(lot, _unused)) => Asked::Taken(self.keep(lot, wakes)),
            Ok(Entered::Ended(_unused)) => Asked::Ended,
            Err(_unused) => Asked::NoRoom,
        }
    }

    fn ask_again(&self, now: Instant, key: WaiterKey, place: &mut Option<WaiterKey>, waker: &Waker) -> Asked<G> {
        loop {
            let mut wakes = self.wakes();
            let (taking, _unneeded) = self.transact(now, &mut wakes, |machine| machine.poll_take(now, key, waker));
            match taking {
                Taking::Taken(lot) => {
                    *place = None;
                    return Asked::Taken(self.keep(lot, wakes));
                }
                Taking::Ended => {
                    *place = None;
                    return Asked::Ended;
                }
                Taking::Waiting { alarm } => return Asked::Waiting(alarm),
                Taking::WakerDiffers => {}
            }
            wakes.deliver();
            let fresh = waker.clone();
            let mut wakes = self.wakes();
            let registered = self.transact(now, &mut wakes, |machine| machine.register_take(key, fresh));
            if let Ok((_replaced, alarm)) = registered {
                return Asked::Waiting(alarm);
            }
        }
    }

    fn take(&self, now: Instant) -> Result<Lot<G::Buffer>, Idle> {
        let mut wakes = self.wakes();
        let lot = self.transact(now, &mut wakes, |machine| machine.take(now))?;
        Ok(self.keep(lot, wakes))
    }

    /// Wakes who is to be woken. Should that panic, the batch goes down with the caller, and comes to an end.
    fn keep(&self, lot: Lot<G::Buffer>, mut wakes: Wakes<'_, Self>) -> Lot<G::Buffer> {
        let flight = Flight::new(self, &lot);
        wakes.deliver();
        flight.disarm();
        lot
    }

    fn cancel_take(&self, key: WaiterKey) {
        let mut wakes = self.wakes();
        let waker = self.transact(self.now(), &mut wakes, |machine| machine.cancel_take(key));
        wakes.deliver();
        drop(waker);
    }

    /// Takes a batch that is to leave, here and now; `None` if there is none, or if as many as may be are in flight.
    pub fn try_next_batch(&self) -> Option<Batch<&Self>> {
        Self::try_next_batch_owned(self)
    }

    /// The same by way of any pointer to the waterfall, which the batch keeps.
    pub fn try_next_batch_owned<R>(this: R) -> Option<Batch<R>>
    where
        R: WaterfallRef<Gather = G, Platform = P, Room = Q, Timer = T>,
    {
        let lot = this.waterfall().take(this.waterfall().now()).ok()?;
        Some(Batch::new(this, lot))
    }

    /// Waits for a batch that is to leave; `None` once the waterfall is closed and the last batch has been taken.
    ///
    /// Several tasks may wait; each batch goes to one of them. Where there is no room for another one to wait, in
    /// inline storage, this one asks again and again, which is correct and costly.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no batch.
    pub const fn next_batch(&self) -> NextBatch<&Self> {
        NextBatch::new(self)
    }

    /// Waits for a batch for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`next_batch_blocking_timeout`](Self::next_batch_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`Elapsed`]: no batch was to leave in time, and the waterfall did not end. A batch that is there is never refused
    /// for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no batch, and neither does the time that is up.
    pub fn next_batch_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Option<Batch<&Self>>, Elapsed>> + use<'_, G, P, Q, T> {
        let deadline = self.timer.now() + timeout;
        async move { timeout_at(&self.timer, deadline, self.next_batch()).await }
    }

    /// Waits by way of any pointer to the waterfall, which the future and the batch keep. Otherwise as
    /// [`next_batch`](Self::next_batch).
    ///
    /// # Cancel safety
    ///
    /// As [`next_batch`](Self::next_batch).
    pub const fn next_batch_owned<R>(this: R) -> NextBatch<R>
    where
        R: WaterfallRef<Gather = G, Platform = P, Room = Q, Timer = T>,
    {
        NextBatch::new(this)
    }
}

impl<G: Gather, P: Blocking, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Blocks this thread until there is a batch: for threads, never for async tasks. Otherwise as
    /// [`next_batch`](Self::next_batch).
    pub fn next_batch_blocking(&self) -> Option<Batch<&Self>> {
        P::block_on(self.next_batch())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// Those of [`next_batch_timeout`](Self::next_batch_timeout).
    pub fn next_batch_blocking_timeout(&self, timeout: Duration) -> Result<Option<Batch<&Self>>, Elapsed> {
        P::block_on_until(P::now() + timeout, self.next_batch()).ok_or(Elapsed)
    }
}

impl<R: WaterfallRef> Future for NextBatch<R> {
    type Output = Option<Batch<R>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut proven = Instant::EPOCH;
        let lot = loop {
            let this = self.as_mut().project();
            let Some(waterfall) = this.waterfall.as_ref().map(WaterfallRef::waterfall) else {
                return Poll::Pending;
            };
            // That a sleep is over proves that it has become so late, whatever the clock says by now: so nobody
            // polls in circles under a clock that goes back.
            let now = waterfall.now().max(proven);
            match waterfall.ask(now, this.key, cx.waker()) {
                Asked::Taken(lot) => break Some(lot),
                Asked::Ended => break None,
                Asked::Waiting(Some(until)) => match self.as_mut().sleep(until, cx) {
                    Poll::Ready(until) => proven = until,
                    Poll::Pending => return Poll::Pending,
                },
                // Somebody else keeps time, or there is none to keep.
                Asked::Waiting(None) => {
                    self.project().alarm.set(None);
                    return Poll::Pending;
                }
                Asked::NoRoom => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        };
        let mut this = self.project();
        this.alarm.set(None);
        Poll::Ready(match (this.waterfall.take(), lot) {
            (Some(waterfall), Some(lot)) => Some(Batch::new(waterfall, lot)),
            _ => None,
        })
    }
}

impl<R: WaterfallRef> fmt::Debug for NextBatch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextBatch")
            .field("waits", &self.key.is_some())
            .field("keeps_time", &self.alarm.is_some())
            .finish_non_exhaustive()
    }
}
