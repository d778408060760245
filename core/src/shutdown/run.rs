//! A run, phase by phase. Each phase is a type, so none can be had out of order.

use core::fmt;
use core::future::{Future, Pending};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use pin_project_lite::pin_project;

use super::machine::Progress;
use super::{Join, Machine, Reason, Report, Shutdown, ShutdownRef};
use crate::platform::Platform;
use crate::storage::{Buffer, Storage};
use crate::time::Timer;

/// A run in progress. Dropping it gives the run up.
pub(super) struct Run<R: ShutdownRef> {
    shutdown: R,
}

impl<R: ShutdownRef> Run<R> {
    pub(super) const fn new(shutdown: R) -> Self {
        Self { shutdown }
    }

    pub(super) fn shutdown(&self) -> &Shutdown<R::Platform, R::Storage, R::Timer> {
        self.shutdown.shutdown()
    }
}

impl<R: ShutdownRef> Drop for Run<R> {
    fn drop(&mut self) {
        let waker = self.shutdown().locked.with(Machine::end);
        drop(waker);
    }
}

macro_rules! debug {
    ($($name:ident)*) => {
        $(
            impl<R: ShutdownRef> fmt::Debug for $name<R> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}
debug!(StartUps Callbacks Joins Nested);

/// The first phase of a run: whatever its owner does until it awaits the trigger are the start-ups.
///
/// Dropping it gives the run up.
#[must_use = "dropping it gives the run up"]
pub struct StartUps<R: ShutdownRef> {
    run: Run<R>,
}

impl<R: ShutdownRef> StartUps<R> {
    pub(super) const fn new(run: Run<R>) -> Self {
        Self { run }
    }

    /// The start-ups are over: waits for the trigger, and for the end of all [nested](Shutdown::nest) scopes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the run up.
    pub fn triggered(self) -> Wait<R> {
        Wait { run: Some(self.run), other: None }
    }

    /// The same, and triggers it when `other` is ready: a pin that goes low, an interrupt's own signal.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the run up, and drops `other`.
    ///
    /// ```
    /// use tidegate_core::shutdown::{Reason, Shutdown};
    /// use tidegate_core::{Inline, Local, ManualClock};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    ///
    /// const BUTTON: Reason = Reason::Signal(13);
    ///
    /// let clock = ManualClock::<Local, Inline<4>>::new();
    /// let shutdown: Shutdown<Local, Inline<4>, _> = Shutdown::with_timer(&clock);
    /// let pressed = async { /* button.wait_for_low().await; */ BUTTON };
    /// let mut end = pin!(shutdown.begin()?.triggered_or(pressed));
    /// # let Poll::Ready(callbacks) = end.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
    /// // let callbacks = end.await;
    /// assert_eq!(callbacks.reason(), BUTTON);
    /// # Ok::<(), tidegate_core::shutdown::BeginError>(())
    /// ```
    pub fn triggered_or<F: Future<Output = Reason>>(self, other: F) -> Wait<R, F> {
        Wait { run: Some(self.run), other: Some(Other { future: other, follows: false }) }
    }

    /// The same, where `other` is the trigger of the scope around this one: never a second signal.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the run up, and drops `other`.
    pub fn triggered_within<F: Future<Output = Reason>>(self, other: F) -> Wait<R, F> {
        Wait { run: Some(self.run), other: Some(Other { future: other, follows: true }) }
    }
}

pin_project! {
    /// The future of [`StartUps::triggered`]. Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the run up.
    #[must_use = "dropping it gives the run up"]
    pub struct Wait<R: ShutdownRef, F = Pending<Reason>> {
        // `None` once the future has been ready.
        run: Option<Run<R>>,
        #[pin]
        other: Option<Other<F>>,
    }
}

pin_project! {
    struct Other<F> {
        #[pin]
        future: F,
        follows: bool,
    }
}

impl<P: Platform, S: Storage, T: Timer> Shutdown<P, S, T> {
    /// Asks the machine on behalf of the runner, and sees to it that the machine knows its waker.
    pub(super) fn ask_as_runner<U>(
        &self,
        waker: &Waker,
        mut ask: impl FnMut(&mut Machine<Waker, S>) -> Progress<U>,
    ) -> Progress<U> {
        let mut wakes = self.wakes();
        let asked = self.transact(&mut wakes, &mut ask);
        wakes.deliver();
        if !matches!(asked, Progress::WakerDiffers) {
            return asked;
        }
        let fresh = waker.clone();
        let mut wakes = self.wakes();
        let (replaced, asked) = self.transact(&mut wakes, |machine| {
            let replaced = machine.register_runner(fresh);
            match ask(machine) {
                // A waker may deny being woken by its own clone.
                Progress::WakerDiffers => (replaced, Progress::Waiting { alarm: machine.poll_timeout() }),
                asked => (replaced, asked),
            }
        });
        wakes.deliver();
        drop(replaced);
        asked
    }
}

impl<R: ShutdownRef, F: Future<Output = Reason>> Future for Wait<R, F> {
    type Output = Callbacks<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Callbacks<R>> {
        let mut this = self.project();
        let Some(run) = this.run.as_ref() else { return Poll::Pending };
        let shutdown = run.shutdown();
        if let Some(other) = this.other.as_mut().as_pin_mut() {
            let other = other.project();
            if let Poll::Ready(reason) = other.future.poll(cx) {
                if *other.follows {
                    shutdown.follow(reason);
                } else {
                    shutdown.trigger_by(reason);
                }
                this.other.set(None);
            }
        }
        let waited = shutdown.ask_as_runner(cx.waker(), |machine| {
            // The run is this one's, and in this phase: nobody else can have moved it on.
            machine.poll_wait(cx.waker()).unwrap_or(Progress::Ready(Reason::Requested))
        });
        let Progress::Ready(reason) = waited else { return Poll::Pending };
        this.other.set(None);
        match this.run.take() {
            Some(run) => Poll::Ready(Callbacks { run, reason }),
            None => Poll::Pending,
        }
    }
}

impl<R: ShutdownRef, F> fmt::Debug for Wait<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("waits", &self.run.is_some()).finish_non_exhaustive()
    }
}

