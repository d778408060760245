//! [`GeneratorOptions`]: capacity and threads of a generator.

use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::task::Waker;
use std::sync::Arc;

use tidegate_core::generator::{Handover, InvalidCapacity};

use super::produce::{Closure, Half, Items, await_demand};
use super::work::{Body, Work};
use super::{Generator, Link, Yielder};
use crate::pool::{Pool, SpawnBlocking};
use crate::{Threads, priority};

/// Whose threads generators run on where none are named.
pub trait Workers: 'static {
    /// The threads.
    fn pool() -> Arc<dyn SpawnBlocking>;
}

impl Workers for Threads {
    /// [`Pool::shared`].
    fn pool() -> Arc<dyn SpawnBlocking> {
        Arc::new(Pool::shared())
    }
}

/// Capacity and threads of a [`Generator`].
///
/// ```
/// use core::num::NonZeroUsize;
/// use tidegate_threads::{GeneratorOptions, Pool, block_on};
///
/// let pool = Pool::new(NonZeroUsize::new(4).expect("not zero"));
/// let options = GeneratorOptions::new().pool(pool).capacity(16)?;
/// // A thousand at once, on four threads.
/// let mut generators: Vec<_> = (0..1_000).map(|start| options.items(start..)).collect();
/// for (start, generator) in generators.iter_mut().enumerate() {
///     assert_eq!(block_on(generator.next()).transpose()?, Some(start));
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct GeneratorOptions<X = Threads> {
    capacity: usize,
    pool: Option<Arc<dyn SpawnBlocking>>,
    workers: PhantomData<fn() -> X>,
}

impl<X: Workers> GeneratorOptions<X> {
    /// A capacity of one, on the default threads.
    #[must_use]
    pub const fn new() -> Self {
        Self { capacity: 1, pool: None, workers: PhantomData }
    }

    /// Lets the producer be ahead of the item that is asked for by `capacity - 1` more.
    ///
    /// # Errors
    ///
    /// [`InvalidCapacity`] if it is zero.
    pub fn capacity(mut self, capacity: usize) -> Result<Self, InvalidCapacity> {
        Handover::<Threads, tidegate_core::Heap, ()>::with_capacity(capacity)?;
        self.capacity = capacity;
        Ok(self)
    }

    /// Takes its threads from here. Closures need one each for as long as they live: with more closures under way
    /// than threads, some wait until others have been closed.
    #[must_use]
    pub fn pool(mut self, pool: impl SpawnBlocking + 'static) -> Self {
        self.pool = Some(Arc::new(pool));
        self
    }

    /// The items of an iterator.
    pub fn items<T, I>(&self, items: I) -> Generator<T, Infallible, X>
    where
        T: Send + 'static,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        let items = items.into_iter();
        let hint = items.size_hint();
        self.produce(items.map(Ok), hint)
    }

    /// The items of an iterator of results, up to the first error.
    pub fn try_items<T, E, I>(&self, items: I) -> Generator<T, E, X>
    where
        T: Send + 'static,
        E: Send + 'static,
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
    {
        let items = items.into_iter();
        let (_, most) = items.size_hint();
        self.produce(items, (0, most))
    }

    fn produce<T, E, I>(&self, items: I, hint: (usize, Option<usize>)) -> Generator<T, E, X>
    where
        T: Send + 'static,
        E: Send + 'static,
        I: Iterator<Item = Result<T, E>> + Send + 'static,
    {
        self.start(
            hint,
            |producer| Items { source: items, producer: Some(producer), priority: priority::current() },
            |body, waker| {
                if let Some(producer) = &mut body.producer {
                    let _ = await_demand(producer, waker);
                }
            },
        )
    }

    /// What a closure yields.
    pub fn from_fn<T, F>(&self, closure: F) -> Generator<T, Infallible, X>
    where
        T: Send + 'static,
        F: FnOnce(&mut Yielder<T, Infallible>) + Send + 'static,
    {
        self.try_from_fn(|yielder| {
            closure(yielder);
            Ok(())
        })
    }

    /// What a closure yields that may fail.
    pub fn try_from_fn<T, E, F>(&self, closure: F) -> Generator<T, E, X>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Yielder<T, E>) -> Result<(), E> + Send + 'static,
    {
        let body =
            |producer| Closure { body: Some(closure), producer: Some(producer), priority: priority::current() };
        self.start((0, None), body, |body, waker| {
            if let Some(producer) = &mut body.producer {
                let _ = await_demand(producer, waker);
            }
        })
    }

    fn start<T, E, B>(
        &self,
        hint: (usize, Option<usize>),
        body: impl FnOnce(Half<T, E>) -> B,
        prepare: impl FnOnce(&mut B, &Waker),
    ) -> Generator<T, E, X>
    where
        T: Send + 'static,
        E: Send + 'static,
        B: Body + 'static,
    {
        let handover = Handover::with_capacity(self.capacity).unwrap_or_default();
        let link: Link<T, E> = Arc::new(handover);
        let Some((producer, consumer)) = Handover::halves(link) else {
            unreachable!("nobody else has had the new link");
        };
        let pool = self.pool.clone().unwrap_or_else(X::pool);
        Generator::over(consumer, Work::new(pool, body(producer), prepare), hint)
    }
}

impl<X: Workers> Default for GeneratorOptions<X> {
    fn default() -> Self {
        Self::new()
    }
}

impl<X> Clone for GeneratorOptions<X> {
    fn clone(&self) -> Self {
        Self { capacity: self.capacity, pool: self.pool.clone(), workers: PhantomData }
    }
}

impl<X> fmt::Debug for GeneratorOptions<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratorOptions").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
