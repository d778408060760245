//! [`Batcher`]: requests that a task answers together.

use core::fmt;
use core::future::Future;
use core::ops::Deref;
use std::sync::Arc;

use tidegate_core::Heap;
use tidegate_core::batcher as core_batcher;
pub use tidegate_core::batcher::{CallError, Requests};
pub use tidegate_core::waterfall::{Config, InvalidConfig, Stats};
use tidegate_threads::batcher::{Crew, serve_requests};
use tokio::runtime::{Handle, TryCurrentError};

use crate::Tokio;

/// Requests without anybody yet who answers them, for a `static` and for loops that one writes oneself: see
/// [`tidegate_core::batcher::Batcher`].
pub type BareBatcher<I, O> = core_batcher::Batcher<I, O, Tokio, Heap, Heap>;

/// Requests of type `I` that a task answers together, each with an `O`: see [`tidegate_core::batcher`].
///
/// It has all methods of [`BareBatcher`], for both colours. When it is dropped it is closed, and what has been asked is
/// answered.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::batcher::{Batcher, Config};
///
/// let squares = Batcher::spawn(Config::new(100, Duration::from_millis(1))?, |numbers: Vec<u32>| async move {
///     numbers.into_iter().map(|n| n * n).collect::<Vec<_>>() // … one query for all …
/// })?;
/// let (two, three) = tokio::join!(squares.call(2), squares.call(3));
/// assert_eq!((two, three), (Ok(4), Ok(9)));
/// # Ok(())
/// # }
/// ```
pub struct Batcher<I, O> {
    core: Arc<BareBatcher<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// Starts tasks when they are needed, as many as there may be batches in flight, which answer requests by `callback`; it gives the answers
    /// in the order of the requests. If it panics, or gives fewer, the callers hear [`CallError::Dropped`].
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn spawn<Fut, A>(
        config: Config,
        callback: impl Fn(Vec<I>) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        Fut: Future<Output = A> + Send + 'static,
        A: IntoIterator<Item = O> + Send + 'static,
    {
        let runtime = Handle::try_current()?;
        let this = Self { core: Arc::new(BareBatcher::new(config)) };
        let crew = Arc::new(Crew::new(this.core.config().in_flight()));
        enlist(&runtime, crew, Arc::clone(&this.core), Arc::new(callback));
        Ok(this)
    }
}

/// Starts a task that answers requests, and starts others when they are needed.
fn enlist<I, O, F, Fut, A>(runtime: &Handle, crew: Arc<Crew>, core: Arc<BareBatcher<I, O>>, callback: Arc<F>)
where
    I: Send + 'static,
    O: Send + 'static,
    F: Fn(Vec<I>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
    A: IntoIterator<Item = O> + Send + 'static,
{
    let (next, members) = (runtime.clone(), Arc::clone(&crew));
    let (requests, answer) = (Arc::clone(&core), Arc::clone(&callback));
    let another = move || enlist(&next, Arc::clone(&members), Arc::clone(&requests), Arc::clone(&answer));
    runtime.spawn(serve_requests(core, callback, crew, another));
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
