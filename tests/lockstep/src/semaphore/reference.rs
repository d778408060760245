//! The semaphore as one would write it without a care for cost: a list of who waits, and loops over it.

use tidegate_core::semaphore::{AcquireError, TryAcquireError};

/// What [`tidegate_core::semaphore::Config`] says, in the open.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `None` is strict.
    pub bypass: Option<u32>,
    pub max_bypass: Option<u32>,
    pub barging: bool,
}

/// One who waits in line.
#[derive(Clone, Debug)]
struct Waiter {
    id: usize,
    priority: i32,
    permits: usize,
    waker: Option<u32>,
    /// How many grants to more urgent ones it has sat through.
    bypassed: u32,
    /// How many it has let pass as the first in line.
    passed: u32,
}

/// What a waiter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Granted,
    Waiting,
    WakerDiffers,
    Closed,
}

#[derive(Debug)]
pub(super) struct Reference {
    rules: Rules,
    most: usize,
    room: usize,
    pub(super) free: usize,
    /// Permits that vanish when they come back.
    pub(super) deficit: usize,
    /// Permits that exist, without those.
    pub(super) total: usize,
    pub(super) closed: bool,
    /// In the order of arrival.
    line: Vec<Waiter>,
    /// Who has been turned down and not heard of it.
    refused: Vec<usize>,
    /// Who has been granted permits and not fetched them, and how many.
    granted: Vec<(usize, usize)>,
    /// Barging: who has been woken to try.
    turn: Option<usize>,
}

impl Reference {
    pub(super) fn new(permits: usize, most: usize, room: usize, rules: Rules) -> Self {
        // Where whoever comes may barge in there is nothing to bound.
        let rules = if rules.barging { Rules { max_bypass: None, ..rules } } else { rules };
        Self {
            rules,
            most,
            room,
            free: permits,
            deficit: 0,
            total: permits,
            closed: false,
            line: Vec::new(),
            refused: Vec::new(),
            granted: Vec::new(),
            turn: None,
        }
    }

    pub(super) fn barges(&self) -> bool {
        self.rules.barging
    }

    pub(super) fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Permits that have been granted and not fetched.
    pub(super) fn on_their_way(&self) -> usize {
        self.granted.iter().map(|grant| grant.1).sum()
    }

    /// Whether nobody sits through more than the bound says.
    pub(super) fn bound_holds(&self) -> bool {
        self.rules.max_bypass.is_none_or(|bound| self.line.iter().all(|waiter| waiter.bypassed <= bound))
    }

    fn place(&self, id: usize) -> Option<usize> {
        self.line.iter().position(|waiter| waiter.id == id)
    }

