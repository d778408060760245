//! [`Batch`]: items that leave together.

use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};

use super::gather::{Gather, Lot, Units};
use super::{Waterfall, WaterfallRef};
use crate::platform::Platform;
use crate::storage::{Buffer, Storage};
use crate::time::Timer;

type Value<R> = <<R as WaterfallRef>::Gather as Gather>::Value;
type Items<R> = <<R as WaterfallRef>::Gather as Gather>::Buffer;

/// Items that leave together, in the order in which they were accepted; a slice of them.
///
/// It is in flight, and counts against [`max_in_flight`](super::Config::max_in_flight), until it is
/// [`done`](Self::done) or dropped. One that is dropped counts as failed, and its items are dropped with it.
#[must_use = "a batch that is dropped counts as failed"]
pub struct Batch<R: WaterfallRef> {
    items: Items<R>,
    flight: Flight<R>,
}

impl<R: WaterfallRef> Batch<R> {
    pub(super) fn new(waterfall: R, lot: Lot<Items<R>>) -> Self {
        let flight = Flight::new(waterfall, &lot);
        Self { items: lot.items, flight }
    }

    /// The waterfall that it is of.
    pub(crate) const fn owner(&self) -> Option<&R> {
        self.flight.waterfall.as_ref()
    }

    /// Takes all items out, first to last. The room stays with the batch, and is used again.
    pub fn drain(&mut self) -> impl DoubleEndedIterator<Item = Value<R>> + ExactSizeIterator {
        self.items.drain()
    }

    /// Takes all items out as they are, and their room with them; another batch will need new room.
    pub fn take(&mut self) -> Items<R> {
        mem::replace(&mut self.items, <Items<R> as Buffer<Value<R>>>::EMPTY)
    }

    /// Puts items in the place of those that are left, and answers these. For whoever runs a callback, and lends it
    /// the items.
    pub fn replace(&mut self, items: Items<R>) -> Items<R> {
        mem::replace(&mut self.items, items)
    }

    /// The batch has come to an end well. Items that are left in it are dropped.
    pub fn done(self) {
        self.end(true);
    }

    /// The batch has failed. Items that are left in it are dropped.
    pub fn failed(self) {
        self.end(false);
    }

    fn end(mut self, well: bool) {
        // If dropping an item panics, dropping `flight` ends the batch.
        self.items.clear();
        self.flight.end(well, Some(self.items));
    }
}

impl<R: WaterfallRef> Deref for Batch<R> {
    type Target = [Value<R>];

    fn deref(&self) -> &[Value<R>] {
        self.items.as_slice()
    }
}

impl<R: WaterfallRef> DerefMut for Batch<R> {
    fn deref_mut(&mut self) -> &mut [Value<R>] {
        self.items.as_mut_slice()
    }
}

impl<R: WaterfallRef> fmt::Debug for Batch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A batch in flight; it fails when this is dropped.
pub(super) struct Flight<R: WaterfallRef> {
    /// `None` once it has come to an end.
    waterfall: Option<R>,
    units: Units,
    items: usize,
}

impl<R: WaterfallRef> Flight<R> {
    pub(super) fn new(waterfall: R, lot: &Lot<Items<R>>) -> Self {
        Self { waterfall: Some(waterfall), units: lot.units, items: lot.items.as_slice().len() }
    }

    /// It goes on elsewhere.
    pub(super) fn disarm(mut self) {
        self.waterfall = None;
    }

    fn end(mut self, well: bool, empty: Option<Items<R>>) {
        if let Some(waterfall) = self.waterfall.take() {
            waterfall.waterfall().finish(self.units, self.items, well, empty);
        }
    }
}

impl<R: WaterfallRef> Drop for Flight<R> {
    fn drop(&mut self) {
        if let Some(waterfall) = self.waterfall.take() {
            waterfall.waterfall().finish(self.units, self.items, false, None);
        }
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    fn finish(&self, units: Units, items: usize, well: bool, empty: Option<G::Buffer>) {
        self.transact(self.now(), &mut self.wakes(), |machine| {
            if let Some(empty) = empty {
                machine.shelve(empty);
            }
            machine.finish(units, items, well);
        });
    }
}
