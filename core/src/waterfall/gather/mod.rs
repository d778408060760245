//! [`Gather`]: how items come together in batches: all in one, or a batch for each key.

mod keyed;
mod single;

pub use keyed::PerKey;
pub use single::Single;

use crate::storage::Buffer;
use crate::time::Instant;

use super::config::Config;

/// When something is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// There is nothing that would leave by itself.
    Never,
    /// A batch leaves at this instant, unless it fills up before.
    At(Instant),
    /// There is a batch that is to leave.
    Now,
}

/// Which of all units those of a batch are.
///
/// A unit is what the end of a flush is counted in, numbered from zero: an item, or, with keys, a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// The number of the first.
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

/// A batch that has been taken out.
#[derive(Debug)]
pub struct Lot<B> {
    /// Its items, in the order in which they were accepted.
    pub items: B,
    /// What it counts for.
    pub units: Units,
}

/// Why an item was not added.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAdded<I> {
    /// It is the first of its batch, and the time must be known.
    NeedsTime(I),
    /// There is no room for it.
    Full(I),
}

/// How items come together in batches. It is implemented by [`Single`] and [`PerKey`], and by nobody else.
pub trait Gather: sealed::Sealed {
    /// What is put.
    type Input;
    /// The same, with what has been found out about it outside of the lock.
    type Item;
    /// What a batch holds.
    type Value;
    /// What a batch comes in.
    type Buffer: Buffer<Self::Value>;
    /// What looks at items outside of the lock.
    type Prepare;

    /// Nothing yet.
    const EMPTY: Self;
    /// How many items there may be at most.
    const CAPACITY: usize;

    /// Looks at an item, outside of the lock.
    fn prepare(with: &Self::Prepare, input: Self::Input) -> Self::Item;

    /// The item as it was put.
    fn restore(item: Self::Item) -> Self::Input;

    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there are no items.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number that the next unit gets.
    fn next_unit(&self) -> u64;

    /// How many units there are.
    fn units(&self) -> u64;

    /// Whether an item could be added.
    fn has_room(&self, config: &Config, item: &Self::Item) -> bool;

    /// Adds an item to a batch that has others in it and is not full with this one, so that nothing follows from it;
    /// `false`, and it stays where it is, if that cannot be.
    fn join(&mut self, config: &Config, item: &mut Option<Self::Item>) -> bool;

    /// Adds an item; answers whether [`due`](Self::due) may have changed by that.
    ///
    /// # Errors
    ///
    /// Gives the item back.
    fn add(
        &mut self,
        config: &Config,
        now: Option<Instant>,
        item: Self::Item,
    ) -> Result<bool, NotAdded<Self::Item>>;

    /// Whether something is to leave, as far as is known.
    fn due(&self, config: &Config) -> Due;

    /// Tells the time: what has waited for long enough is to leave.
    fn ripen(&mut self, config: &Config, now: Instant);

    /// Everything is to leave.
    fn flush(&mut self);

    /// Somebody waits for room.
    fn press(&mut self);

    /// Takes the next batch out, whether it is to leave or not.
    fn take(&mut self, config: &Config) -> Option<Lot<Self::Buffer>>;

    /// Gives the room of a batch back, which must be empty.
    fn shelve(&mut self, empty: Self::Buffer);

    /// Checks what must hold.
    #[cfg(debug_assertions)]
    fn invariants(&self, config: &Config);
}

mod sealed {
    pub trait Sealed {}
}
