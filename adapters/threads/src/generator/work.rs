//! [`Work`]: a producer that uses a thread of a pool while something is demanded of it, and none otherwise.
//!
//! ```text
//!            wake: submit             a thread comes to it
//!   RESTING ──────────────► SUBMITTED ─────────────────────► RUNNING ─────► OVER
//!      ▲                        ▲                             │    │
//!      │                        │ its time is up              │    │ wake
//!      │                        ├─────────────────────────────┤    ▼
//!      └─── nothing demanded ───┼─────────────────────────────┘  WOKEN: looks again
//!                               └───────────────────────────────────┘
//! ```

use core::mem;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Poll, Waker};
use std::panic;
use std::sync::Arc;
use std::task::Wake;

use parking_lot::Mutex;

use crate::Panic;
use crate::pool::{Job, Spawn};

const RESTING: u8 = 0;
const SUBMITTED: u8 = 1;
const RUNNING: u8 = 2;
const WOKEN: u8 = 3;
const OVER: u8 = 4;

/// What is to be done.
pub(super) trait Body: Send {
    /// Does what is demanded. Pending means that nothing is; `waker` will be woken.
    fn run(&mut self, waker: &Waker) -> Poll<Turn>;

    /// It will never be run again: no thread can be had, or it has unwound with this.
    fn lose(&mut self, panicked: Option<Panic>);
}

/// Why a body gives its thread back, though it is not waiting for anything.
pub(super) enum Turn {
    /// There is nothing left to do.
    Over,
    /// Others are to have the thread for a while.
    Again,
}

/// A body, and the thread that it is to have.
pub(super) struct Work {
    state: AtomicU8,
    /// `None` while it runs, and when it is over.
    body: Mutex<Option<Box<dyn Body>>>,
    pool: Arc<dyn Spawn>,
}

impl Work {
    /// Work that rests until its waker is woken, which `prepare` is told.
    pub(super) fn new<B: Body + 'static>(
        pool: Arc<dyn Spawn>,
        mut body: B,
        prepare: impl FnOnce(&mut B, &Waker),
    ) -> Arc<Self> {
        let work = Arc::new(Self { state: AtomicU8::new(RESTING), body: Mutex::new(None), pool });
        prepare(&mut body, &Waker::from(Arc::clone(&work)));
        *work.body.lock() = Some(Box::new(body));
        work
    }

    /// Drops a body that has never run, here and now.
    pub(super) fn discard(&self) {
        let rests = self.state.compare_exchange(RESTING, OVER, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if rests {
            let body = self.body.lock().take();
            drop(body);
        }
    }

    fn submit(self: Arc<Self>) {
        let pool = Arc::clone(&self.pool);
        let ticket = Ticket(Some(self));
        let job: Job = Box::new(move || ticket.run());
        // A job that is refused is dropped like one that is forgotten later.
        drop(pool.spawn(job));
    }

    fn run(self: Arc<Self>) {
        self.state.store(RUNNING, Ordering::Relaxed);
        let Some(mut body) = self.body.lock().take() else { return };
        let waker = Waker::from(Arc::clone(&self));
        loop {
            // Its own panics it reports itself; this one comes from whom it woke.
            let turn = match panic::catch_unwind(AssertUnwindSafe(|| body.run(&waker))) {
                Ok(turn) => turn,
                Err(payload) => {
                    body.lose(Some(Panic::new(payload)));
                    Poll::Ready(Turn::Over)
                }
            };
            match turn {
                Poll::Ready(Turn::Over) => {
                    self.state.store(OVER, Ordering::Release);
                    return;
                }
                Poll::Ready(Turn::Again) => {
                    *self.body.lock() = Some(body);
                    self.state.store(SUBMITTED, Ordering::Release);
                    return self.submit();
                }
                Poll::Pending => {
                    // Put back first: whoever finds it resting may have it run elsewhere at once.
                    *self.body.lock() = Some(body);
                    let rest = self.state.compare_exchange(RUNNING, RESTING, Ordering::AcqRel, Ordering::Acquire);
                    if rest.is_ok() {
                        return;
                    }
                    self.state.store(RUNNING, Ordering::Relaxed);
                    let Some(again) = self.body.lock().take() else { return };
                    body = again;
                }
            }
        }
    }
}

impl Wake for Work {
    fn wake(self: Arc<Self>) {
        let next = |state| match state {
            RESTING => Some(SUBMITTED),
            RUNNING => Some(WOKEN),
            _ => None,
        };
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(RESTING) {
            self.submit();
        }
    }
}

/// The promise to run some work: whoever drops it instead has lost it.
struct Ticket(Option<Arc<Work>>);

impl Ticket {
    fn run(mut self) {
        if let Some(work) = mem::take(&mut self.0) {
            work.run();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work.state.store(OVER, Ordering::Release);
            let body = work.body.lock().take();
            if let Some(mut body) = body {
                body.lose(None);
            }
        }
    }
}
