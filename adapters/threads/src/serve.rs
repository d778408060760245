//! The loop that runs an async callback over batches: what the adapters with tasks have in common.

use core::any::Any;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic;
use std::sync::Arc;
use std::vec;

use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tidegate_core::batcher::Batcher;
use tidegate_core::waterfall::{self, Failed, Gather, Verdict, Waterfall};
use tidegate_core::{Clock, Heap, Timed, Timer};

use crate::crew::Crew;

/// Why a batch has failed.
#[non_exhaustive]
pub enum Failure<E> {
    /// The callback said so.
    Error(E),
    /// The callback panicked, with this.
    Panicked(Box<dyn Any + Send>),
    /// The callback was dropped before it ended, or the batch before any callback had it: the runtime has shut down.
    Cancelled,
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Panicked(payload) => f.debug_tuple("Panicked").field(&message(payload.as_ref())).finish(),
            Self::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked(payload) => write!(f, "the callback panicked: {}", message(payload.as_ref())),
            Self::Cancelled => f.write_str("the callback was dropped"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Failure<E> {}

/// What a panic said, as far as it is text.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("something that is not text")
}

/// The items of a batch, lent to an async callback: a vector of them.
///
/// When it is dropped, the vector goes back to be used again, and what is left in it can be tried again if the callback
/// fails. One that outlives its callback keeps its items to itself.
pub struct Items<V> {
    items: Vec<V>,
    home: Home<V>,
}

/// Where items go back to.
type Home<V> = Arc<Mutex<Option<Vec<V>>>>;

impl<V> Deref for Items<V> {
    type Target = Vec<V>;

    fn deref(&self) -> &Vec<V> {
        &self.items
    }
}

impl<V> DerefMut for Items<V> {
    fn deref_mut(&mut self) -> &mut Vec<V> {
        &mut self.items
    }
}

/// The vector goes with the items.
impl<V> IntoIterator for Items<V> {
    type Item = V;
    type IntoIter = vec::IntoIter<V>;

