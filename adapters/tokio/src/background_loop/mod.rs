//! [`BackgroundLoop`]: a runtime on a thread of its own.

#[cfg(test)]
mod tests;

use tidegate_threads::background_loop::LoopTasks;

use core::future::Future;
use std::io;
use std::sync::Arc;

use tidegate_threads::SpawnError;
use tidegate_threads::background_loop;
use tidegate_threads::task::Home;
use tokio::runtime::{Builder, Runtime};

use crate::{JoinHandle, TaskGroup, Tracker};

/// A tokio runtime on a thread of its own, for code that is not async, or not in this runtime. See
/// [`tidegate_threads::background_loop::BackgroundLoop`].
///
/// [`new`](background_loop::BackgroundLoop::new) makes a current-thread runtime, all of whose drivers are enabled. With
/// the feature `tracing`, a future runs in the span in which it was scheduled.
///
/// ```
/// use core::time::Duration;
/// use tidegate_tokio::BackgroundLoop;
///
/// let background = BackgroundLoop::new("telemetry")?;
/// let mut sum = background.schedule(async { 1 + 2 })?;
/// let answer = background.run_blocking(async { 40 + 2 })?; // the calling thread waits
/// assert_eq!((answer, sum.join_blocking_timeout(Duration::from_secs(10))?), (42, 3));
///
/// let mut failing = background.schedule(async { panic!("on purpose") })?;
/// assert!(failing.join_blocking().is_err());
/// assert!(background.shutdown_blocking()?.is_clean()); // somebody has heard of the panic
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
/// let several = BackgroundLoop::with_runtime("several", runtime)?;
/// let (handle, summary) = several.scope(|several| several.schedule(async { 7 }));
/// assert!(handle?.is_finished() && summary?.is_clean());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type BackgroundLoop = background_loop::BackgroundLoop<RuntimeTasks>;

/// The tasks of a [`BackgroundLoop`].
#[derive(Debug)]
pub struct RuntimeTasks(TaskGroup);

impl LoopTasks for RuntimeTasks {
    type Runtime = Runtime;
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;

    fn runtime() -> io::Result<Runtime> {
        Builder::new_current_thread().enable_all().build()
    }

    fn new(runtime: &Runtime) -> Self {
        Self(TaskGroup::build(Some(runtime.handle().clone()), true, None))
    }

    fn run(runtime: Runtime, group: &Arc<Tracker>) {
        // On the heap there is room for everybody who waits.
        let _ = runtime.block_on(Tracker::join_owned(Arc::clone(group)));
    }

    /// Dropping one blocks, and panics in async code.
    fn discard(runtime: Runtime) {
        runtime.shutdown_background();
    }

    fn spawn<F>(&self, home: Home, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = self.0.spawn_wrapped(future, |member| home.wrap(member))?;
        Ok(JoinHandle::new(task, home))
    }

    fn group(&self) -> &Arc<Tracker> {
        self.0.tracker()
    }

    fn abort_all(&self, for_good: bool) -> usize {
        self.0.abort_all(for_good)
    }

    fn aborted(&self) -> usize {
        self.0.summary().aborted
    }
}
