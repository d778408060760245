//! [`Batcher`]: requests that a simulated task answers together.

use core::fmt;
use core::future::Future;
use core::ops::Deref;
use std::sync::Arc;

use tidegate_core::Heap;
use tidegate_core::batcher as core_batcher;
pub use tidegate_core::batcher::{CallError, Requests};
pub use tidegate_core::waterfall::{Config, InvalidConfig, Stats};
use tidegate_threads::batcher::{Crew, serve_requests};

use crate::{Sim, spawn_named};

/// Requests without anybody yet who answers them, for loops that one writes oneself: see
/// [`tidegate_core::batcher::Batcher`].
pub type BareBatcher<I, O> = core_batcher::Batcher<I, O, Sim, Heap, Heap>;

/// Requests of type `I` that a task answers together, each with an `O`: see [`tidegate_core::batcher`].
///
/// It has all methods of [`BareBatcher`]. When it is dropped it is closed, and what has been asked is
/// answered.
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::batcher::{Batcher, Config};
/// use tidegate_sim::{Sim, SimError};
///
/// let config = Config::new(100, Duration::from_millis(1)).expect("it makes sense");
/// let answer = Sim::new(1).run(async {
///     let squares = Batcher::spawn(config, |numbers: Vec<u32>| async move {
///         numbers.into_iter().map(|n| n * n).collect::<Vec<_>>()
///     });
///     squares.call(7).await
/// })?;
/// assert_eq!(answer, Ok(49));
/// # Ok::<(), SimError>(())
/// ```
pub struct Batcher<I, O> {
    core: Arc<BareBatcher<I, O>>,
}

impl<I: 'static, O: 'static> Batcher<I, O> {
    /// Starts tasks when they are needed, as many as there may be batches in flight, which answer requests by `callback`; it gives the answers
    /// in the order of the requests. If it panics, or gives fewer, the callers hear [`CallError::Dropped`].
    pub fn spawn<Fut, A>(config: Config, callback: impl Fn(Vec<I>) -> Fut + 'static) -> Self
    where
        Fut: Future<Output = A> + 'static,
        A: IntoIterator<Item = O> + 'static,
    {
        let this = Self { core: Arc::new(BareBatcher::new(config)) };
        let crew = Arc::new(Crew::new(this.core.config().in_flight()));
        enlist(crew, Arc::clone(&this.core), Arc::new(callback));
        this
    }
}

/// Starts a task that answers requests, and starts others when they are needed.
fn enlist<I, O, F, Fut, A>(crew: Arc<Crew>, core: Arc<BareBatcher<I, O>>, callback: Arc<F>)
where
    I: 'static,
    O: 'static,
    F: Fn(Vec<I>) -> Fut + 'static,
    Fut: Future<Output = A> + 'static,
    A: IntoIterator<Item = O> + 'static,
{
    let (members, requests, answer) = (Arc::clone(&crew), Arc::clone(&core), Arc::clone(&callback));
    let another = move || enlist(Arc::clone(&members), Arc::clone(&requests), Arc::clone(&answer));
    drop(spawn_named("batcher", serve_requests(core, callback, crew, another)));
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
