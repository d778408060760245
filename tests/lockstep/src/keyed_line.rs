//! The lines of the limiter with a bucket per key, and a map of naive ones.

use core::cell::Cell;
use core::future::Future;
use core::hash::BuildHasherDefault;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::sync::Arc;
use std::task::Wake;

use tidegate_core::Rooms;
use tidegate_core::rate_limiter::{
    KeyedAcquire, KeyedAcquireError, KeyedError, KeyedRateLimiter, TokenBucket, WhenFull,
};
use tidegate_core::{Clock, Heap, Inline, Instant, Local, ManualClock, ManualSleep, Priority, Timer};

use crate::bytes::Bytes;
use crate::limiter::Naive;

const KEYS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// How many may wait in one shard, where that is bounded.
const PLACES: usize = 6;

type Hasher = BuildHasherDefault<DefaultHasher>;
type TestClock = ManualClock<Local, Heap>;
type Limiter<'a, S, const SHARDS: usize> = KeyedRateLimiter<u8, Local, S, Counting<'a>, Hasher, SHARDS>;
type Waiting<'a, S, const SHARDS: usize> = KeyedAcquire<&'a Limiter<'a, S, SHARDS>, &'a u8>;

/// A timer that counts the sleeps that somebody waits for.
#[derive(Debug)]
pub struct Counting<'a> {
    clock: &'a TestClock,
    armed: &'a Cell<usize>,
}

/// One of its sleeps.
#[derive(Debug)]
pub struct Counted<'a> {
    sleep: ManualSleep<'a, Local, Heap>,
    armed: &'a Cell<usize>,
}

impl Clock for Counting<'_> {
    fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl<'a> Timer for Counting<'a> {
    type Sleep = Counted<'a>;

    fn sleep_until(&self, deadline: Instant) -> Counted<'a> {
        self.armed.set(self.armed.get() + 1);
        Counted { sleep: self.clock.sleep_until(deadline), armed: self.armed }
    }
}

impl Future for Counted<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(cx)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.armed.set(self.armed.get() - 1);
    }
}

/// Whether somebody has been woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One key, the slow way.
#[derive(Clone, Debug)]
struct Line {
    bucket: Naive,
    /// By priority, then arrival: how many tokens.
    waiters: BTreeMap<(i32, usize), u32>,
}

impl Line {
    fn serve(&mut self) {
        while let Some((&first, &wanted)) = self.waiters.first_key_value() {
            if !self.bucket.fits(wanted, 0) {
                return;
            }
            self.bucket.take(wanted, 0);
            self.waiters.remove(&first);
        }
    }

    /// In how many nanoseconds so many tokens could be had.
    fn wait_for(&self, wanted: u32) -> u64 {
        let (mut later, mut nanos) = (self.bucket.clone(), 0);
        while !later.fits(wanted, 0) {
            later.pass(1);
            nanos += 1;
        }
        nanos
    }

    fn is_short(&self) -> bool {
        !self.bucket.fits(self.bucket.most(), 0)
    }
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Pass(u64),
    ToDeadline,
    TryAcquire { key: u8, tokens: u32 },
    Acquire { key: u8, tokens: u32, priority: i32 },
    Poll { who: usize },
    Cancel { who: usize },
    Refund { key: u8, tokens: u32 },
}

struct Asker<'a, S: Rooms, const SHARDS: usize> {
    future: Pin<Box<Waiting<'a, S, SHARDS>>>,
    flag: Arc<Flag>,
    key: u8,
    place: (i32, usize),
    tokens: u32,
}

struct Run<'a, S: Rooms, const SHARDS: usize> {
    limiter: &'a Limiter<'a, S, SHARDS>,
    clock: &'a TestClock,
    armed: &'a Cell<usize>,
    full: Line,
    lines: BTreeMap<u8, Line>,
    askers: Vec<Asker<'a, S, SHARDS>>,
}

