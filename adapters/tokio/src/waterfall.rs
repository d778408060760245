//! [`Waterfall`] and [`KeyedWaterfall`]: batches, and tasks that run an async callback over them.

use core::fmt;
use core::future::Future;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use std::hash::RandomState;
use std::sync::Arc;

use tidegate_core::Heap;
use tidegate_core::waterfall as core_waterfall;
pub use tidegate_core::waterfall::{
    Config, Failed, FlushError, InvalidConfig, PutError, Stats, TryPutError, Unfinished, Verdict,
};
use tidegate_core::waterfall::{Gather, PerKey, Single};
use tidegate_threads::waterfall::{Crew, Items, serve};
pub use tidegate_threads::waterfall::{Failure, Hook};
use tokio::runtime::{Handle, TryCurrentError};

use crate::Tokio;

/// Batches without a callback of their own, for a `static` and for loops that one writes oneself: see
/// [`tidegate_core::waterfall::Waterfall`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), tidegate_tokio::waterfall::PutError<u32>> {
/// use core::time::Duration;
/// use tidegate_tokio::waterfall::{BareWaterfall, Config};
///
/// const CONFIG: Config = match Config::new(3, Duration::from_millis(5)) {
///     Ok(config) => config,
///     Err(_) => panic!("that makes no sense"),
/// };
/// static ROWS: BareWaterfall<u32> = BareWaterfall::new(CONFIG);
///
/// ROWS.put(1).await?;
/// ROWS.put(2).await?;
/// let batch = ROWS.next_batch().await.expect("nobody closes it"); // 5 ms after the first
/// assert_eq!(*batch, [1, 2]);
/// batch.done();
/// # Ok(())
/// # }
/// ```
pub type BareWaterfall<T> = core_waterfall::Waterfall<Single<T, Heap>, Tokio, Heap>;

/// The items of a batch, lent to the callback: a vector of them, which is used again if it is not kept. What the
/// callback leaves in it can be tried again if it fails.
pub type Batch<T> = Items<T>;

/// Batches whose callback runs in a task: see [`tidegate_core::waterfall`].
///
/// It has all methods of [`BareWaterfall`], for both colours.
///
/// # Dropped without a stop
///
/// It is closed, and the tasks go on until all that was accepted has been through the callback; nobody waits for
/// them. If the runtime shuts down meanwhile, the hook of [`spawn_with`](Self::spawn_with) hears of what is left.
/// [`stop`](core_waterfall::Waterfall::stop) waits.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::convert::Infallible;
/// use core::time::Duration;
/// use tidegate_tokio::waterfall::{Config, Waterfall};
///
/// let (sender, mut batches) = tokio::sync::mpsc::unbounded_channel();
/// let rows = Waterfall::spawn(Config::new(3, Duration::from_millis(5))?.capacity(1_000), move |batch| {
///     let sender = sender.clone();
///     async move {
///         let _ = sender.send(batch.to_vec()); // … one statement for all rows …
///         Ok::<(), Infallible>(())
///     }
/// })?;
/// for row in 0..4 {
///     rows.put(row).await?; // waits while there are 1 000
/// }
/// rows.stop(Duration::from_secs(60)).await.expect("there is time enough");
/// drop(rows);
/// assert_eq!(batches.recv().await, Some(vec![0, 1, 2]));
/// assert_eq!(batches.recv().await, Some(vec![3]));
/// # Ok(())
/// # }
/// ```
pub type Waterfall<T> = Running<Single<T, Heap>>;

/// A [`Waterfall`] with a batch for each key, up to [`Config::max_keys`] at once; what is put is a pair of key and item,
/// and so are the items of a batch. Keys are hashed with a random seed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::convert::Infallible;
/// use core::time::Duration;
/// use tidegate_tokio::waterfall::{Config, KeyedWaterfall};
///
/// let (sender, mut batches) = tokio::sync::mpsc::unbounded_channel();
/// let points = KeyedWaterfall::<&str, u32>::spawn(Config::new(2, Duration::from_millis(5))?, move |batch| {
///     let sender = sender.clone();
///     async move {
///         let _ = sender.send(batch.to_vec());
///         Ok::<(), Infallible>(())
///     }
/// })?;
/// for point in [("left", 1), ("right", 2), ("left", 3)] {
///     points.put(point).await?;
/// }
/// assert_eq!(batches.recv().await, Some(vec![("left", 1), ("left", 3)]));
/// assert_eq!(batches.recv().await, Some(vec![("right", 2)])); // 5 ms later
/// # Ok(())
/// # }
/// ```
pub type KeyedWaterfall<K, V, H = RandomState> = Running<PerKey<K, V, Heap, Heap, H>>;