    fn into_iter(mut self) -> vec::IntoIter<V> {
        mem::take(&mut self.items).into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Items<V> {
    type Item = &'a V;
    type IntoIter = core::slice::Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<V> Drop for Items<V> {
    fn drop(&mut self) {
        // Never contended, but for a callback that has leaked it to another thread.
        let replaced = self.home.lock().replace(mem::take(&mut self.items));
        drop(replaced);
    }
}

impl<V: fmt::Debug> fmt::Debug for Items<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

/// A waterfall on the heap, on its platform's own time.
type OnHeap<G, P> = Waterfall<G, P, Heap, <P as Timed>::Timer>;

/// What hears of failures, and says what to do about them. Implemented for every function that fits.
pub trait Hook<V, E>: Fn(Failed<'_, Vec<V>, Failure<E>>) -> Verdict {}

impl<V, E, F: Fn(Failed<'_, Vec<V>, Failure<E>>) -> Verdict> Hook<V, E> for F {}

/// Asks a hook; one that panics has no opinion.
pub(crate) fn judge<B, E>(
    on_failure: &impl Fn(Failed<'_, B, Failure<E>>) -> Verdict,
    failed: Failed<'_, B, Failure<E>>,
) -> Verdict {
    panic::catch_unwind(AssertUnwindSafe(|| on_failure(failed))).unwrap_or_default()
}

/// A loop's share in the waterfall, also before it is polled for the first time. When nobody has the waterfall any more,
/// the hook hears of all that is left.
struct Share<G: Gather<Buffer = Vec<V>, Value = V>, V, P: Timed, E, H: Hook<V, E>> {
    /// `None` while it is dropped.
    waterfall: Option<Arc<OnHeap<G, P>>>,
    on_failure: Arc<H>,
    error: PhantomData<fn() -> E>,
}

impl<G: Gather<Buffer = Vec<V>, Value = V>, V, P: Timed, E, H: Hook<V, E>> Drop for Share<G, V, P, E, H> {
    fn drop(&mut self) {
        // Of several that go at once, it is one that finds itself the last.
        let Some(waterfall) = self.waterfall.take().and_then(Arc::into_inner) else { return };
        if let Err(unfinished) = waterfall.stop_now() {
            for mut batch in unfinished {
                judge(&*self.on_failure, Failed::new(&mut batch.take(), Failure::Cancelled, 0));
            }
        }
    }
}

/// The loop, and the batch that its callback has. If this is dropped before its time, the hook hears of that batch.
struct Loop<'a, G: Gather<Buffer = Vec<V>, Value = V>, V, P: Timed, E, H: Hook<V, E>> {
    on_failure: &'a H,
    home: Home<V>,
    batch: Option<waterfall::Batch<&'a OnHeap<G, P>>>,
    attempts: u32,
    error: PhantomData<fn() -> E>,
}

impl<'a, G: Gather<Buffer = Vec<V>, Value = V>, V, P: Timed, E, H: Hook<V, E>> Loop<'a, G, V, P, E, H> {
    fn new(on_failure: &'a H) -> Self {
        Self { on_failure, home: Home::default(), batch: None, attempts: 0, error: PhantomData }
    }

    /// Lends the items of the batch to the callback.
    fn lend(&mut self) -> Items<V> {
        let items = self.batch.as_mut().map_or_else(Vec::new, waterfall::Batch::take);
        Items { items, home: Arc::clone(&self.home) }
    }

    /// Puts what the callback has left back into the batch.
    fn take_back(&mut self) {
        let left = if let Some(home) = Arc::get_mut(&mut self.home) {
            home.get_mut().take()
        } else {
            // Somebody has kept them.
            self.home = Home::default();
            None
        };
        if let (Some(batch), Some(left)) = (&mut self.batch, left) {
            drop(batch.replace(left));
        }
    }

    /// Asks what to do about a failure.
    fn judge(&mut self, error: Failure<E>) -> Verdict {
        self.take_back();
        self.attempts = self.attempts.saturating_add(1);
        let Some(batch) = &mut self.batch else { return Verdict::GiveUp };
        let mut left = batch.take();
        let verdict = judge(self.on_failure, Failed::new(&mut left, error, self.attempts));
        let verdict = if left.is_empty() { Verdict::GiveUp } else { verdict };
        drop(batch.replace(left));
        verdict
    }

    /// The batch has come to an end. An item that panics while it is dropped does not stop the loop.
    fn end(&mut self, well: bool) {
        self.attempts = 0;
        if well {
            self.take_back();
        }
        if let Some(batch) = self.batch.take() {
            let end = AssertUnwindSafe(|| if well { batch.done() } else { batch.failed() });
            let _ = panic::catch_unwind(end);
        }
    }
}

impl<G: Gather<Buffer = Vec<V>, Value = V>, V, P: Timed, E, H: Hook<V, E>> Drop for Loop<'_, G, V, P, E, H> {
    fn drop(&mut self) {
        if self.batch.is_some() {
            self.judge(Failure::Cancelled);
            self.end(false);
        }
    }
}

/// Runs `callback` over every batch, until the waterfall is closed and the last batch has come to an end. For adapters:
/// each spawns it once, and again whenever `another` is called.
///
/// # Cancel safety
///
/// If it is dropped, `on_failure` hears of the batch that the callback has and, if nobody else has the waterfall any
/// more, of all that is left.
pub fn serve<G, V, P, F, Fut, E, H>(
    waterfall: Arc<OnHeap<G, P>>,
    callback: Arc<F>,
    on_failure: Arc<H>,
    crew: Arc<Crew>,
    another: impl Fn(),
) -> impl Future<Output = ()>
where
    G: Gather<Buffer = Vec<V>, Value = V>,
    P: Timed,
    F: Fn(Items<V>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    H: Hook<V, E>,
{
    let share = Share { waterfall: Some(waterfall), on_failure, error: PhantomData };
    async move {
        // Dropped after the loop, which borrows from it.
        let share = share;
        let Some(waterfall) = share.waterfall.as_deref() else { return };
        let mut this = Loop::new(&*share.on_failure);
        while let Some(batch) = waterfall.next_batch().await {
            this.batch = Some(batch);
            if crew.takes() {
                another();
            }
            let well = loop {
                let items = this.lend();
                let error = match Caught::new(async { callback(items).await }).await {
                    Ok(Ok(())) => break true,
                    Ok(Err(error)) => Failure::Error(error),
                    Err(payload) => Failure::Panicked(payload),
                };
                match this.judge(error) {
                    Verdict::Retry => {}
                    Verdict::RetryAfter(pause) => {
                        let timer = P::TIMER;
                        timer.sleep_until(timer.now() + pause).await;
                    }
                    Verdict::GiveUp => break false,
                }
            };
            this.end(well);
            crew.returns();
        }
    }
}

/// Answers requests by `callback`, until the batcher is closed and the last have been answered. For adapters: each spawns
/// it once, and again whenever `another` is called.
///
/// If the callback panics, those who have made the requests hear
/// [`CallError::Dropped`](tidegate_core::batcher::CallError::Dropped), and the loop goes on.
pub async fn serve_requests<I, O, P, F, Fut, A>(
    batcher: Arc<Batcher<I, O, P, Heap, Heap, <P as Timed>::Timer>>,
    callback: Arc<F>,
    crew: Arc<Crew>,
    another: impl Fn(),
) where
    P: Timed,
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = A>,
    A: IntoIterator<Item = O>,
{
    while let Some(mut requests) = batcher.next().await {
        if crew.takes() {
            another();
        }
        let inputs = requests.take_inputs().collect();
        if let Ok(answers) = Caught::new(async { callback(inputs).await }).await {
            // An iterator of answers that panics does not stop the loop.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| requests.answer(answers)));
        }
        crew.returns();
    }
}

pin_project! {
    /// A future whose panics are outcomes.
    struct Caught<F> {
        #[pin]
        future: F,
    }
}

impl<F> Caught<F> {
    const fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match panic::catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) => Poll::Ready(Err(payload)),
        }
    }
}
