//! [`Machine`]: batches, those who put, those who take, and those who wait for the end, as a pure state machine.
//!
//! ```text
//!               put: room, and nobody before it
//!         ┌────────────────────────────────────────┐
//!     item┤                                        ▼
//!         └─wait─► waiting ──settle: room, turn──► gathered ──take: full, due, flushed──► in flight ──finish──► gone
//!                   │    │                         │                                      (done, failed)
//!            cancel │    │ settle: closed          │ stop: the time is up
//!                   ▼    ▼                         ▼
//!                 the item is given back         handed out as unfinished
//!
//!   open ──close──► closed ──abandon──► stopped
//! ```
//!
//! An item that waits for room stands in the line itself, and is moved from there as soon as there is room: a key that
//! finds nobody *is* the acceptance. So items are accepted in the order in which they came, whenever their tasks are
//! polled.
//!
//! Of those who want batches, the first in line keeps time for all. It is called when a batch is to leave; if it takes one
//! and there is another, or if it goes away, the next is called.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *bounded*: no more items are unfinished than there is room for, and those gathered are among them;
//! 2. *admitted*: nobody waits for room that there is, nor at a closed door;
//! 3. *called*: while a batch may leave, the first of those who want one has been called; while one is to leave at
//!    some time, that one keeps time, or has been called;
//! 4. *told*: nobody waits for the end of what has come to an end;
//! 5. *inviting*: the flag says what it says;
//! 6. those of [`Gather`].

use core::fmt;

use super::answers::{Entered, Entry, Flushing, Idle, Putting, Refused, Stats, Taking};
use super::config::Config;
use super::gather::{Due, Gather, Lot, NotAdded, Units};
use crate::Priority;
use crate::storage::Storage;
use crate::time::Instant;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::Wake;

/// An item that waits for room.
pub(super) struct Putter<W, I> {
    pub(super) item: Option<I>,
    pub(super) waker: Option<W>,
}

/// Somebody who waits for the end of all units before `mark`.
pub(super) struct Flusher<W> {
    pub(super) waker: Option<W>,
    mark: u64,
    /// How many of them have not come to an end.
    pub(super) left: u64,
}

/// Who keeps time, and until when; `None` if there is none to keep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) key: WaiterKey,
    pub(super) until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closed,
    Stopped,
}

/// Batches, by volume or by interval, as a pure state machine.
///
/// `G` is how items come together, [`Single`](super::Single) or [`PerKey`](super::PerKey); `Q` has room for those who
/// wait: to put, to take, and for the end. It never wakes, never sleeps and never allocates beyond its storage.
///
/// Drive it thus: call an operation, then [`settle`](Self::settle) into a fresh [`WakeList`](crate::WakeList), over and over while
/// it says that there is more, dropping each list outside of the lock that guards the machine. Call
/// [`handle_timeout`](Self::handle_timeout) at the instant that [`poll_timeout`](Self::poll_timeout) names.
/// [`Waterfall`](super::Waterfall) does so.
///
/// # Cost
///
/// O(1) per item and per batch; one step per flush that is waited for when a batch comes to an end.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::waterfall::{Config, Idle, Machine, Refused, Single};
/// use tidegate_core::{Inline, Instant, Wake};
///
/// # struct Flag;
/// # impl Wake for Flag {
/// #     fn wake(self) {}
/// #     fn will_wake(&self, _: &Self) -> bool { true }
/// # }
/// let at = Instant::from_nanos;
/// let config = Config::new(3, Duration::from_nanos(10))?;
/// let mut machine: Machine<Flag, Single<char, Inline<8>>, Inline<2>> = Machine::new(config);
///
/// assert_eq!(machine.put(None, 'a'), Err(Refused::NeedsTime('a')));
/// assert!(machine.put(Some(at(5)), 'a').is_ok());
/// assert!(machine.put(None, 'b').is_ok());
/// assert_eq!(machine.poll_timeout(), Some(at(15)));
///
/// assert!(matches!(machine.take(at(14)), Err(Idle::NotYet)));
/// let lot = machine.take(at(15)).unwrap();
/// assert_eq!(lot.items.as_slice(), ['a', 'b']);
/// machine.finish(lot.units, 2, true);
/// # Ok::<(), tidegate_core::waterfall::InvalidConfig>(())
/// ```
// What every item touches comes first.
#[repr(C)]
pub struct Machine<W, G: Gather, Q: Storage> {
    /// Open, and nobody waits for room.
    pub(super) inviting: bool,
    pub(super) state: State,
    /// Something has happened that somebody in a line may have to hear of.
    pub(super) unsettled: bool,
    pub(super) unfinished: usize,
    pub(super) config: Config,
    pub(super) gather: G,
    pub(super) in_flight: usize,
    units_in_flight: u64,
    /// How many items have come to an end.
    pub(super) ended: u64,
    done: u64,
    failed: u64,
    pub(super) putters: WaitQueue<Putter<W, G::Item>, Q>,
    pub(super) takers: WaitQueue<Option<W>, Q>,
    pub(super) keeper: Option<Keeper>,
    pub(super) flushers: WaitQueue<Flusher<W>, Q>,
}

