//! [`Batcher`]: requests that a thread answers together.

use core::fmt;
use core::ops::Deref;
use core::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::{io, panic};

use tidegate_core::Heap;
use tidegate_core::batcher as core_batcher;
pub use tidegate_core::batcher::{CallError, Requests};
pub use tidegate_core::waterfall::{Config, InvalidConfig, Stats};

use crate::Threads;
pub use crate::crew::Crew;
pub use crate::serve::serve_requests;

/// Requests without anybody yet who answers them, for a `static` and for loops that one writes oneself: see
/// [`tidegate_core::batcher::Batcher`].
pub type BareBatcher<I, O> = core_batcher::Batcher<I, O, Threads, Heap, Heap>;

/// Requests of type `I` that a thread answers together, each with an `O`: see [`tidegate_core::batcher`].
///
/// It has all methods of [`BareBatcher`], for both colours. When it is dropped it is closed, and what has been asked is
/// answered.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::batcher::{Batcher, Config};
///
/// let squares = Batcher::spawn(Config::new(100, Duration::from_millis(1))?, |numbers: Vec<u32>| {
///     numbers.into_iter().map(|n| n * n).collect::<Vec<_>>() // … one query for all …
/// })?;
/// assert_eq!(squares.call_blocking(7), Ok(49));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Batcher<I, O> {
    core: Arc<BareBatcher<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// Starts a thread that answers requests by `callback`, which gives the answers in the order of the requests. If it
    /// panics, or gives fewer, the callers hear [`CallError::Dropped`].
    ///
    /// # Errors
    ///
    /// That of the operating system, if there is no thread to be had.
    pub fn spawn<A: IntoIterator<Item = O>>(
        config: Config,
        mut callback: impl FnMut(Vec<I>) -> A + Send + 'static,
    ) -> io::Result<Self> {
        let this = Self { core: Arc::new(BareBatcher::new(config)) };
        let core = Arc::clone(&this.core);
        let run = move || {
            while let Some(mut requests) = core.next_blocking() {
                let inputs = requests.take_inputs().collect();
                let answer = AssertUnwindSafe(|| requests.answer(callback(inputs)));
                let _ = panic::catch_unwind(answer);
            }
        };
        thread::Builder::new().name("tidegate-batcher".into()).spawn(run)?;
        Ok(this)
    }
}

impl<I, O> Deref for Batcher<I, O> {
    type Target = BareBatcher<I, O>;

    fn deref(&self) -> &BareBatcher<I, O> {
        &self.core
    }
}

impl<I, O> Drop for Batcher<I, O> {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl<I, O> fmt::Debug for Batcher<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
