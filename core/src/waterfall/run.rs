//! Running a callback over all batches, in the task that awaits it.

use core::time::Duration;

use super::batch::Batch;
use super::{Gather, Waterfall};
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::Timer;

/// A callback has failed on a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed<'a, B, E> {
    /// The batch, with what the callback has left in it.
    pub batch: &'a mut B,
    /// What the callback says.
    pub error: E,
    /// How many times it has been tried: 1 after the first.
    pub attempts: u32,
}

impl<'a, B, E> Failed<'a, B, E> {
    /// For whoever runs callbacks.
    pub const fn new(batch: &'a mut B, error: E, attempts: u32) -> Self {
        Self { batch, error, attempts }
    }
}

/// What is to be done about a batch that has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it counts as failed, and what is left in it is dropped.
    #[default]
    GiveUp,
    /// The callback is called once more, with what is left in it. If nothing is left, it counts as failed.
    Retry,
    /// The same after a pause, during which the batch stays in flight.
    RetryAfter(Duration),
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Runs `callback` over every batch, until the waterfall is closed and the last one has come to an end. A batch
    /// on which it fails counts as failed; [`run_with`](Self::run_with) asks what to do about it.
    ///
    /// This is for executors that spawn nothing: await it in a task of its own, or in several, if several batches may
    /// be in flight.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the batch that the callback has, which counts as failed; no other is lost, and
    /// whoever runs next goes on with them.
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_core::waterfall::{Config, Single, Waterfall};
    /// use tidegate_core::{Inline, Instant, Local, ManualClock};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    ///
    /// let clock = ManualClock::<Local, Inline<1>>::new();
    /// let config = Config::new(2, Duration::from_secs(1))?;
    /// let frames: Waterfall<Single<u8, Inline<4>>, Local, Inline<1>, _> = Waterfall::with_timer(config, &clock);
    /// for frame in [1, 2, 3] {
    ///     frames.try_put(frame).expect("there is room");
    /// }
    /// frames.close();
    ///
    /// let mut sent = Vec::new();
    /// let run = frames.run(async |batch| {
    ///     sent.push(batch.to_vec()); // … await the radio …
    ///     Ok::<(), ()>(())
    /// });
    /// # assert!(pin!(run).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// assert_eq!(sent, [vec![1, 2], vec![3]]);
    /// # Ok::<(), tidegate_core::waterfall::InvalidConfig>(())
    /// ```
    pub async fn run<'a, E>(&'a self, callback: impl AsyncFnMut(&mut Batch<&'a Self>) -> Result<(), E>) {
        self.run_with(callback, |_| Verdict::GiveUp).await;
    }

    /// The same, and asks `on_failure` what to do about a batch that has failed.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn run_with<'a, E>(
        &'a self,
        mut callback: impl AsyncFnMut(&mut Batch<&'a Self>) -> Result<(), E>,
        mut on_failure: impl FnMut(Failed<'_, Batch<&'a Self>, E>) -> Verdict,
    ) {
        while let Some(mut batch) = self.next_batch().await {
            let mut attempts = 0_u32;
            let well = loop {
                let Err(error) = callback(&mut batch).await else { break true };
                attempts = attempts.saturating_add(1);
                match on_failure(Failed::new(&mut batch, error, attempts)) {
                    Verdict::Retry if !batch.is_empty() => {}
                    Verdict::RetryAfter(pause) if !batch.is_empty() => {
                        self.timer.sleep_until(self.timer.now() + pause).await;
                    }
                    _ => break false,
                }
            };
            if well {
                batch.done();
            } else {
                batch.failed();
            }
        }
    }
}
