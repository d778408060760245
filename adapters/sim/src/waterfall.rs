//! [`Waterfall`] and [`KeyedWaterfall`]: batches, and simulated tasks that run an async callback over them.

use core::fmt;
use core::future::Future;
use core::hash::{BuildHasher, BuildHasherDefault, Hash};
use core::ops::Deref;
use std::hash::DefaultHasher;
use std::sync::Arc;

use tidegate_core::Heap;
use tidegate_core::waterfall as core_waterfall;
pub use tidegate_core::waterfall::{
    Config, Failed, FlushError, InvalidConfig, PutError, Stats, TryPutError, Unfinished, Verdict,
};
use tidegate_core::waterfall::{Gather, PerKey, Single};
use tidegate_threads::waterfall::{Crew, Items, serve};
pub use tidegate_threads::waterfall::{Failure, Hook};

use crate::{Sim, spawn_named};

/// Batches without a callback of their own, for loops that one writes oneself: see
/// [`tidegate_core::waterfall::Waterfall`].
pub type BareWaterfall<T> = core_waterfall::Waterfall<Single<T, Heap>, Sim, Heap>;

/// The items of a batch, lent to the callback: a vector of them, which is used again if it is not kept. What the
/// callback leaves in it can be tried again if it fails.
pub type Batch<T> = Items<T>;

/// Batches whose callback runs in a simulated task: see [`tidegate_core::waterfall`].
///
/// It has all methods of [`BareWaterfall`]. Dropped without a stop it is closed, and the tasks go on for as long as the
/// run does; when that ends, the hook of [`spawn_with`](Self::spawn_with) hears of what is left.
///
/// ```
/// use core::convert::Infallible;
/// use core::time::Duration;
/// use tidegate_sim::waterfall::{Config, Waterfall};
/// use tidegate_sim::{Sim, now, sleep};
///
/// let sizes = Sim::new(1).run(async {
///     let (sender, batches) = std::sync::mpsc::channel();
///     let config = Config::new(100, Duration::from_secs(3_600))?;
///     let rows = Waterfall::spawn(config, move |batch| {
///         let _ = sender.send((now(), batch.len()));
///         async { Ok::<(), Infallible>(()) }
///     });
///     for row in 0..150 {
///         rows.put(row).await.expect("it is open");
///     }
///     sleep(Duration::from_secs(7_200)).await;
///     Ok::<Vec<_>, tidegate_sim::waterfall::InvalidConfig>(batches.try_iter().collect())
/// });
/// let hour = tidegate_sim::Instant::from_nanos(3_600_000_000_000);
/// assert_eq!(sizes, Ok(Ok(vec![(tidegate_sim::Instant::EPOCH, 100), (hour, 50)])));
/// ```
pub type Waterfall<T> = Running<Single<T, Heap>>;

/// A [`Waterfall`] with a batch for each key, up to [`Config::max_keys`] at once; what is put is a pair of key and item,
/// and so are the items of a batch. The hasher has no random seed, so that a run depends on its own seed alone.
pub type KeyedWaterfall<K, V, H = BuildHasherDefault<DefaultHasher>> = Running<PerKey<K, V, Heap, Heap, H>>;

type Core<G> = core_waterfall::Waterfall<G, Sim, Heap>;

/// Batches, and the tasks that run a callback over them: a [`Waterfall`] or a [`KeyedWaterfall`].
pub struct Running<G: Gather> {
    core: Arc<Core<G>>,
}

impl<T: 'static> Waterfall<T> {
    /// Starts simulated tasks when they are needed, as many as there may be batches in flight, which run `callback` over every batch. A batch on which
    /// it fails, or panics, counts as failed and is dropped; [`spawn_with`](Self::spawn_with) asks what to do about it.
    pub fn spawn<E, Fut>(config: Config, callback: impl Fn(Batch<T>) -> Fut + 'static) -> Self
    where
        E: 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
    {
        Self::spawn_with(config, callback, |_: Failed<'_, Vec<T>, Failure<E>>| Verdict::GiveUp)
    }

    /// The same; `on_failure` hears of every failure, and says what to do about it.
    pub fn spawn_with<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<T>) -> Fut + 'static,
        on_failure: impl Fn(Failed<'_, Vec<T>, Failure<E>>) -> Verdict + 'static,
    ) -> Self
    where
        E: 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
    {
        Running::start(Core::new(config), callback, on_failure)
    }
}

impl<K, V, H> KeyedWaterfall<K, V, H>
where
    K: Hash + Eq + 'static,
    V: 'static,
    H: BuildHasher + Default + 'static,
{
    /// As [`Waterfall::spawn`].
    pub fn spawn<E, Fut>(config: Config, callback: impl Fn(Batch<(K, V)>) -> Fut + 'static) -> Self
    where
        E: 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
    {
        Self::spawn_with(config, callback, |_: Failed<'_, Vec<(K, V)>, Failure<E>>| Verdict::GiveUp)
    }

    /// As [`Waterfall::spawn_with`].
    pub fn spawn_with<E, Fut>(
        config: Config,
        callback: impl Fn(Batch<(K, V)>) -> Fut + 'static,
        on_failure: impl Fn(Failed<'_, Vec<(K, V)>, Failure<E>>) -> Verdict + 'static,
    ) -> Self
    where
        E: 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
    {
        Running::start(Core::keyed(config), callback, on_failure)
    }
}

impl<G: Gather> Running<G> {
    fn start<V, E, Fut>(
        core: Core<G>,
        callback: impl Fn(Batch<V>) -> Fut + 'static,
        on_failure: impl Hook<V, E> + 'static,
    ) -> Self
    where
        G: Gather<Buffer = Vec<V>, Value = V> + 'static,
        V: 'static,
        E: 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
    {
        let crew = Arc::new(Crew::new(core.config().in_flight()));
        let this = Self { core: Arc::new(core) };
        enlist(crew, Arc::clone(&this.core), Arc::new(callback), Arc::new(on_failure));
        this
    }
}

/// Starts a task that serves the waterfall, and starts others when they are needed.
fn enlist<G, V, E, F, Fut, H>(crew: Arc<Crew>, core: Arc<Core<G>>, callback: Arc<F>, on_failure: Arc<H>)
where
    G: Gather<Buffer = Vec<V>, Value = V> + 'static,
    V: 'static,
    E: 'static,
    F: Fn(Batch<V>) -> Fut + 'static,
    Fut: Future<Output = Result<(), E>> + 'static,
    H: Hook<V, E> + 'static,
{
    let another = {
        let (crew, core) = (Arc::clone(&crew), Arc::downgrade(&core));
        let (callback, on_failure) = (Arc::clone(&callback), Arc::clone(&on_failure));
        move || {
            // Whoever asks for another has it.
            if let Some(core) = core.upgrade() {
                enlist(Arc::clone(&crew), core, Arc::clone(&callback), Arc::clone(&on_failure));
            }
        }
    };
    drop(spawn_named("waterfall", serve(core, callback, on_failure, crew, another)));
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
