//! Batches: many items one by one on one side, few batches on the other.
//!
//! A [`Waterfall`] gathers what is [put](Waterfall::put) and lets it go in batches, by volume or by interval, whichever
//! comes first; the interval begins with the batch's first item, so an idle waterfall never wakes anybody. Rows for a
//! database, points for a metrics server, frames for a radio: whatever costs much per call and little per item.
//!
//! | | batches |
//! |---|---|
//! | [`Waterfall`] of [`Single`] | one after the other, in order of acceptance |
//! | [`KeyedWaterfall`] | for each key one, in bounded number |
//! | [`Batcher`](crate::batcher::Batcher) | requests that are answered together, each to its caller |
//!
//! [`Machine`] is the state machine beneath, for those who bring their own lock. The adapters name the handles without
//! parameters, and run the callback: `tidegate_tokio::Waterfall`.
//!
//! # What is promised
//!
//! Every item that was accepted is in exactly one batch, in order of acceptance, and every batch is given to exactly
//! one taker: whoever is cancelled, whatever fails, whenever it is closed. What a [stop](Waterfall::stop) does not get
//! done in time is handed out by it. A waterfall that is dropped drops what is in it; the adapters' handles
//! [close](Waterfall::close) instead, and their loops go on until all is done.
//!
//! # Source
//!
//! The seed is `waterfall` of the Python library `async-utils`, with backpressure, and with an interval that is counted
//! from the first item rather than ticking.

mod answers;
mod batch;
mod config;
mod error;
mod flush;
mod gather;
mod machine;
mod next;
mod put;
mod run;
mod settle;
mod stop;
#[cfg(all(test, not(loom)))]
mod tests;

pub use answers::{Entered, Entry, Flushing, Idle, Putting, Refused, Stats, Taking};
pub use batch::Batch;
pub use config::{Config, InvalidConfig};
pub use error::{FlushError, PutError, TryPutError};
pub use flush::Flush;
pub use gather::{Due, Gather, Lot, NotAdded, PerKey, Single, Units};
pub use machine::Machine;
pub use next::NextBatch;
pub use put::Put;
pub use run::{Failed, Verdict};
pub use stop::Unfinished;

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::task::Waker;

use crate::platform::{Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Instant, Timer};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// Gathers items into batches; shared by reference, by `Arc` or as a `static`.
///
/// `G` is how items come together: [`Single`] or [`PerKey`]. `Q` has room for those who wait, as many in each of three
/// lines: for room, for batches, for the end. `T` is the clock, the platform's own unless one is passed.
///
/// Items may be put before anybody takes batches: they are gathered, up to the capacity, and their interval runs.
///
/// # Fairness
///
/// Those who wait for room are served in order of arrival, and nobody who comes later overtakes them. Batches go to
/// those who take them in order of arrival.
///
/// # Cost
///
/// To put: one short lock, and a reading of the clock for the first item of a batch. To take a batch: three or four
/// locks, and a timer while it is not full. On the heap a batch changes hands without being copied, and its room is
/// used again: no allocation per item, and none per batch, once as many batches have been there at once as there will
/// be. Inline, a batch is copied once.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::waterfall::{Config, Single, Waterfall};
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let clock = ManualClock::<Local, Inline<1>>::new();
/// let config = Config::new(3, Duration::from_millis(5))?;
/// let rows: Waterfall<Single<u32, Inline<16>>, Local, Inline<2>, _> = Waterfall::with_timer(config, &clock);
///
/// for row in 0..4 {
///     rows.try_put(row).expect("there is room");
/// }
/// let full = rows.try_next_batch().expect("three are there");
/// assert_eq!(*full, [0, 1, 2]);
/// full.done();
///
/// assert!(rows.try_next_batch().is_none(), "neither full nor due");
/// clock.advance(Duration::from_millis(5));
/// let due = rows.try_next_batch().expect("it is due");
/// assert_eq!(*due, [3]);
/// due.done();
/// # Ok::<(), tidegate_core::waterfall::InvalidConfig>(())
/// ```
pub struct Waterfall<G: Gather, P: Platform, Q: Storage, T: Timer = <P as Timed>::Timer> {
    timer: T,
    prepare: G::Prepare,
    locked: Lock<P::RawMutex, Machine<Waker, G, Q>>,
}