impl<S: Rooms, const SHARDS: usize> Run<'_, S, SHARDS> {
    fn line(&mut self, key: u8) -> &mut Line {
        self.lines.entry(key).or_insert_with(|| self.full.clone())
    }

    /// Whether a key that has, or would get, a full bucket finds no room.
    fn is_full_for(&self, key: u8) -> bool {
        let short = |but: bool| {
            self.lines.iter().filter(|(other, line)| (**other == key) == but && line.is_short()).count()
        };
        short(true) == 0 && short(false) >= self.limiter.capacity()
    }

    /// Polls somebody, who is dropped if that was all.
    fn poll(&mut self, nth: usize) -> bool {
        let Asker { future, flag, key, place, .. } = &mut self.askers[nth];
        flag.0.store(false, Ordering::Relaxed);
        let waits = self.lines.get(key).is_some_and(|line| line.waiters.contains_key(place));
        let answer = future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(flag))));
        match answer {
            Poll::Ready(answer) => {
                assert_eq!(answer, Ok(()));
                assert!(!waits, "early");
                self.askers.remove(nth);
                true
            }
            Poll::Pending => waits,
        }
    }

    fn woken(&self) -> Option<usize> {
        self.askers.iter().position(|asker| asker.flag.0.load(Ordering::Relaxed))
    }

    /// Polls whoever has been woken, as an executor would, until nobody is; then nobody is late.
    fn run_woken(&mut self) {
        while let Some(nth) = self.woken() {
            self.poll(nth);
        }
        for asker in &self.askers {
            assert!(self.lines[&asker.key].waiters.contains_key(&asker.place), "late");
        }
    }

    fn pass(&mut self, nanos: u64) {
        self.run_woken();
        self.clock.advance(Duration::from_nanos(nanos));
        self.lines.values_mut().for_each(|line| {
            line.bucket.pass(nanos);
            line.serve();
        });
        self.run_woken();
    }

    fn check(&self) {
        assert!(self.limiter.len() <= self.limiter.capacity());
        if self.woken().is_some() {
            return;
        }
        let waiting: usize = self.lines.values().map(|line| line.waiters.len()).sum();
        assert_eq!(self.limiter.waiters(), waiting);
        let due = |line: &Line| Some(line.wait_for(*line.waiters.values().next()?));
        let first = self.lines.values().filter_map(due).min();
        let first = first.map(|nanos| self.clock.now() + Duration::from_nanos(nanos));
        assert_eq!(self.clock.next_deadline(), first, "whoever is first holds the timer");
        let keys = self.lines.values().filter(|line| !line.waiters.is_empty()).count();
        assert_eq!(self.armed.get(), keys, "a timer for each key that is waited for");
    }

    fn step(&mut self, number: usize, step: Step) {
        match step {
            Step::Pass(nanos) => self.pass(nanos),
            Step::ToDeadline => {
                if let Some(due) = self.clock.next_deadline() {
                    self.pass(due.as_nanos().saturating_sub(self.clock.now().as_nanos()));
                }
            }
            Step::TryAcquire { key, tokens } => {
                let (is_full, now) = (self.is_full_for(key), self.clock.now());
                let answer = self.limiter.try_acquire(&KEYS[usize::from(key)], tokens);
                let line = self.line(key);
                let first = line.waiters.first_key_value().map(|(place, tokens)| (place.0, *tokens));
                let leads = first.is_none_or(|(priority, _)| 0 < priority);
                if tokens == 0 {
                    assert_eq!(answer, Err(KeyedError::ZeroTokens));
                } else if tokens > line.bucket.most() {
                    assert_eq!(answer, Err(KeyedError::ExceedsBurst));
                } else if is_full {
                    assert_eq!(answer, Err(KeyedError::Full));
                } else if leads && line.bucket.fits(tokens, 0) {
                    assert_eq!(answer, Ok(()));
                    line.bucket.take(tokens, 0);
                } else {
                    let others = first.filter(|_| !leads).map_or(0, |(_, tokens)| line.wait_for(tokens));
                    let earliest = now + Duration::from_nanos(line.wait_for(tokens).max(others));
                    assert_eq!(answer.map_err(|error| error.earliest()), Err(Some(earliest)));
                }
            }
            Step::Acquire { key, tokens, priority } => {
                let is_full = self.is_full_for(key);
                let waiting = self.limiter.waiters();
                let flag = Arc::new(Flag::default());
                let future = self.limiter.acquire(&KEYS[usize::from(key)], tokens).priority(Priority(priority));
                let mut future = Box::pin(future);
                let answer = future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&flag))));
                let line = self.line(key);
                let leads = line.waiters.keys().next().is_none_or(|first| priority < first.0);
                let fits = tokens <= line.bucket.most() && leads && line.bucket.fits(tokens, 0);
                match answer {
                    Poll::Ready(Err(KeyedAcquireError::ZeroTokens)) => assert_eq!(tokens, 0),
                    Poll::Ready(Err(KeyedAcquireError::ExceedsBurst)) => assert!(tokens > line.bucket.most()),
                    Poll::Ready(Err(KeyedAcquireError::Full)) => assert!(is_full),
                    Poll::Ready(Err(KeyedAcquireError::LineFull)) => assert!(!fits && waiting >= PLACES),
                    Poll::Ready(Err(error)) => panic!("{error}"),
                    Poll::Ready(Ok(())) => {
                        assert!(fits && !is_full);
                        line.bucket.take(tokens, 0);
                    }
                    Poll::Pending => {
                        assert!(!fits && !is_full);
                        let place = (priority, number);
                        line.waiters.insert(place, tokens);
                        self.askers.push(Asker { future, flag, key, place, tokens });
                    }
                }
            }
            Step::Poll { who } => {
                if let Some(nth) = who.checked_rem(self.askers.len())
                    && !self.poll(nth)
                {
                    // Its turn has come, and somebody else is about to say so.
                    assert!(self.woken().is_some(), "late");
                    self.run_woken();
                }
            }
            Step::Cancel { who } => {
                if let Some(nth) = who.checked_rem(self.askers.len()) {
                    let Asker { key, place, tokens, .. } = self.askers.remove(nth);
                    let line = self.line(key);
                    if line.waiters.remove(&place).is_none() {
                        line.bucket.refund(tokens);
                    }
                    line.serve();
                }
            }
            Step::Refund { key, tokens } => {
                self.limiter.refund(&KEYS[usize::from(key)], tokens);
                let line = self.line(key);
                line.bucket.refund(tokens);
                line.serve();
            }
        }
        self.check();
    }
}

