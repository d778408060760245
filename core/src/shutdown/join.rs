//! [`Join`]: the future that waits for one who is to stop.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use pin_project_lite::pin_project;

use super::ShutdownRef;
use super::error::Late;
use super::machine::{Machine, Progress};
use super::run::Run;
use crate::time::{Clock, Instant, Timer};

pin_project! {
    /// The future of [`Joins::join`](super::Joins::join). Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops what it waits for; a join that had begun is reported as one that did not come.
    #[must_use = "futures do nothing unless polled"]
    pub struct Join<'a, R: ShutdownRef, F> {
        run: &'a mut Run<R>,
        name: &'static str,
        within: Option<Duration>,
        state: State,
        // `None` once the future has been ready.
        #[pin]
        future: Option<F>,
        #[pin]
        alarm: Option<Alarm<<R::Timer as Timer>::Sleep>>,
    }

    impl<R: ShutdownRef, F> PinnedDrop for Join<'_, R, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.state == State::Begun {
                this.run.shutdown().locked.with(Machine::miss);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Begun,
    Over,
}

pin_project! {
    struct Alarm<F> {
        #[pin]
        sleep: F,
        until: Instant,
    }
}

impl<'a, R: ShutdownRef, F> Join<'a, R, F> {
    pub(super) const fn new(run: &'a mut Run<R>, name: &'static str, within: Option<Duration>, future: F) -> Self {
        Self { run, name, within, state: State::New, future: Some(future), alarm: None }
    }
}

impl<R: ShutdownRef, F: Future> Future for Join<'_, R, F> {
    type Output = Result<F::Output, Late>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shutdown = this.run.shutdown();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        if *this.state == State::New {
            let now = shutdown.timer.now();
            // The types keep the order, and `run` is borrowed: a join that is under way was leaked, and does not come.
            let started = shutdown.locked.with(|machine| {
                machine.miss();
                machine.start_join(now, this.name, *this.within)
            });
            debug_assert!(started.is_ok(), "the joins of this run have begun");
            *this.state = State::Begun;
        }
        if let Poll::Ready(output) = future.poll(cx) {
            shutdown.locked.with(Machine::end_join);
            *this.state = State::Over;
            this.alarm.set(None);
            this.future.set(None);
            return Poll::Ready(Ok(output));
        }
        let mut proven = Instant::EPOCH;
        loop {
            // That a sleep is over proves that it has become so late, whatever the clock says by now.
            let now = shutdown.timer.now().max(proven);
            let late = Late { name: this.name, forced: false };
            let asked = shutdown.ask_as_runner(cx.waker(), |machine| {
                machine.poll_join(now, cx.waker()).unwrap_or(Progress::Ready(late))
            });
            let until = match asked {
                Progress::Ready(late) => {
                    *this.state = State::Over;
                    this.alarm.set(None);
                    this.future.set(None);
                    return Poll::Ready(Err(late));
                }
                Progress::Waiting { alarm: Some(until) } => until,
                Progress::Waiting { alarm: None } | Progress::WakerDiffers => return Poll::Pending,
            };
            if this.alarm.as_ref().as_pin_ref().is_none_or(|alarm| alarm.until != until) {
                this.alarm.set(Some(Alarm { sleep: shutdown.timer.sleep_until(until), until }));
            }
            match this.alarm.as_mut().as_pin_mut().map(|alarm| alarm.project().sleep.poll(cx)) {
                Some(Poll::Ready(())) => {
                    proven = until;
                    this.alarm.set(None);
                }
                _ => return Poll::Pending,
            }
        }
    }
}

impl<R: ShutdownRef, F> fmt::Debug for Join<'_, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("name", &self.name).field("within", &self.within).finish_non_exhaustive()
    }
}