/// A [`Waterfall`] with a batch for each key, up to [`max_keys`](Config::max_keys) at once: see [`PerKey`]. What is put
/// is a pair of key and item.
///
/// `S` has room for the items of one batch, `B` for as many batches, `Q` for those who wait.
///
/// ```
/// use core::hash::BuildHasherDefault;
/// use core::time::Duration;
/// use std::hash::DefaultHasher;
/// use tidegate_core::waterfall::{Config, KeyedWaterfall};
/// use tidegate_core::{Inline, Instant, Local, ManualClock};
///
/// type Hasher = BuildHasherDefault<DefaultHasher>;
///
/// let clock = ManualClock::<Local, Inline<1>>::new();
/// let config = Config::new(2, Duration::from_millis(5))?;
/// let points: KeyedWaterfall<&str, u32, Local, Inline<8>, Inline<4>, Inline<1>, Hasher, _> =
///     KeyedWaterfall::with_parts(config, Hasher::default(), &clock);
/// for point in [("left", 1), ("right", 2), ("left", 3)] {
///     points.try_put(point).expect("there is room");
/// }
/// let left = points.try_next_batch().expect("it is full");
/// assert_eq!(*left, [("left", 1), ("left", 3)]);
/// left.done();
/// assert!(points.try_next_batch().is_none(), "the other is neither full nor due");
/// # Ok::<(), tidegate_core::waterfall::InvalidConfig>(())
/// ```
pub type KeyedWaterfall<K, V, P, S, B, Q, H, T = <P as Timed>::Timer> = Waterfall<PerKey<K, V, S, B, H>, P, Q, T>;

impl<G: Gather<Prepare = ()>, P: Timed, Q: Storage> Waterfall<G, P, Q, P::Timer> {
    const_fn! {
        /// Nothing gathered, on the platform's own clock.
        #[must_use]
        pub fn new(config: Config) -> Self {
            Self::with_timer(config, P::TIMER)
        }
    }
}

impl<G: Gather<Prepare = ()>, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    const_fn! {
        /// Nothing gathered, on the clock of `timer`.
        #[must_use]
        pub fn with_timer(config: Config, timer: T) -> Self {
            Self { timer, prepare: (), locked: Lock::new(Machine::new(config)) }
        }
    }
}

impl<K: Hash + Eq, V, S: Storage, B: Storage, H: BuildHasher + Default, P: Timed, Q: Storage>
    Waterfall<PerKey<K, V, S, B, H>, P, Q, P::Timer>
{
    /// Nothing gathered, on the platform's own clock.
    #[must_use]
    pub fn keyed(config: Config) -> Self {
        Self::with_parts(config, H::default(), P::TIMER)
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    const_fn! {
        /// With everything chosen: `prepare` is what hashes the keys of [`PerKey`], or nothing.
        #[must_use]
        pub fn with_parts(config: Config, prepare: G::Prepare, timer: T) -> Self {
            Self { timer, prepare, locked: Lock::new(Machine::new(config)) }
        }
    }

    /// The waterfall's timer.
    pub const fn timer(&self) -> &T {
        &self.timer
    }

    /// The configuration, cut to what there is room for.
    #[must_use]
    pub fn config(&self) -> Config {
        self.locked.with(|machine| machine.config())
    }

    /// What has gone through: figures for display, outdated by the time they are seen.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.locked.with(|machine| machine.stats())
    }

    /// How many items wait for their batch to be taken: a figure for display.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked.with(|machine| machine.len())
    }

    /// Whether no item waits for its batch to be taken: a figure for display.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for room: a figure for display.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|machine| machine.waiters())
    }

    /// Whether it has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.locked.with(|machine| machine.is_closed())
    }

    /// Accepts nothing more, and lets what has been accepted leave now, in batches as large as ever.
    ///
    /// Those who wait for room are turned away with their items. Once the last batch has been taken, those who want
    /// another one hear that there is none. Closing again does nothing.
    pub fn close(&self) {
        self.transact(self.now(), &mut self.wakes(), Machine::close);
    }

    /// Lets what has been accepted leave now, also if it is few. Returns at once; [`flush`](Self::flush) waits.
    pub fn flush_now(&self) {
        self.transact(self.now(), &mut self.wakes(), Machine::flush);
    }

    fn now(&self) -> Instant {
        self.timer.now()
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    fn transact<U>(
        &self,
        now: Instant,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Machine<Waker, G, Q>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            let output = operation(machine);
            if machine.is_unsettled() {
                wakes.gather(|list| machine.settle(now, list));
            }
            output
        })
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Settle for Waterfall<G, P, Q, T> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        let now = self.now();
        self.locked.with(|machine| machine.settle(now, list))
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> fmt::Debug for Waterfall<G, P, Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waterfall").field("len", &self.len()).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait WaterfallRef for Waterfall<G: Gather, P: Platform, Q: Storage, T: Timer>, by waterfall {
        /// How items come together.
        type Gather: Gather = G;
        /// The waterfall's platform.
        type Platform: Platform = P;
        /// Where those who wait are kept.
        type Room: Storage = Q;
        /// The waterfall's timer.
        type Timer: Timer = T;
    }
}