fn play_in<S: Rooms, const SHARDS: usize>(bucket: &Naive, capacity: usize, steps: &[Step]) {
    let (clock, armed) = (TestClock::new(), Cell::new(0));
    let timer = Counting { clock: &clock, armed: &armed };
    let template = TokenBucket::new(bucket.quota()).expect("it is a bucket");
    let limiter: Limiter<'_, S, SHARDS> =
        KeyedRateLimiter::with_parts(template, capacity, WhenFull::Refuse, timer, Hasher::default());
    let full = Line { bucket: bucket.clone(), waiters: BTreeMap::new() };
    let mut run =
        Run { limiter: &limiter, clock: &clock, armed: &armed, full, lines: BTreeMap::new(), askers: Vec::new() };
    for (number, step) in steps.iter().enumerate() {
        run.step(number, *step);
    }
    drop(run);
    assert_eq!((limiter.waiters(), armed.get()), (0, 0));
}

/// Does the steps in lockstep, with one shard that has few places, and with several that have many.
pub fn play(bucket: &Naive, capacity: usize, steps: &[Step]) {
    play_in::<(Heap, Inline<PLACES>), 1>(bucket, capacity, steps);
    play_in::<Heap, 3>(bucket, capacity, steps);
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(16), bytes.byte());
        let (key, tokens, priority) = (detail % 8, u32::from(detail / 8 % 5), i32::from(detail / 40 % 3) - 1);
        let who = usize::from(detail);
        match kind {
            0 | 1 => Self::Pass(u64::from(detail % 32)),
            2 | 3 => Self::ToDeadline,
            4 => Self::TryAcquire { key, tokens },
            5..11 => Self::Acquire { key, tokens, priority },
            11 | 12 => Self::Poll { who },
            13 | 14 => Self::Cancel { who },
            _ => Self::Refund { key, tokens },
        }
    }
}

/// Interprets bytes as a quota, a capacity, and what is done with so many keys.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (tokens, period) = (1 + u32::from(bytes.below(5)), 1 + u64::from(bytes.below(39)));
    let bucket = Naive::bucket(tokens, period, 1 + u32::from(bytes.below(4)));
    let capacity = 1 + usize::from(bytes.below(8));
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(&bucket, capacity, &steps);
}
