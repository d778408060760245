//! [`Waterfall`] and [`KeyedWaterfall`]: batches, and threads that run a callback over them.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ops::Deref;
use core::panic::AssertUnwindSafe;
use std::hash::RandomState;
use std::sync::Arc;
use std::thread;
use std::{io, panic};

use tidegate_core::Heap;
use tidegate_core::waterfall as core_waterfall;
pub use tidegate_core::waterfall::{
    Config, Failed, FlushError, InvalidConfig, PutError, Stats, TryPutError, Unfinished, Verdict,
};
use tidegate_core::waterfall::{Gather, PerKey, Single};

use crate::Threads;
pub use crate::crew::Crew;
use crate::serve::judge;
pub use crate::serve::{Failure, Hook, Items, serve};

/// Batches without a callback of their own, for a `static` and for loops that one writes oneself: see
/// [`tidegate_core::waterfall::Waterfall`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::waterfall::{BareWaterfall, Config};
///
/// const CONFIG: Config = match Config::new(3, Duration::from_millis(5)) {
///     Ok(config) => config,
///     Err(_) => panic!("that makes no sense"),
/// };
/// static ROWS: BareWaterfall<u32> = BareWaterfall::new(CONFIG);
///
/// ROWS.put_blocking(1)?;
/// ROWS.put_blocking(2)?;
/// let batch = ROWS.next_batch_blocking().expect("nobody closes it"); // 5 ms after the first
/// assert_eq!(*batch, [1, 2]);
/// batch.done();
/// # Ok::<(), tidegate_threads::waterfall::PutError<u32>>(())
/// ```
pub type BareWaterfall<T> = core_waterfall::Waterfall<Single<T, Heap>, Threads, Heap>;

/// The items of a batch, of which the callback may take what it wants.
pub type Batch<'a, T> = core_waterfall::Batch<&'a BareWaterfall<T>>;

/// Batches whose callback runs on a thread: see [`tidegate_core::waterfall`].
///
/// It has all methods of [`BareWaterfall`], for both colours.
///
/// # Dropped without a stop
///
/// It is closed, and the threads go on until all that was accepted has been through the callback; nobody waits for
/// them, and a process that ends meanwhile takes along what is left. [`stop_blocking`](core_waterfall::Waterfall::stop_blocking) waits.
///
/// ```
/// use core::convert::Infallible;
/// use core::time::Duration;
/// use tidegate_threads::waterfall::{Config, Waterfall};
///
/// let (sender, batches) = std::sync::mpsc::channel();
/// let rows = Waterfall::spawn(Config::new(3, Duration::from_millis(5))?, move |batch| {
///     let _ = sender.send(batch.to_vec()); // … a transaction …
///     Ok::<(), Infallible>(())
/// })?;
/// for row in 0..4 {
///     rows.put_blocking(row)?;
/// }
/// rows.stop_blocking(Duration::from_secs(60)).expect("there is time enough");
/// assert_eq!(batches.iter().collect::<Vec<_>>(), [vec![0, 1, 2], vec![3]]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type Waterfall<T> = Running<Single<T, Heap>>;

/// A [`Waterfall`] with a batch for each key, up to [`Config::max_keys`] at once; what is put is a pair of key and item,
/// and so are the items of a batch. Keys are hashed with a random seed.
pub type KeyedWaterfall<K, V, H = RandomState> = Running<PerKey<K, V, Heap, Heap, H>>;

type Core<G> = core_waterfall::Waterfall<G, Threads, Heap>;

/// Batches, and the threads that run a callback over them: a [`Waterfall`] or a [`KeyedWaterfall`].
pub struct Running<G: Gather> {
    core: Arc<Core<G>>,
}

