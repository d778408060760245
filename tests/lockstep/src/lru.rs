//! `Lru` and `TtlLru`, and a list that is searched from end to end.

use core::time::Duration;
use std::collections::VecDeque;

use tidegate_core::lru::{Displaced, Lru};
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Heap, Inline, Instant, Storage};

use crate::bytes::Bytes;

/// Room for what `Inline` is tried with; capacities beyond it are cut down to it.
pub const ROOM: usize = 16;

/// An operation.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Get(u8),
    GetMut(u8),
    Peek(u8),
    Insert(u8),
    /// With a lifetime of its own, where there are lifetimes.
    InsertFor(u8, u64),
    GetOrInsert(u8),
    Remove(u8),
    PopLru,
    PopExpired,
    HandleTimeout,
    Resize(usize),
    Clear,
    /// So much time passes, or comes back.
    Advance(u64),
    Back(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    key: u8,
    value: usize,
    /// `MAX` is never.
    deadline: u64,
}

impl Entry {
    fn is_live(&self, now: u64) -> bool {
        self.deadline == u64::MAX || now < self.deadline
    }
}

/// The most recent at the front.
#[derive(Debug, Default)]
struct Model {
    entries: VecDeque<Entry>,
    capacity: usize,
}

impl Model {
    fn position(&self, key: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn take(&mut self, key: u8) -> Option<Entry> {
        self.entries.remove(self.position(key)?)
    }

    fn peek(&self, key: u8, now: u64) -> Option<usize> {
        let entry = self.entries[self.position(key)?];
        entry.is_live(now).then_some(entry.value)
    }

    fn get(&mut self, key: u8, now: u64) -> Option<usize> {
        self.peek(key, now)?;
        let entry = self.take(key)?;
        self.entries.push_front(entry);
        Some(entry.value)
    }

    fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.entries.truncate(capacity);
    }

    fn in_order(&self, now: u64) -> Vec<(u8, usize)> {
        self.entries.iter().filter(|entry| entry.is_live(now)).map(|entry| (entry.key, entry.value)).collect()
    }
}

/// Does the steps in lockstep; those that are about time mean nothing here.
pub fn play<S: Storage>(capacity: usize, steps: &[Step]) {
    let mut cache: Lru<u8, usize, S> = Lru::new(capacity);
    let mut model = Model { capacity, ..Model::default() };
    for (value, &step) in steps.iter().enumerate() {
        match step {
            Step::Get(key) => assert_eq!(cache.get(&key).copied(), model.get(key, 0)),
            Step::GetMut(key) => {
                let changed = cache.get_mut(&key).map(|kept| *kept = value).is_some();
                assert_eq!(changed, model.get(key, 0).is_some());
                if changed {
                    model.entries[0].value = value;
                }
            }
            Step::Peek(key) => {
                assert_eq!(cache.peek(&key).copied(), model.peek(key, 0));
                assert_eq!(cache.contains_key(&key), model.position(key).is_some());
            }
            Step::Insert(key) | Step::InsertFor(key, _) => {
                let entry = Entry { key, value, deadline: u64::MAX };
                let expected = if let Some(former) = model.take(key) {
                    Some(Displaced::Replaced(key, former.value))
                } else if model.capacity == 0 {
                    Some(Displaced::Evicted(key, value))
                } else if model.entries.len() == model.capacity {
                    model.entries.pop_back().map(|entry| Displaced::Evicted(entry.key, entry.value))
                } else {
                    None
                };
                if model.capacity > 0 {
                    model.entries.push_front(entry);
                }
                assert_eq!(cache.insert(key, value), expected);
            }
            Step::GetOrInsert(key) => {
                let expected = model.get(key, 0).or_else(|| {
                    if model.capacity == 0 {
                        return None;
                    }
                    model.entries.truncate(model.capacity - 1);
                    model.entries.push_front(Entry { key, value, deadline: u64::MAX });
                    Some(value)
                });
                assert_eq!(cache.get_or_insert_with(key, || value).copied(), expected);
            }
            Step::Remove(key) => {
                assert_eq!(cache.remove_entry(&key), model.take(key).map(|entry| (entry.key, entry.value)));
            }
            Step::PopLru => {
                assert_eq!(cache.pop_lru(), model.entries.pop_back().map(|entry| (entry.key, entry.value)));
            }
            Step::Resize(capacity) => {
                let capacity = capacity.min(ROOM);
                cache.resize(capacity);
                model.resize(capacity);
            }
            Step::Clear => {
                cache.clear();
                model.entries.clear();
            }
            Step::PopExpired | Step::HandleTimeout | Step::Advance(_) | Step::Back(_) => continue,
        }
        let expected = model.in_order(0);
        assert!(cache.iter().map(|(&key, &value)| (key, value)).eq(expected.iter().copied()), "after {step:?}");
        assert!(cache.iter().rev().map(|(&key, _)| key).eq(expected.iter().rev().map(|entry| entry.0)));
        assert_eq!(cache.len(), expected.len());
    }
}