/// All stand in line as they come.
const FIFO: Priority = Priority(0);

impl<W, G: Gather, Q: Storage> Machine<W, G, Q> {
    /// Nothing gathered, nobody waiting.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            inviting: true,
            state: State::Open,
            unsettled: false,
            unfinished: 0,
            config: config.within(G::CAPACITY, <G::Buffer as crate::Buffer<G::Value>>::CAPACITY),
            gather: G::EMPTY,
            in_flight: 0,
            units_in_flight: 0,
            ended: 0,
            done: 0,
            failed: 0,
            putters: WaitQueue::new(),
            takers: WaitQueue::new(),
            keeper: None,
            flushers: WaitQueue::new(),
        }
    }

    /// The configuration, cut to what there is room for.
    #[must_use]
    pub const fn config(&self) -> Config {
        self.config
    }

    /// What has gone through.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        Stats {
            accepted: self.ended + self.unfinished as u64,
            done: self.done,
            failed: self.failed,
            unfinished: self.unfinished,
            in_flight: self.in_flight,
        }
    }

    /// How many items wait for their batch to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gather.len()
    }

    /// Whether no item waits for its batch to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gather.is_empty()
    }

    /// Whether nothing is accepted any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state != State::Open
    }

    /// How many wait for room.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.putters.len()
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[inline]
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// The instant at which something changes by itself: a batch is to leave.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.due() {
            Due::At(end) => Some(end),
            Due::Now | Due::Never => None,
        }
    }

    /// Tells the time. It may be told at any time; call [`settle`](Self::settle) afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.gather.ripen(&self.config, now);
        self.unsettled |= !self.takers.is_empty();
    }

    /// When a batch may leave, as far as those who take are concerned.
    pub(super) fn due(&self) -> Due {
        if self.in_flight >= self.config.in_flight() || self.state == State::Stopped {
            return Due::Never;
        }
        self.gather.due(&self.config)
    }

    /// Accepts an item if nothing is in the way and nothing follows from it; otherwise it may be accepted all the same.
    #[inline]
    pub(super) fn put_at_once(&mut self, item: &mut Option<G::Item>) {
        if self.inviting && self.unfinished < self.config.room() {
            self.unfinished += usize::from(self.gather.join(&self.config, item));
        }
    }

    /// Accepts an item here and now. Call [`settle`](Self::settle) afterwards.
    ///
    /// The time need not be told until it is asked for, as it is for the first item of a batch.
    ///
    /// # Errors
    ///
    /// Gives the item back.
    #[inline]
    pub fn put(&mut self, now: Option<Instant>, item: G::Item) -> Result<(), Refused<G::Item>> {
        if self.state != State::Open {
            return Err(Refused::Closed(item));
        }
        if self.unfinished >= self.config.room() || !self.putters.is_empty() {
            return Err(Refused::Full(item));
        }
        self.add(now, item).map_err(|not_added| match not_added {
            NotAdded::NeedsTime(item) => Refused::NeedsTime(item),
            NotAdded::Full(item) => Refused::Full(item),
        })
    }

    #[inline]
    fn add(&mut self, now: Option<Instant>, item: G::Item) -> Result<(), NotAdded<G::Item>> {
        let news = self.gather.add(&self.config, now, item)?;
        self.unfinished += 1;
        if news && !self.takers.is_empty() {
            self.unsettled = true;
        }
        Ok(())
    }

    /// Accepts an item, or takes a place in line for it. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the item and the waker back: [`Full`](Refused::Full) if there is no room for another waiter.
    pub fn wait_to_put(
        &mut self,
        now: Instant,
        item: G::Item,
        waker: W,
    ) -> Result<Entry<W>, (Refused<G::Item>, W)> {
        let item = match self.put(Some(now), item) {
            Ok(()) => return Ok(Entry::Done(waker)),
            Err(Refused::Full(item)) => item,
            Err(refused) => return Err((refused, waker)),
        };
        match self.putters.push(FIFO, Putter { item: Some(item), waker: Some(waker) }) {
            Ok(key) => {
                self.inviting = false;
                self.unsettled = true;
                Ok(Entry::Queued(key))
            }
            Err(Putter { item: Some(item), waker: Some(waker) }) => Err((Refused::Full(item), waker)),
            Err(_) => unreachable!("the waiter was made with both"),
        }
    }

    /// Asks what has become of an item that stood in line. Drop the waker that it answers, which is no longer
    /// needed, outside of the lock.
    pub fn poll_put(&mut self, key: WaiterKey, waker: &W) -> (Putting<G::Item>, Option<W>)
    where
        W: Wake,
    {
        let Some(putter) = self.putters.get(key) else { return (Putting::Accepted, None) };
        if self.state == State::Open {
            let same = putter.waker.as_ref().is_some_and(|registered| registered.will_wake(waker));
            return (if same { Putting::Waiting } else { Putting::WakerDiffers }, None);
        }
        match self.putters.remove(key) {
            Some(Putter { item: Some(item), waker }) => (Putting::Closed(item), waker),
            _ => unreachable!("the item waits with its waiter"),
        }
    }

    /// Registers another waker for an item in line; answers the one to be dropped outside of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the item waits no more: [`poll_put`](Self::poll_put) it.
    pub fn register_put(&mut self, key: WaiterKey, waker: W) -> Result<Option<W>, W> {
        match self.putters.get_mut(key) {
            Some(putter) if self.state == State::Open => Ok(putter.waker.replace(waker)),
            _ => Err(waker),
        }
    }

    /// Takes an item out of the line. Call [`settle`](Self::settle) afterwards.
    ///
    /// Answers the item, `None` if it has been accepted, and the waker; to be dropped outside of the lock.
    pub fn cancel_put(&mut self, key: WaiterKey) -> (Option<G::Item>, Option<W>) {
        self.unsettled = true;
        self.putters.remove(key).map_or((None, None), |putter| (putter.item, putter.waker))
    }

    /// Takes a batch, if one is to leave and may. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`Idle`].
    pub fn take(&mut self, now: Instant) -> Result<Lot<G::Buffer>, Idle> {
        if self.state == State::Stopped || (self.state == State::Closed && self.gather.is_empty()) {
            return Err(Idle::Ended);
        }
        self.gather.ripen(&self.config, now);
        if self.due() != Due::Now {
            return Err(Idle::NotYet);
        }
        self.take_next().ok_or(Idle::NotYet)
    }

    fn take_next(&mut self) -> Option<Lot<G::Buffer>> {
        let lot = self.gather.take(&self.config)?;
        self.in_flight += 1;
        self.units_in_flight += lot.units.count;
        // Room for a key may have come free, and there may be another batch.
        self.unsettled = true;
        Some(lot)
    }

    /// Takes a batch that was left when the machine was [abandoned](Self::abandon).
    pub fn take_rest(&mut self) -> Option<Lot<G::Buffer>> {
        if self.state == State::Stopped { self.take_next() } else { None }
    }

    /// Takes a batch, or a place in line for one. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room for another waiter.
    pub fn wait_to_take(&mut self, now: Instant, waker: W) -> Result<Entered<W, G>, W> {
        match self.take(now) {
            Ok(lot) => return Ok(Entered::Taken(lot, waker)),
            Err(Idle::Ended) => return Ok(Entered::Ended(waker)),
            Err(Idle::NotYet) => {}
        }
        match self.takers.push(FIFO, Some(waker)) {
            Ok(key) => Ok(Entered::Queued { key, alarm: self.keep_time(key) }),
            Err(Some(waker)) => Err(waker),
            Err(None) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// Asks for a batch from a place in line. Call [`settle`](Self::settle) afterwards, and drop the waker that it
    /// answers, which is no longer needed, outside of the lock.
    pub fn poll_take(&mut self, now: Instant, key: WaiterKey, waker: &W) -> (Taking<G::Buffer>, Option<W>)
    where
        W: Wake,
    {
        match self.take(now) {
            Ok(lot) => return (Taking::Taken(lot), self.cancel_take(key)),
            Err(Idle::Ended) => return (Taking::Ended, self.cancel_take(key)),
            Err(Idle::NotYet) => {}
        }
        let taking = match self.takers.get(key) {
            Some(Some(registered)) if registered.will_wake(waker) => {
                Taking::Waiting { alarm: self.keep_time(key) }
            }
            _ => Taking::WakerDiffers,
        };
        (taking, None)
    }

    /// Registers another waker for somebody in line; answers the one to be dropped outside of the lock, and an
    /// alarm as in [`Taking::Waiting`].
    ///
    /// # Errors
    ///
    /// Gives the waker back if nobody stands there, or there is a batch by now: [`poll_take`](Self::poll_take).
    pub fn register_take(&mut self, key: WaiterKey, waker: W) -> Result<(Option<W>, Option<Instant>), W> {
        let ready = self.due() == Due::Now || self.has_ended();
        match self.takers.get_mut(key) {
            Some(registered) if !ready => {
                let replaced = registered.replace(waker);
                Ok((replaced, self.keep_time(key)))
            }
            _ => Err(waker),
        }
    }

    /// Leaves the line. Call [`settle`](Self::settle) afterwards. Answers the waker, to be dropped outside of the
    /// lock.
    pub fn cancel_take(&mut self, key: WaiterKey) -> Option<W> {
        self.unsettled = true;
        self.takers.remove(key).flatten()
    }

    pub(super) fn has_ended(&self) -> bool {
        match self.state {
            State::Open => false,
            State::Closed => self.gather.is_empty(),
            State::Stopped => true,
        }
    }

    fn keep_time(&mut self, key: WaiterKey) -> Option<Instant> {
        if self.takers.front() != Some(key) {
            return None;
        }
        let until = self.poll_timeout();
        self.keeper = Some(Keeper { key, until });
        until
    }

    /// A batch of `items` items has come to an end, well or not. Call [`settle`](Self::settle) afterwards.
    pub fn finish(&mut self, units: Units, items: usize, well: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.units_in_flight = self.units_in_flight.saturating_sub(units.count);
        self.unfinished = self.unfinished.saturating_sub(items);
        self.ended += items as u64;
        *(if well { &mut self.done } else { &mut self.failed }) += 1;
        let mut flusher = self.flushers.front();
        while let Some(key) = flusher {
            flusher = self.flushers.next(key);
            if let Some(flusher) = self.flushers.get_mut(key) {
                let before = flusher.mark.saturating_sub(units.first).min(units.count);
                flusher.left = flusher.left.saturating_sub(before);
            }
        }
        self.unsettled = true;
    }

    /// Takes back the room of a batch, which must be empty.
    pub fn shelve(&mut self, empty: G::Buffer) {
        self.gather.shelve(empty);
    }

    /// Everything that has been accepted is to leave now. Call [`settle`](Self::settle) afterwards.
    pub fn flush(&mut self) {
        self.gather.flush();
        self.unsettled = true;
    }

    /// The same, and takes a place in line for the end of it, unless all has come to an end already.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room for another waiter. It is flushed all the same.
    pub fn wait_to_flush(&mut self, waker: W) -> Result<Entry<W>, W> {
        self.flush();
        let left = self.gather.units() + self.units_in_flight;
        if left == 0 {
            return Ok(Entry::Done(waker));
        }
        let flusher = Flusher { waker: Some(waker), mark: self.gather.next_unit(), left };
        match self.flushers.push(FIFO, flusher) {
            Ok(key) => Ok(Entry::Queued(key)),
            Err(Flusher { waker: Some(waker), .. }) => Err(waker),
            Err(_) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// Asks whether all has come to an end. Drop the waker that it answers, which is no longer needed, outside of
    /// the lock.
    pub fn poll_flush(&mut self, key: WaiterKey, waker: &W) -> (Flushing, Option<W>)
    where
        W: Wake,
    {
        let Some(flusher) = self.flushers.get(key) else { return (Flushing::Finished, None) };
        if self.state != State::Stopped {
            let same = flusher.waker.as_ref().is_some_and(|registered| registered.will_wake(waker));
            return (if same { Flushing::Waiting } else { Flushing::WakerDiffers }, None);
        }
        (Flushing::Stopped, self.flushers.remove(key).and_then(|flusher| flusher.waker))
    }

    /// Registers another waker; answers the one to be dropped outside of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is nothing to wait for any more: [`poll_flush`](Self::poll_flush).
    pub fn register_flush(&mut self, key: WaiterKey, waker: W) -> Result<Option<W>, W> {
        match self.flushers.get_mut(key) {
            Some(flusher) if self.state != State::Stopped => Ok(flusher.waker.replace(waker)),
            _ => Err(waker),
        }
    }

    /// Waits no longer. Answers the waker, to be dropped outside of the lock.
    pub fn cancel_flush(&mut self, key: WaiterKey) -> Option<W> {
        self.flushers.remove(key).and_then(|flusher| flusher.waker)
    }

    /// Accepts nothing more; what has been accepted is to leave now. Call [`settle`](Self::settle) afterwards.
    pub fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closed;
        }
        self.inviting = false;
        self.flush();
    }

    /// Lets nothing more leave: what is left is for [`take_rest`](Self::take_rest). Call [`settle`](Self::settle)
    /// afterwards.
    pub fn abandon(&mut self) {
        self.state = State::Stopped;
        self.inviting = false;
        self.unsettled = true;
    }
}

impl<W, G: Gather, Q: Storage> fmt::Debug for Machine<W, G, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("len", &self.gather.len())
            .field("state", &self.state)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
