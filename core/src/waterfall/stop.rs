//! Stopping, and [`Unfinished`]: what did not get done in time.

use core::error::Error;
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use super::batch::{Batch, Flight};
use super::machine::Machine;
use super::{FlushError, Gather, Waterfall, WaterfallRef};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Instant, Timer, timeout_at};

/// What had not come to an end when the time was up: an iterator over the batches that nobody has taken.
///
/// Batches that were in flight go on; they are not cancelled, and not here. What is not taken from here stays in the
/// waterfall, and is dropped with it.
#[must_use = "it holds items that were accepted"]
pub struct Unfinished<R: WaterfallRef> {
    waterfall: R,
    waiting: usize,
    in_flight: usize,
}

impl<R: WaterfallRef> Unfinished<R> {
    /// How many items were in batches that nobody had taken.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many batches were in flight.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }
}

impl<R: WaterfallRef + Clone> Iterator for Unfinished<R> {
    type Item = Batch<R>;

    fn next(&mut self) -> Option<Batch<R>> {
        let waterfall = self.waterfall.waterfall();
        let mut wakes = waterfall.wakes();
        let lot = waterfall.transact(waterfall.now(), &mut wakes, Machine::take_rest)?;
        let flight = Flight::new(waterfall, &lot);
        wakes.deliver();
        flight.disarm();
        Some(Batch::new(self.waterfall.clone(), lot))
    }
}

impl<R: WaterfallRef> fmt::Debug for Unfinished<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished")
            .field("waiting", &self.waiting)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

impl<R: WaterfallRef> fmt::Display for Unfinished<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items had not left, and {} batches had not come to an end", self.waiting, self.in_flight)
    }
}

impl<R: WaterfallRef> Error for Unfinished<R> {}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// [Closes](Self::close) it, and waits until all has come to an end, for at most `max_wait_finalize` from the first
    /// poll on. With [`Duration::MAX`] it waits for as long as it takes.
    ///
    /// What has been accepted leaves at once, in batches of at most the usual quantity, to whoever takes them.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when the time is up: with all that nobody has taken, and nobody will. Batches in flight are not
    /// cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the waterfall closed, and what is in it leaves.
    pub async fn stop(&self, max_wait_finalize: Duration) -> Result<(), Unfinished<&Self>> {
        self.close();
        let deadline = self.timer.now() + max_wait_finalize;
        let _ = timeout_at(&self.timer, deadline, self.finished()).await;
        self.stop_now()
    }

    /// Waits until all has come to an end, also where there is no room to wait.
    async fn finished(&self) {
        if self.flush().await == Err(FlushError::Full) {
            poll_fn(|cx| {
                if self.stats().unfinished == 0 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    /// Closes it, and lets nothing more leave. Otherwise as [`stop`](Self::stop) without any time.
    ///
    /// # Errors
    ///
    /// [`Unfinished`], if anything had not come to an end.
    pub fn stop_now(&self) -> Result<(), Unfinished<&Self>> {
        let (waiting, in_flight) = self.transact(self.now(), &mut self.wakes(), |machine| {
            machine.abandon();
            (machine.len(), machine.stats().in_flight)
        });
        if waiting == 0 && in_flight == 0 {
            return Ok(());
        }
        Err(Unfinished { waterfall: self, waiting, in_flight })
    }
}

impl<G: Gather, P: Blocking, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Blocks this thread meanwhile, for at most `max_wait_finalize` by the platform's own clock: for threads, never for
    /// async tasks. Otherwise as [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// [`Unfinished`].
    pub fn stop_blocking(&self, max_wait_finalize: Duration) -> Result<(), Unfinished<&Self>> {
        self.close();
        let deadline: Instant = P::now() + max_wait_finalize;
        let _ = P::block_on_until(deadline, self.finished());
        self.stop_now()
    }
}