/// What the cache hands out must be what the model would part with.
///
/// Which of several expired entries goes is left open, and so is when, but for what `poll_timeout` promises.
#[expect(clippy::too_many_lines, reason = "a case per step")]
pub fn play_with_lifetimes<S: Storage>(capacity: usize, ttl: u64, steps: &[Step]) {
    let mut cache: TtlLru<u8, usize, S> = TtlLru::new(capacity, Duration::from_nanos(ttl));
    let mut model = Model { capacity, ..Model::default() };
    // What is passed, and what it counts as.
    let (mut passed, mut now) = (0_u64, 0_u64);
    for (value, &step) in steps.iter().enumerate() {
        let instant = Instant::from_nanos(passed);
        let mut saw_time = true;
        match step {
            Step::Advance(span) => passed = passed.saturating_add(span),
            Step::Back(span) => passed = passed.saturating_sub(span),
            _ => {}
        }
        let latest = now.max(passed);
        match step {
            Step::Advance(_) | Step::Back(_) => saw_time = false,
            Step::Get(key) => {
                saw_time = model.position(key).is_some();
                assert_eq!(cache.get(&key, instant).copied(), model.get(key, latest));
            }
            Step::GetMut(key) => {
                saw_time = model.position(key).is_some();
                let changed = cache.get_mut(&key, instant).map(|kept| *kept = value).is_some();
                assert_eq!(changed, model.get(key, latest).is_some());
                if changed {
                    model.entries[0].value = value;
                }
            }
            Step::Peek(key) => {
                saw_time = false;
                assert_eq!(cache.peek(&key, instant).copied(), model.peek(key, latest));
            }
            Step::Insert(key) => {
                let displaced = cache.insert(key, value, instant);
                insert(
                    &mut model,
                    Entry { key, value, deadline: latest.saturating_add(ttl) },
                    ttl,
                    latest,
                    displaced,
                );
            }
            Step::InsertFor(key, ttl) => {
                let displaced = cache.insert_with_ttl(key, value, Duration::from_nanos(ttl), instant);
                insert(
                    &mut model,
                    Entry { key, value, deadline: latest.saturating_add(ttl) },
                    ttl,
                    latest,
                    displaced,
                );
            }
            Step::GetOrInsert(key) => {
                // It does not tell what goes; so that only one thing can, what has expired goes before.
                purge(&mut cache, &mut model, instant, latest);
                let expected = model.get(key, latest).or_else(|| {
                    if model.capacity == 0 || ttl == 0 {
                        return None;
                    }
                    model.entries.truncate(model.capacity - 1);
                    model.entries.push_front(Entry { key, value, deadline: latest.saturating_add(ttl) });
                    Some(value)
                });
                assert_eq!(cache.get_or_insert_with(key, instant, || value).copied(), expected);
            }
            Step::Remove(key) => {
                saw_time = model.position(key).is_some();
                let expected = model.take(key).filter(|entry| entry.is_live(latest));
                assert_eq!(cache.remove(&key, instant), expected.map(|entry| entry.value));
            }
            Step::PopLru => {
                let expected = model.entries.pop_back().map(|entry| {
                    let (Entry { key, value, .. }, live) = (entry, entry.is_live(latest));
                    if live { Displaced::Evicted(key, value) } else { Displaced::Expired(key, value) }
                });
                assert_eq!(cache.pop_lru(instant), expected);
            }
            Step::PopExpired => {
                if let Some((key, value)) = cache.pop_expired(instant) {
                    let entry = model.take(key);
                    assert!(entry.is_some_and(|entry| entry.value == value && !entry.is_live(latest)));
                }
            }
            Step::HandleTimeout => purge(&mut cache, &mut model, instant, latest),
            Step::Resize(capacity) => {
                saw_time = false;
                let capacity = capacity.min(ROOM);
                cache.resize(capacity);
                model.resize(capacity);
            }
            Step::Clear => {
                saw_time = false;
                cache.clear();
                model.entries.clear();
            }
        }
        if saw_time {
            now = latest;
        }
        let instant = Instant::from_nanos(now);
        let expected = model.in_order(now);
        assert!(cache.iter(instant).map(|(&key, &value)| (key, value)).eq(expected), "after {step:?}");
        assert_eq!(cache.len(), model.entries.len());
        assert!(cache.len() <= cache.capacity());
        let soonest = model.entries.iter().map(|entry| entry.deadline).filter(|&at| at != u64::MAX).min();
        assert_eq!(cache.poll_timeout().is_some(), soonest.is_some());
        assert!(cache.poll_timeout().is_none_or(|due| Some(due.as_nanos()) <= soonest), "nothing expires before");
    }
}