/// The third phase of a run: everybody is told to stop, in the order in which its owner does so.
///
/// Dropping it gives the run up.
#[must_use = "dropping it gives the run up"]
pub struct Callbacks<R: ShutdownRef> {
    run: Run<R>,
    reason: Reason,
}

impl<R: ShutdownRef> Callbacks<R> {
    /// Why the end has begun.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Everybody has been told: now they are waited for.
    pub fn joins(self) -> Joins<R> {
        Joins { run: self.run, reason: self.reason }
    }
}

/// The last phase of a run: waits for everybody, one after the other.
///
/// Dropping it gives the run up; [`finish`](Self::finish) ends it.
#[must_use = "dropping it gives the run up"]
pub struct Joins<R: ShutdownRef> {
    run: Run<R>,
    reason: Reason,
}

impl<R: ShutdownRef> Joins<R> {
    /// Why the end has begun.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Waits until `future` is ready, for at most `within` from its first poll on. What has come by then is had,
    /// also within no time at all; without a span, or with one beyond the end of time, it waits for ever.
    ///
    /// # Errors
    ///
    /// [`Late`](super::Late) if it does not come in time, or if a second signal cuts it short. The future is
    /// dropped with the answer, and the report names the join.
    ///
    /// # Cancel safety
    ///
    /// Dropping the answer drops `future`; a join that had begun is reported as one that did not come.
    pub fn join<F: Future>(
        &mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        future: F,
    ) -> Join<'_, R, F> {
        Join::new(&mut self.run, name, within.into(), future)
    }

    /// Ends the run, and says how it went.
    #[must_use]
    pub fn finish(self) -> Report<R::Storage> {
        let shutdown = self.run.shutdown();
        shutdown.locked.with(|machine| {
            let mut late = <<R::Storage as Storage>::Buffer<&'static str> as Buffer<&'static str>>::EMPTY;
            for name in machine.late() {
                // As large as the one that it is copied from.
                let _ = late.push(*name);
            }
            Report { reason: self.reason, forced: machine.is_forced(), late, missing: machine.missing() }
        })
    }
}

/// A scope within another: see [`Shutdown::nest`]. Dropping it says that the scope has ended.
#[must_use = "dropping it says that the nested scope has ended"]
pub struct Nested<R: ShutdownRef> {
    outer: R,
}

impl<R: ShutdownRef> Nested<R> {
    pub(super) const fn new(outer: R) -> Self {
        Self { outer }
    }
}

impl<R: ShutdownRef> Drop for Nested<R> {
    fn drop(&mut self) {
        let outer = self.outer.shutdown();
        outer.transact(&mut outer.wakes(), Machine::unnest);
    }
}