impl<T: Send + 'static> Waterfall<T> {
    /// Starts a thread that runs `callback` over every batch. A batch on which it fails, or panics, counts as failed
    /// and is dropped; [`spawn_with`](Self::spawn_with) asks what to do about it, and starts several threads.
    ///
    /// # Errors
    ///
    /// That of the operating system, if there is no thread to be had.
    pub fn spawn<E: 'static>(
        config: Config,
        callback: impl FnMut(&mut Batch<'_, T>) -> Result<(), E> + Send + 'static,
    ) -> io::Result<Self> {
        let core = Arc::new(Core::new(config));
        start(&core, callback, Arc::new(|_: Failed<'_, Batch<'_, T>, Failure<E>>| Verdict::GiveUp))?;
        Ok(Self { core })
    }

    /// Starts as many threads as there may be batches in flight, each with a callback that `make` makes: with a
    /// connection of its own, for example. `on_failure` hears of every failure, and says what to do about it.
    ///
    /// # Errors
    ///
    /// That of the operating system, if there are not so many threads to be had; those that have been started end.
    pub fn spawn_with<E, F>(
        config: Config,
        mut make: impl FnMut() -> F,
        on_failure: impl Fn(Failed<'_, Batch<'_, T>, Failure<E>>) -> Verdict + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        E: 'static,
        F: FnMut(&mut Batch<'_, T>) -> Result<(), E> + Send + 'static,
    {
        let this = Self { core: Arc::new(Core::new(config)) };
        let on_failure = Arc::new(on_failure);
        for _ in 0..config.in_flight() {
            start(&this.core, make(), Arc::clone(&on_failure))?;
        }
        Ok(this)
    }
}

/// The items of one key.
pub type KeyedBatch<'a, K, V, H = RandomState> = core_waterfall::Batch<&'a Core<PerKey<K, V, Heap, Heap, H>>>;

impl<K, V, H> KeyedWaterfall<K, V, H>
where
    K: Hash + Eq + Send + 'static,
    V: Send + 'static,
    H: BuildHasher + Default + Send + Sync + 'static,
{
    /// Starts as many threads as there may be batches in flight; see [`Waterfall::spawn_with`].
    ///
    /// # Errors
    ///
    /// That of the operating system, if there are not so many threads to be had; those that have been started end.
    pub fn spawn_with<E, F>(
        config: Config,
        mut make: impl FnMut() -> F,
        on_failure: impl Fn(Failed<'_, KeyedBatch<'_, K, V, H>, Failure<E>>) -> Verdict + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        E: 'static,
        F: FnMut(&mut KeyedBatch<'_, K, V, H>) -> Result<(), E> + Send + 'static,
    {
        let this = Self { core: Arc::new(Core::keyed(config)) };
        let on_failure = Arc::new(on_failure);
        for _ in 0..config.in_flight() {
            start(&this.core, make(), Arc::clone(&on_failure))?;
        }
        Ok(this)
    }
}

fn start<G, E, F, H>(core: &Arc<Core<G>>, mut callback: F, on_failure: Arc<H>) -> io::Result<()>
where
    G: Gather<Item: Send, Prepare: Send + Sync> + Send + 'static,
    F: FnMut(&mut core_waterfall::Batch<&Core<G>>) -> Result<(), E> + Send + 'static,
    H: Fn(Failed<'_, core_waterfall::Batch<&Core<G>>, Failure<E>>) -> Verdict + Send + Sync + 'static,
{
    let core = Arc::clone(core);
    let run = move || {
        while let Some(batch) = core.next_batch_blocking() {
            one_batch(batch, &mut callback, &*on_failure);
        }
    };
    thread::Builder::new().name("tidegate-waterfall".into()).spawn(run)?;
    Ok(())
}

/// Runs the callback over a batch until it is done with or given up.
fn one_batch<G: Gather, E>(
    mut batch: core_waterfall::Batch<&Core<G>>,
    callback: &mut impl FnMut(&mut core_waterfall::Batch<&Core<G>>) -> Result<(), E>,
    on_failure: &impl Fn(Failed<'_, core_waterfall::Batch<&Core<G>>, Failure<E>>) -> Verdict,
) {
    let mut attempts = 0_u32;
    let well = loop {
        let error = match panic::catch_unwind(AssertUnwindSafe(|| callback(&mut batch))) {
            Ok(Ok(())) => break true,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panicked(payload),
        };
        attempts = attempts.saturating_add(1);
        match judge(on_failure, Failed::new(&mut batch, error, attempts)) {
            Verdict::Retry if !batch.is_empty() => {}
            Verdict::RetryAfter(pause) if !batch.is_empty() => thread::sleep(pause),
            _ => break false,
        }
    };
    // An item that panics while it is dropped does not stop the loop.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| if well { batch.done() } else { batch.failed() }));
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