    /// Places in the line, most urgent first, then by arrival.
    fn by_urgency(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.line.len()).collect();
        places.sort_by_key(|&place| (self.line[place].priority, self.line[place].id));
        places
    }

    /// Whose turn it is because they have been bypassed as often as they may be: the least urgent of those.
    fn overdue(&self) -> Option<usize> {
        let bound = self.rules.max_bypass?;
        let overdue = self.by_urgency().into_iter().filter(|&place| self.line[place].bypassed >= bound);
        overdue.min_by_key(|&place| (-i64::from(self.line[place].priority), self.line[place].id))
    }

    fn front(&self) -> Option<usize> {
        self.overdue().or_else(|| self.by_urgency().first().copied())
    }

    /// Whether the first in line cannot be served and lets others pass.
    fn front_lets_pass(&self) -> bool {
        let Some(at_most) = self.rules.bypass else { return false };
        self.overdue().is_none()
            && self
                .front()
                .is_some_and(|front| self.line[front].permits > self.free && self.line[front].passed < at_most)
    }

    /// Whom the free permits go to next.
    fn next_to_serve(&self) -> Option<usize> {
        let front = self.front()?;
        let fits = |place: &usize| self.line[*place].permits <= self.free;
        if fits(&front) {
            return Some(front);
        }
        if self.front_lets_pass() { self.by_urgency().into_iter().find(fits) } else { None }
    }

    /// Whether something is left to be settled.
    pub(super) fn unsettled(&self) -> bool {
        if self.closed {
            return !self.line.is_empty();
        }
        if self.rules.barging {
            return self.turn.is_none() && self.front().is_some_and(|front| self.line[front].permits <= self.free);
        }
        self.next_to_serve().is_some()
    }

    /// Counts that somebody of `priority` goes before everybody less urgent.
    fn count(&mut self, priority: i32) {
        for waiter in &mut self.line {
            if priority < waiter.priority {
                waiter.bypassed += 1;
            }
        }
    }

    pub(super) fn check(&self, permits: usize) -> Option<TryAcquireError> {
        if permits == 0 {
            return Some(TryAcquireError::ZeroPermits);
        }
        if permits > self.most {
            return Some(TryAcquireError::TooManyPermits);
        }
        self.closed.then_some(TryAcquireError::Closed)
    }

    /// Whether a newcomer may take permits at once.
    pub(super) fn may_take(&self, permits: usize, priority: i32) -> bool {
        permits <= self.free
            && (self.line.is_empty() || self.rules.barging || self.would_lead(priority) || self.may_pass())
    }

    pub(super) fn would_lead(&self, priority: i32) -> bool {
        self.overdue().is_none() && self.line.iter().all(|waiter| priority < waiter.priority)
    }

    /// Those in line come first.
    fn may_pass(&self) -> bool {
        self.front_lets_pass() && self.next_to_serve().is_none()
    }

    /// A newcomer takes permits.
    pub(super) fn take(&mut self, permits: usize, priority: i32) {
        self.free -= permits;
        if self.rules.barging || self.line.is_empty() {
            return;
        }
        if !self.would_lead(priority)
            && let Some(front) = self.front()
        {
            self.line[front].passed += 1;
        }
        self.count(priority);
    }

    pub(super) fn has_room(&self) -> bool {
        self.line.len() + self.refused.len() < self.room
    }

    pub(super) fn queue(&mut self, id: usize, permits: usize, priority: i32, waker: u32) {
        self.line.push(Waiter { id, priority, permits, waker: Some(waker), bypassed: 0, passed: 0 });
    }

    /// Settles until so many wakes have been gathered; answers them.
    pub(super) fn settle(&mut self, at_most: usize) -> Vec<u32> {
        let mut woken = Vec::new();
        while woken.len() < at_most && self.unsettled() {
            let front = self.front().expect("somebody waits");
            let waker = if self.closed {
                let waiter = self.line.remove(front);
                self.refused.push(waiter.id);
                waiter.waker
            } else if self.rules.barging {
                self.turn = Some(self.line[front].id);
                self.line[front].waker.take()
            } else {
                let next = self.next_to_serve().expect("it is not settled");
                if next != front {
                    self.line[front].passed += 1;
                }
                self.grant(next).waker
            };
            woken.extend(waker);
        }
        woken
    }

    fn grant(&mut self, place: usize) -> Waiter {
        let waiter = self.line.remove(place);
        self.free -= waiter.permits;
        self.granted.push((waiter.id, waiter.permits));
        self.count(waiter.priority);
        waiter
    }

    pub(super) fn is_in_line(&self, id: usize) -> bool {
        self.place(id).is_some()
    }

    pub(super) fn poll(&mut self, id: usize, waker: u32) -> Told {
        if let Some(place) = self.place(id) {
            if self.turn == Some(id) && self.line[place].permits <= self.free {
                self.turn = None;
                self.grant(place);
                self.granted.retain(|grant| grant.0 != id);
                return Told::Granted;
            }
            return if self.line[place].waker == Some(waker) { Told::Waiting } else { Told::WakerDiffers };
        }
        if self.refused.contains(&id) {
            self.refused.retain(|&refused| refused != id);
            return Told::Closed;
        }
        self.granted.retain(|grant| grant.0 != id);
        Told::Granted
    }

    /// Answers the waker that was replaced.
    pub(super) fn register(&mut self, id: usize, waker: u32) -> Option<u32> {
        if self.turn == Some(id) {
            self.turn = None;
        }
        let place = self.place(id).expect("only who waits registers");
        self.line[place].waker.replace(waker)
    }

    /// Somebody hears of the close while still in line.
    pub(super) fn leave(&mut self, id: usize) {
        self.line.retain(|waiter| waiter.id != id);
    }

    /// Answers the waker that is not needed any more.
    pub(super) fn cancel(&mut self, id: usize) -> Option<u32> {
        if self.turn == Some(id) {
            self.turn = None;
        }
        self.refused.retain(|&refused| refused != id);
        if let Some(grant) = self.granted.iter().position(|grant| grant.0 == id) {
            let (_, permits) = self.granted.remove(grant);
            self.give(permits);
        }
        let place = self.place(id)?;
        self.line.remove(place).waker
    }

    /// What has to vanish does; the rest is free.
    pub(super) fn give(&mut self, permits: usize) {
        let vanish = permits.min(self.deficit);
        self.deficit -= vanish;
        self.free += permits - vanish;
    }

    pub(super) fn add(&mut self, permits: usize) -> bool {
        if permits > self.most - self.total {
            return false;
        }
        self.total += permits;
        let paid = permits.min(self.deficit);
        self.deficit -= paid;
        self.free += permits - paid;
        true
    }

    pub(super) fn reduce(&mut self, permits: usize) -> usize {
        let gone = permits.min(self.total);
        let free = gone.min(self.free);
        self.total -= gone;
        self.free -= free;
        self.deficit += gone - free;
        gone
    }

    /// They are not there any more. If more had yet to vanish than would be left, these were among them.
    pub(super) fn forget(&mut self, permits: usize) {
        let all = self.total + self.deficit - permits;
        self.total -= permits.min(self.total);
        self.deficit = all - self.total;
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.turn = None;
    }

    /// What somebody who waits would be told who cannot wait.
    pub(super) fn refusal(error: TryAcquireError) -> Option<AcquireError> {
        match error {
            TryAcquireError::Closed => Some(AcquireError::Closed),
            TryAcquireError::ZeroPermits => Some(AcquireError::ZeroPermits),
            TryAcquireError::TooManyPermits => Some(AcquireError::TooManyPermits),
            _ => None,
        }
    }
}
