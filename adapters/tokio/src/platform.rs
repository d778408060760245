//! [`Tokio`]: the platform.

use core::future::Future;
use core::num::NonZero;

use tidegate_core::{Blocking, Instant, Platform, Priority, Spawn, Timed};
use tidegate_threads::{Threads, priority};
use tokio::runtime::Handle;

use crate::TokioTimer;

/// The platform of a tokio server: a lock that spins briefly and then sleeps, tokio's time, and the blocking side
/// of [`Threads`] for threads outside of the runtime and for `spawn_blocking`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Platform for Tokio {
    type RawMutex = <Threads as Platform>::RawMutex;
    type CrowdedMutex = <Threads as Platform>::CrowdedMutex;
    const FAST_PATH: bool = true;

    fn ambient_priority() -> Priority {
        priority::current()
    }

    #[inline]
    fn pause() {
        Threads::pause();
    }

    fn current_thread() -> Option<NonZero<usize>> {
        Threads::current_thread()
    }
}

impl Spawn for Tokio {
    /// In a task of the runtime that the caller is in. Outside of one there is nobody to run it, and the future is
    /// dropped.
    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F) {
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(future));
        }
    }
}

impl Timed for Tokio {
    type Timer = TokioTimer;
    const TIMER: TokioTimer = TokioTimer;
}

impl Blocking for Tokio {
    fn spin<T>(attempt: impl FnMut() -> Option<T>) -> Option<T> {
        Threads::spin(attempt)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        Threads::block_on(future)
    }

    fn block_on_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
        Threads::block_on_until(deadline, future)
    }

    /// The operating system's clock: a thread that blocks is not on tokio's, which a test may have paused.
    fn now() -> Instant {
        Threads::now()
    }
}
