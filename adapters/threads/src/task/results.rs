//! [`Results`]: what many tasks come to, gathered by one who waits for all of them.

use core::fmt;
use core::mem;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tidegate_core::task_group::TaskGroupRef;

use super::{Failed, JoinError};

/// In which order results are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultOrder {
    /// As they come.
    AsCompleted,
    /// As their tickets were drawn.
    AsDrawn,
}

/// What many tasks come to, gathered by one who waits for all of them. Each of them has a [`Ticket`].
pub struct Results<T> {
    shared: Arc<Shared<T>>,
    /// What has been taken out of the shared list under one lock.
    batch: Vec<Entry<T>>,
    /// What may be given out, or waits for what was drawn before it.
    queue: VecDeque<Slot<T>>,
    order: ResultOrder,
    /// How many tickets have been drawn.
    drawn: u64,
    /// How many results have been given out.
    given: u64,
    /// Whether there is to be one error after the last result.
    cut_off: bool,
}

/// Results that nobody has taken so far, and who is to be told of the next one.
type Shared<T> = Mutex<(Vec<Entry<T>>, Option<Waker>)>;

/// The number of a ticket and its result; `None` if it was dropped.
type Entry<T> = (u64, Option<T>);

/// A result that has come; `None` if it has not, but those after it have.
type Slot<T> = Option<Option<T>>;

impl<T> Results<T> {
    /// No tickets so far.
    #[must_use]
    pub fn new(order: ResultOrder) -> Self {
        Self {
            shared: Arc::default(),
            batch: Vec::new(),
            queue: VecDeque::new(),
            order,
            drawn: 0,
            given: 0,
            cut_off: false,
        }
    }

    /// Draws another ticket.
    pub fn draw(&mut self) -> Ticket<T> {
        let number = self.drawn;
        self.drawn += 1;
        Ticket { shared: Some(Arc::clone(&self.shared)), number }
    }

    /// How many tickets have been drawn whose results have not been given out.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        usize::try_from(self.drawn - self.given).unwrap_or(usize::MAX)
    }

    /// No more tickets will be drawn, although there would have been something to draw them for: after the last result,
    /// [`poll_next`](Self::poll_next) says so once.
    pub const fn cut_off(&mut self) {
        self.cut_off = true;
    }

    /// How many results there will be, as far as this goes: `inputs` says how many more tickets may be drawn.
    #[must_use]
    pub fn size_hint(&self, inputs: Option<(usize, Option<usize>)>) -> (usize, Option<usize>) {
        let running = self.outstanding().saturating_add(usize::from(self.cut_off));
        let (_, upper) = inputs.unwrap_or((0, Some(0)));
        (running, upper.and_then(|upper| upper.checked_add(running)))
    }

    /// The next result; `None` in place of one whose ticket was dropped, and pending as long as none has come, also
    /// if none is outstanding.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        loop {
            if let Some(Some(_)) = self.queue.front()
                && let Some(Some(result)) = self.queue.pop_front()
            {
                self.given += 1;
                return Poll::Ready(result);
            }
            if self.take_batch(cx).is_pending() {
                return Poll::Pending;
            }
            for (number, result) in self.batch.drain(..) {
                if self.order == ResultOrder::AsCompleted {
                    self.queue.push_back(Some(result));
                    continue;
                }
                // The front of the queue is for the one to be given out next.
                let place = usize::try_from(number - self.given).unwrap_or(usize::MAX);
                while self.queue.len() <= place {
                    self.queue.push_back(None);
                }
                self.queue[place] = Some(result);
            }
        }
    }

    /// Takes all that has come into the batch, or sees to it that the caller is woken by the next.
    fn take_batch(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut fresh: Option<Waker> = None;
        loop {
            let mut shared = self.shared.lock();
            let (results, waker) = &mut *shared;
            if !results.is_empty() {
                mem::swap(results, &mut self.batch);
                return Poll::Ready(());
            }
            if waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if fresh.is_some() {
                let replaced = mem::replace(waker, fresh);
                drop(shared);
                drop(replaced);
                return Poll::Pending;
            }
            drop(shared);
            // Cloned outside of the lock: it is foreign code.
            fresh = Some(cx.waker().clone());
        }
    }
}

impl<T, R: TaskGroupRef> Results<Result<T, Failed<R>>> {
    /// What a `map` gives next; with more `inputs`, its end is not in sight. Panics count as heard of.
    pub fn poll_next(&mut self, cx: &Context<'_>, inputs: bool) -> Poll<Option<Result<T, JoinError>>> {
        match self.poll(cx) {
            Poll::Ready(Some(Ok(output))) => Poll::Ready(Some(Ok(output))),
            Poll::Ready(Some(Err(failed))) => Poll::Ready(Some(Err(failed.observe()))),
            Poll::Ready(None) => Poll::Ready(Some(Err(JoinError::Aborted))),
            Poll::Pending if self.outstanding() > 0 || inputs => Poll::Pending,
            Poll::Pending if mem::take(&mut self.cut_off) => Poll::Ready(Some(Err(JoinError::Aborted))),
            Poll::Pending => Poll::Ready(None),
        }
    }
}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("outstanding", &self.outstanding()).finish_non_exhaustive()
    }
}

/// The right to one result. Dropped without one, it says that there is none.
pub struct Ticket<T> {
    /// `None` once it has been used.
    shared: Option<Arc<Shared<T>>>,
    number: u64,
}

impl<T> Ticket<T> {
    /// Hands the result in.
    pub fn complete(mut self, result: T) {
        self.end(Some(result));
    }

    fn end(&mut self, result: Option<T>) {
        let Some(shared) = self.shared.take() else { return };
        let mut locked = shared.lock();
        locked.0.push((self.number, result));
        let waker = locked.1.take();
        drop(locked);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(results: &mut Results<T>) -> Poll<Option<T>> {
        results.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn as_completed_gives_what_has_come() {
        let mut results = Results::new(ResultOrder::AsCompleted);
        let (first, second, third) = (results.draw(), results.draw(), results.draw());
        assert!(poll(&mut results).is_pending());
        third.complete(3);
        assert_eq!(poll(&mut results), Poll::Ready(Some(3)));
        drop(second);
        first.complete(1);
        assert_eq!(poll(&mut results), Poll::Ready(None));
        assert_eq!(results.outstanding(), 1);
        assert_eq!(poll(&mut results), Poll::Ready(Some(1)));
        assert!(poll(&mut results).is_pending());
        assert_eq!(results.outstanding(), 0);
    }

    #[test]
    fn as_drawn_waits_for_those_before() {
        let mut results = Results::new(ResultOrder::AsDrawn);
        let (first, second, third) = (results.draw(), results.draw(), results.draw());
        third.complete(3);
        assert!(poll(&mut results).is_pending());
        first.complete(1);
        assert_eq!(poll(&mut results), Poll::Ready(Some(1)));
        assert!(poll(&mut results).is_pending());
        let fourth = results.draw();
        drop(second);
        assert_eq!(poll(&mut results), Poll::Ready(None));
        assert_eq!(poll(&mut results), Poll::Ready(Some(3)));
        fourth.complete(4);
        assert_eq!(poll(&mut results), Poll::Ready(Some(4)));
        assert_eq!(results.outstanding(), 0);
    }
}
