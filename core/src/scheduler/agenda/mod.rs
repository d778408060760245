//! [`Agenda`]: places by deadline, and among equal deadlines in the order in which they came.
//!
//! | | where deadlines stand | cost |
//! |---|---|---|
//! | on the heap | a [`Wheel`] without ticks; a [`Heap`] for the few that come before what has come out already | O(1) |
//! | inline | a [`Heap`] | O(log n) |
//! | wall clock | a [`Heap`] of their own, for that clock may step back | O(log n) |
//!
//! Each place has a *spot*, which says where its deadline stands, so that it can be taken out without a search and
//! leaves nothing behind.

mod chunks;
mod front;
mod heap;
#[cfg(all(test, not(loom)))]
mod tests;
mod wheel;

use heap::Heap;
pub(super) use wheel::Sought;
use wheel::Wheel;

use crate::storage::{Buffer, Storage};

/// The deadline that never comes. Who has it stands nowhere.
pub(super) const NEVER: u64 = u64::MAX;

/// How many places there may be: a spot has the bits for so many chunks, of which each has one place at least.
pub(super) const MAX_PLACES: u32 = chunks::MAX_CHUNKS;

/// Where the deadline of a place stands: in which of the parts, and where in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spot(u32);

impl Spot {
    const NOWHERE: Self = Self(u32::MAX);
    const NOWHERE_BY_WALL: Self = Self(u32::MAX - 1);
    const PART: u32 = 3 << 30;
    const WHEEL: u32 = 0;
    const LATE: u32 = 1 << 30;
    const WALL: u32 = 2 << 30;

    const fn part(self) -> u32 {
        self.0 & Self::PART
    }

    const fn within(self) -> u32 {
        self.0 & !Self::PART
    }
}

/// Notes where a place's deadline stands from now on.
#[inline]
fn note(spots: &mut [Spot], place: u32, spot: Spot) {
    if let Some(noted) = spots.get_mut(place as usize) {
        *noted = spot;
    }
}

/// Places by deadline. A place has at most one.
pub(super) struct Agenda<S: Storage> {
    /// By place.
    spots: S::Buffer<Spot>,
    wheel: Wheel<S>,
    /// Those that come before the wheel's base, or all of them where there is no wheel.
    late: Heap<S, { Spot::LATE }>,
    /// Those by the wall clock.
    wall: Heap<S, { Spot::WALL }>,
}

impl<S: Storage> Agenda<S> {
    pub(super) const fn new() -> Self {
        let spots = <S::Buffer<Spot> as Buffer<Spot>>::EMPTY;
        Self { spots, wheel: Wheel::new(), late: Heap::new(), wall: Heap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bound().is_none() && self.first_wall().is_none()
    }

    /// Sees to it that `place` can have a spot; `false` if there is no room.
    fn make_room(&mut self, place: u32) -> bool {
        while self.spots.as_slice().len() <= place as usize {
            if self.spots.push(Spot::NOWHERE).is_err() {
                return false;
            }
        }
        place < MAX_PLACES
    }

    /// Gives a place without a deadline one. `told` is the time as far as it is known; it need not be right.
    ///
    /// `false` if there is no room: the place is beyond what the storage can hold.
    #[inline]
    pub(super) fn insert(&mut self, place: u32, deadline: u64, told: u64) -> bool {
        if self.spots.as_slice().len() <= place as usize && !self.make_room(place) {
            return false;
        }
        if deadline == NEVER {
            note(self.spots.as_mut_slice(), place, Spot::NOWHERE);
            return true;
        }
        // The order matters where there are equal deadlines in both: those in the heap came before.
        self.wheel.insert(place, deadline, told, self.spots.as_mut_slice())
            || self.late.insert(place, deadline, self.spots.as_mut_slice())
    }

    /// The same by the wall clock.
    pub(super) fn insert_wall(&mut self, place: u32, deadline: u64) -> bool {
        if !self.make_room(place) {
            return false;
        }
        if deadline == NEVER {
            note(self.spots.as_mut_slice(), place, Spot::NOWHERE_BY_WALL);
            return true;
        }
        self.wall.insert(place, deadline, self.spots.as_mut_slice())
    }

    /// Takes the deadline of a place out.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        if let Some(spot) = self.spots.as_slice().get(place as usize).copied() {
            self.remove_at(spot);
        }
    }

    /// Takes out the deadline that stands there.
    #[inline]
    pub(super) fn remove_at(&mut self, spot: Spot) {
        match spot.part() {
            Spot::WHEEL => self.wheel.remove(spot.within()),
            Spot::LATE => self.late.remove(spot.within(), self.spots.as_mut_slice()),
            Spot::WALL => self.wall.remove(spot.within(), self.spots.as_mut_slice()),
            _ => {}
        }
    }

    /// Looks for the first deadline, in at most `steps` steps of sorting if it has come by `now`.
    #[inline]
    pub(super) fn seek(&mut self, now: u64, steps: u32) -> Sought {
        let sought = self.wheel.seek(now, steps, self.spots.as_mut_slice());
        match self.late.first() {
            // Of equal ones, those in the heap came before.
            Some((deadline, place)) if !sought.is_before(deadline) => {
                Sought::Exact { deadline, place, spot: Heap::<S, { Spot::LATE }>::spot(0) }
            }
            _ => sought,
        }
    }

    /// No deadline lies before this one; it is the first, unless many stand close together.
    pub(super) fn bound(&self) -> Option<u64> {
        earlier(self.late.first().map(|(deadline, _)| deadline), self.wheel.bound())
    }

    /// The first deadline. Where many stand close together each is looked at.
    pub(super) fn first(&self) -> Option<u64> {
        earlier(self.late.first().map(|(deadline, _)| deadline), self.wheel.first())
    }

    /// The first deadline by the wall clock, and whose it is.
    #[inline]
    pub(super) fn first_wall(&self) -> Option<(u64, u32)> {
        self.wall.first()
    }

    /// The deadline of a place, and whether it is by the wall clock.
    pub(super) fn deadline(&self, place: u32) -> (u64, bool) {
        let Some(&spot) = self.spots.as_slice().get(place as usize) else { return (NEVER, false) };
        let deadline = match spot.part() {
            Spot::WHEEL => self.wheel.deadline(spot.within()),
            Spot::LATE => self.late.deadline(spot.within()),
            Spot::WALL => self.wall.deadline(spot.within()),
            _ => None,
        };
        (deadline.unwrap_or(NEVER), spot.part() == Spot::WALL || spot == Spot::NOWHERE_BY_WALL)
    }

    /// How many chunks there are, in use or not.
    #[cfg(all(test, feature = "alloc"))]
    pub(super) fn chunks(&self) -> usize {
        self.wheel.chunks()
    }

    /// Checks that every spot is where it says, and that the parts are in order. Answers how many have a deadline.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self) -> usize {
        let spots = self.spots.as_slice();
        self.wheel.check(spots) + self.late.check(spots) + self.wall.check(spots)
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
