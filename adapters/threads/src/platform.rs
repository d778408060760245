//! [`Threads`]: the platform.

use core::future::Future;
use core::num::NonZero;
use core::ptr;
use std::thread;

use mutex::raw_impls::lock_api_0_4::LockApiRawMutex;
use spinning_top::RawSpinlock;
use tidegate_core::{Blocking, Clock, Instant, Platform, Priority, Spawn, Timed};

use crate::backoff;
use crate::seat::PATIENCE;
use crate::{ThreadsTimer, block_on, block_on_until, priority};

/// The platform of plain threads: a lock that spins briefly and then sleeps, a monotonic clock, blocking.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Platform for Threads {
    type RawMutex = LockApiRawMutex<RawSpinlock<backoff::Brief>>;
    type CrowdedMutex = LockApiRawMutex<RawSpinlock<backoff::Long>>;
    const FAST_PATH: bool = true;

    fn ambient_priority() -> Priority {
        priority::current()
    }

    #[inline]
    fn pause() {
        backoff::lost_race();
    }

    fn current_thread() -> Option<NonZero<usize>> {
        thread_local! {
            static HERE: u8 = const { 0 };
        }
        // No other thread that lives has anything at this address.
        HERE.try_with(|here| ptr::from_ref(here).addr()).ok().and_then(NonZero::new)
    }
}

impl Spawn for Threads {
    /// On a thread of its own. If none can be had, the future is dropped.
    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F) {
        // What comes of it, and whether it panics, is for the future itself to tell.
        drop(thread::Builder::new().name("tidegate-spawned".into()).spawn(|| block_on(future)));
    }
}

impl Timed for Threads {
    type Timer = ThreadsTimer;
    const TIMER: ThreadsTimer = ThreadsTimer;
}

impl Blocking for Threads {
    fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        for _ in 0..PATIENCE {
            if let Some(value) = attempt() {
                return Some(value);
            }
            thread::yield_now();
        }
        None
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }

    fn block_on_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
        block_on_until(deadline, future)
    }

    fn now() -> Instant {
        ThreadsTimer.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinning_gives_up_and_takes_what_comes() {
        let mut attempts = 0;
        assert_eq!(
            Threads::spin(|| {
                attempts += 1;
                None::<()>
            }),
            None
        );
        let all = attempts;
        assert!(all > 1);
        attempts = 0;
        let last = Threads::spin(|| {
            attempts += 1;
            (attempts == all).then_some(attempts)
        });
        assert_eq!(last, Some(all));
    }
}
