//! [`Single`]: all items in one sequence, cut into batches.

use core::fmt;

use super::super::config::Config;
use super::{Due, Gather, Lot, NotAdded, Units, sealed};
use crate::stock::Stock;
use crate::storage::{Buffer, Storage};
use crate::time::Instant;

/// All items in one sequence, which is cut into batches.
///
/// Of the batches that wait only the last can be short of full, so it is the only one whose time counts.
// What every item touches comes first.
#[repr(C)]
pub struct Single<T, S: Storage> {
    /// How many items are in the last batch, if that is not full.
    open: usize,
    len: usize,
    stock: S::Stock<T>,
    /// When the first of them was accepted.
    since: Instant,
    /// How many items have been taken out, ever.
    taken: u64,
    /// Items with a smaller number are to leave.
    due: u64,
}

impl<T, S: Storage> sealed::Sealed for Single<T, S> {}

impl<T, S: Storage> Gather for Single<T, S> {
    type Input = T;
    type Item = T;
    type Value = T;
    type Buffer = S::Buffer<T>;
    type Prepare = ();

    const EMPTY: Self =
        Self { open: 0, len: 0, stock: <S::Stock<T> as Stock<T>>::EMPTY, since: Instant::EPOCH, taken: 0, due: 0 };
    const CAPACITY: usize = <S::Buffer<T> as Buffer<T>>::CAPACITY;

    #[inline]
    fn prepare((): &(), item: T) -> T {
        item
    }

    #[inline]
    fn restore(item: T) -> T {
        item
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn next_unit(&self) -> u64 {
        self.taken + self.units()
    }

    fn units(&self) -> u64 {
        self.len as u64
    }

    fn has_room(&self, _config: &Config, _item: &T) -> bool {
        self.len < Self::CAPACITY
    }

    #[inline]
    fn join(&mut self, config: &Config, item: &mut Option<T>) -> bool {
        if self.open == 0 || self.open + 1 >= config.max_quantity() {
            return false;
        }
        let Some(value) = item.take() else { return false };
        match self.stock.push(config.max_quantity(), value) {
            Ok(()) => {
                self.len += 1;
                self.open += 1;
                true
            }
            Err(value) => {
                *item = Some(value);
                false
            }
        }
    }

    #[inline]
    fn add(&mut self, config: &Config, now: Option<Instant>, item: T) -> Result<bool, NotAdded<T>> {
        let quantity = config.max_quantity();
        let opens = self.open == 0;
        if opens && now.is_none() {
            return Err(NotAdded::NeedsTime(item));
        }
        self.stock.push(quantity, item).map_err(NotAdded::Full)?;
        if let Some(now) = now.filter(|_| opens) {
            self.since = now;
        }
        self.len += 1;
        self.open += 1;
        let fills = self.open >= quantity;
        if fills {
            self.open = 0;
        }
        Ok(opens || fills)
    }

    fn due(&self, config: &Config) -> Due {
        if self.len == 0 {
            return Due::Never;
        }
        if self.len > self.open || self.taken < self.due {
            return Due::Now;
        }
        match self.since + config.interval() {
            Instant::MAX => Due::Never,
            end => Due::At(end),
        }
    }

    fn ripen(&mut self, config: &Config, now: Instant) {
        if self.open == 0 || self.open < self.len {
            return;
        }
        // The clock has gone back. The interval begins anew: so nothing leaves early, and nothing is stuck.
        self.since = self.since.min(now);
        let end = self.since + config.interval();
        if end <= now && end != Instant::MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.due = self.next_unit();
    }

    fn press(&mut self) {}

    fn take(&mut self, config: &Config) -> Option<Lot<S::Buffer<T>>> {
        let items = self.stock.take(config.max_quantity())?;
        let count = items.as_slice().len();
        let units = Units { first: self.taken, count: count as u64 };
        if self.len == self.open {
            self.open = 0;
        }
        self.len -= count;
        self.taken += units.count;
        Some(Lot { items, units })
    }

    fn shelve(&mut self, empty: S::Buffer<T>) {
        self.stock.shelve(empty);
    }

    #[cfg(debug_assertions)]
    fn invariants(&self, config: &Config) {
        debug_assert_eq!(self.len.checked_rem(config.max_quantity()).unwrap_or(0), self.open, "aligned");
        debug_assert!(self.due <= self.next_unit(), "nothing is due that is not there");
    }
}

impl<T, S: Storage> fmt::Debug for Single<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single").field("len", &self.len).finish_non_exhaustive()
    }
}