type Core<G> = core_waterfall::Waterfall<G, Tokio, Heap>;

/// Batches, and the tasks that run a callback over them: a [`Waterfall`] or a [`KeyedWaterfall`].
pub struct Running<G: Gather> {
    core: Arc<Core<G>>,
}

impl<T: Send + 'static> Waterfall<T> {
    /// Starts tasks when they are needed, as many as there may be batches in flight, which run `callback` over every batch. A batch on which
    /// it fails, or panics, counts as failed and is dropped; [`spawn_with`](Self::spawn_with) asks what to do about it.
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn spawn<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<T>) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::spawn_with(config, callback, |_: Failed<'_, Vec<T>, Failure<E>>| Verdict::GiveUp)
    }

    /// The same; `on_failure` hears of every failure, and says what to do about it.
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn spawn_with<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<T>) -> Fut + Send + Sync + 'static,
        on_failure: impl Fn(Failed<'_, Vec<T>, Failure<E>>) -> Verdict + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Running::start(Core::new(config), callback, on_failure)
    }
}

impl<K, V, H> KeyedWaterfall<K, V, H>
where
    K: Hash + Eq + Send + 'static,
    V: Send + 'static,
    H: BuildHasher + Default + Send + Sync + 'static,
{
    /// As [`Waterfall::spawn`].
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn spawn<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<(K, V)>) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::spawn_with(config, callback, |_: Failed<'_, Vec<(K, V)>, Failure<E>>| Verdict::GiveUp)
    }

    /// As [`Waterfall::spawn_with`].
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn spawn_with<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<(K, V)>) -> Fut + Send + Sync + 'static,
        on_failure: impl Fn(Failed<'_, Vec<(K, V)>, Failure<E>>) -> Verdict + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Running::start(Core::keyed(config), callback, on_failure)
    }
}

impl<G: Gather> Running<G> {
    fn start<V, E, Fut>(
        core: Core<G>,
        callback: impl Fn(Batch<V>) -> Fut + Send + Sync + 'static,
        on_failure: impl Hook<V, E> + Send + Sync + 'static,
    ) -> Result<Self, TryCurrentError>
    where
        G: Gather<Buffer = Vec<V>, Value = V, Item: Send, Prepare: Send + Sync> + Send + 'static,
        V: Send + 'static,
        E: Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        let runtime = Handle::try_current()?;
        let crew = Arc::new(Crew::new(core.config().in_flight()));
        let this = Self { core: Arc::new(core) };
        let (core, callback, on_failure) = (Arc::clone(&this.core), Arc::new(callback), Arc::new(on_failure));
        enlist(&runtime, crew, core, callback, on_failure);
        Ok(this)
    }
}

/// Starts a task that serves the waterfall, and starts others when they are needed.
fn enlist<G, V, E, F, Fut, H>(
    runtime: &Handle,
    crew: Arc<Crew>,
    core: Arc<Core<G>>,
    callback: Arc<F>,
    on_failure: Arc<H>,
) where
    G: Gather<Buffer = Vec<V>, Value = V, Item: Send, Prepare: Send + Sync> + Send + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Fn(Batch<V>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    H: Hook<V, E> + Send + Sync + 'static,
{
    let another = {
        let (runtime, crew, core) = (runtime.clone(), Arc::clone(&crew), Arc::downgrade(&core));
        let (callback, on_failure) = (Arc::clone(&callback), Arc::clone(&on_failure));
        move || {
            // Whoever asks for another has it.
            if let Some(core) = core.upgrade() {
                enlist(&runtime, Arc::clone(&crew), core, Arc::clone(&callback), Arc::clone(&on_failure));
            }
        }
    };
    runtime.spawn(serve(core, callback, on_failure, crew, another));
}

impl<G: Gather> Deref for Running<G> {
    type Target = Core<G>;

    fn deref(&self) -> &Core<G> {
        &self.core
    }
}

impl<G: Gather> Drop for Running<G> {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl<G: Gather> fmt::Debug for Running<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