/// Each call is bounded, but the calls that `poll_timeout` asks for come to an end.
fn purge<S: Storage>(cache: &mut TtlLru<u8, usize, S>, model: &mut Model, instant: Instant, now: u64) {
    let mut calls = 0;
    while cache.poll_timeout().is_some_and(|due| due.as_nanos() <= now) {
        cache.handle_timeout(instant);
        calls += 1;
        assert!(calls < 100, "it goes on for ever");
    }
    cache.handle_timeout(instant);
    model.entries.retain(|entry| entry.is_live(now));
}

fn insert(model: &mut Model, entry: Entry, ttl: u64, now: u64, displaced: Option<Displaced<u8, usize>>) {
    if let Some(former) = model.take(entry.key) {
        let expected = if former.is_live(now) {
            Displaced::Replaced(entry.key, former.value)
        } else {
            Displaced::Expired(entry.key, former.value)
        };
        assert_eq!(displaced, Some(expected));
    } else if model.capacity == 0 {
        assert_eq!(displaced, Some(Displaced::Evicted(entry.key, entry.value)));
        return;
    } else if ttl == 0 {
        assert_eq!(displaced, Some(Displaced::Expired(entry.key, entry.value)));
        return;
    } else if model.entries.len() == model.capacity {
        let gone = displaced.map(Displaced::into_entry);
        let entry = part_with_one(model, now, |key| gone.is_some_and(|gone| gone.0 == key));
        let expected = if entry.is_live(now) {
            Displaced::Evicted(entry.key, entry.value)
        } else {
            Displaced::Expired(entry.key, entry.value)
        };
        assert_eq!(displaced, Some(expected));
    } else {
        assert_eq!(displaced, None);
    }
    model.entries.push_front(entry);
}

/// The least recent goes, unless one has expired.
fn part_with_one(model: &mut Model, now: u64, is_gone: impl Fn(u8) -> bool) -> Entry {
    let expired: Vec<_> = model.entries.iter().filter(|entry| !entry.is_live(now)).copied().collect();
    if expired.is_empty() {
        return model.entries.pop_back().expect("it is full");
    }
    let gone = expired.iter().find(|entry| is_gone(entry.key)).expect("an expired one goes first");
    model.take(gone.key).expect("it is there")
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(16), bytes.byte());
        let key = detail % 24;
        match kind {
            0 | 1 => Self::Get(key),
            2 => Self::GetMut(key),
            3 => Self::Peek(key),
            4 | 5 => Self::Insert(key),
            6 | 7 => Self::InsertFor(key, bytes.number()),
            8 => Self::GetOrInsert(key),
            9 => Self::Remove(key),
            10 => Self::PopLru,
            11 => Self::PopExpired,
            12 => Self::HandleTimeout,
            13 if detail == 255 => Self::Clear,
            13 => Self::Resize(usize::from(detail) % (ROOM + 4)),
            14 => Self::Advance(bytes.number()),
            _ => Self::Back(bytes.number()),
        }
    }
}

fn read(bytes: &mut Bytes<'_>) -> (usize, Vec<Step>) {
    let capacity = usize::from(bytes.byte()) % (ROOM + 1);
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(bytes));
    }
    (capacity, steps)
}

/// Interprets bytes as what is done with an `Lru`, in both storages.
pub fn run(data: &[u8]) {
    let (capacity, steps) = read(&mut Bytes::new(data));
    play::<Inline<ROOM>>(capacity, &steps);
    play::<Heap>(capacity, &steps);
}

/// Interprets bytes as what is done with a `TtlLru`, in both storages.
pub fn run_with_lifetimes(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let ttl = bytes.number();
    let (capacity, steps) = read(&mut bytes);
    play_with_lifetimes::<Inline<ROOM>>(capacity, ttl, &steps);
    play_with_lifetimes::<Heap>(capacity, ttl, &steps);
}
