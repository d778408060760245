//! [`Step`]: a clock that moves once.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use loom::sync::{Arc, Mutex};
use tidegate_core::{Clock, Instant, Timer};

/// A clock with one step, from 0 to [`END`](Self::END), and room for sleepers.
#[derive(Clone)]
pub struct Step(Arc<Mutex<(u64, Vec<Waker>)>>);

impl Step {
    /// Where the step leads.
    pub const END: Instant = Instant::from_nanos(10);

    /// A clock at 0.
    #[allow(clippy::new_without_default, reason = "only within a model")]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new((0, Vec::new()))))
    }

    /// Takes the step, and wakes whoever sleeps.
    pub fn advance(&self) {
        let woken = {
            let mut state = self.0.lock().unwrap();
            state.0 = Self::END.as_nanos();
            mem::take(&mut state.1)
        };
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Clock for Step {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.lock().unwrap().0)
    }
}

impl Timer for Step {
    type Sleep = Sleep;

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep(self.clone(), deadline)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}

/// A sleep of [`Step`].
#[derive(Debug)]
pub struct Sleep(Step, Instant);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.0.lock().unwrap();
        if state.0 >= self.1.as_nanos() {
            return Poll::Ready(());
        }
        state.1.push(cx.waker().clone());
        Poll::Pending
    }
}
