//! [`Yielder`]: by which a closure yields.

use core::fmt;

use tidegate_core::generator::{PushError, Stopped};

use super::Failure;
use super::produce::{Half, linger};
use crate::block_on;

/// By which the closure of a [`Generator`](super::Generator) yields its items, one by one.
pub struct Yielder<T, E> {
    producer: Half<T, E>,
}

impl<T, E> Yielder<T, E> {
    pub(super) const fn new(producer: Half<T, E>) -> Self {
        Self { producer }
    }

    /// Hands an item over, and blocks this thread until the next one is demanded.
    ///
    /// # Errors
    ///
    /// [`Stopped`] once nothing is wanted any more: the closure is to return. Gives the item back if it was not
    /// handed over.
    pub fn yield_(&mut self, item: T) -> Result<(), Stopped<Option<T>>> {
        let item = match self.producer.try_yield(item) {
            Err(PushError::Closed(item)) => return Err(Stopped(Some(item))),
            // The closure was not called before the first demand, nor did this return before the next.
            Err(PushError::NotDemanded(item)) => return block_on(self.producer.yield_(item)),
            Ok(()) | Err(_) => None,
        };
        let demanded = linger(|| self.producer.peek_demand());
        if demanded.unwrap_or_else(|| block_on(self.producer.demanded())) { Ok(()) } else { Err(Stopped(item)) }
    }

    /// Whether nothing is wanted any more: for work between two items that takes long.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.producer.peek_demand() == Some(false)
    }

    pub(super) fn end(self, failure: Option<Failure<E>>) {
        match failure {
            Some(failure) => self.producer.fail(failure),
            None => self.producer.end(),
        }
    }
}

impl<T, E> fmt::Debug for Yielder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}
