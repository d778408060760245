//! The lines, by a clock in hand: a timer that counts says that there is one per key that is waited for.

use core::cell::Cell;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::rc::Rc;

use super::super::super::tests::{Counting, Fast, SECOND, TestClock, poll};
use super::super::machine::{Admission, Asked, Machine, Standing};
use super::super::table::Entered;
use super::super::{KeyedAcquireError, KeyedError, KeyedRateLimiter, WhenFull};
use super::{Hasher, at, bucket};
use crate::rate_limiter::{Quota, TokenBucket};
use crate::{Inline, Instant, Local, ManualClock, Priority, Wake, WakeList};

const DONE: Poll<Result<(), KeyedAcquireError>> = Poll::Ready(Ok(()));

type Keyed<'a, const SHARDS: usize> = KeyedRateLimiter<u64, Fast, Inline<8>, Counting<'a>, Hasher, SHARDS>;

#[derive(Default)]
struct Setting {
    clock: TestClock,
    armed: Cell<usize>,
}

impl Setting {
    fn limiter<const SHARDS: usize>(&self, bucket: TokenBucket, when_full: WhenFull) -> Keyed<'_, SHARDS> {
        let timer = Counting { clock: &self.clock, armed: &self.armed };
        KeyedRateLimiter::with_parts(bucket, 4, when_full, timer, Hasher::default())
    }

    /// One a second, and so many at once.
    fn seconds(&self, burst: u32) -> Keyed<'_, 1> {
        self.limiter(bucket(1, 1_000_000_000, burst), WhenFull::Refuse)
    }
}

#[test]
fn each_key_by_priority_then_arrival_exactly_on_time_with_one_timer() {
    let setting = Setting::default();
    let limiter = setting
        .limiter::<1>(TokenBucket::new(Quota::per(3, Duration::from_secs(7)).unwrap()).unwrap(), WhenFull::Refuse);
    for key in [1, 2] {
        assert!(limiter.try_acquire(&key, 3).is_ok());
        setting.clock.advance(SECOND);
    }
    let mut first = pin!(limiter.acquire(&1, 1));
    let mut second = pin!(limiter.acquire(&1, 1));
    let mut urgent = pin!(limiter.acquire(&1, 1).priority(Priority(-1)));
    let mut other = pin!(limiter.acquire(&2, 1));
    assert!(poll(other.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    for waiter in [other.as_mut(), first.as_mut(), second.as_mut(), urgent.as_mut()] {
        assert!(poll(waiter).is_pending());
    }
    assert_eq!((setting.armed.get(), limiter.waiters()), (2, 4));

    setting.clock.set(at(2_333_333_333));
    assert!(poll(urgent.as_mut()).is_pending(), "early");
    setting.clock.set(at(2_333_333_334));
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(poll(urgent.as_mut()), DONE);
    assert_eq!(poll(urgent.as_mut()), Poll::Pending, "for good");
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(setting.clock.next_deadline(), Some(at(3_333_333_334)), "the other key's");
    setting.clock.set(at(3_333_333_334));
    assert_eq!(poll(other.as_mut()), DONE);
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!((setting.clock.next_deadline(), setting.armed.get()), (Some(at(4_666_666_667)), 1));
    setting.clock.set(at(4_666_666_667));
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(poll(first.as_mut()), DONE);
    assert!(poll(second.as_mut()).is_pending());
    setting.clock.set(at(7_000_000_000));
    assert_eq!(poll(second.as_mut()), DONE, "three per seven seconds, without drift");
    assert_eq!((setting.armed.get(), limiter.waiters()), (0, 0));
}

#[test]
fn a_first_that_is_dropped_hands_turn_and_timer_on() {
    let setting = Setting::default();
    let limiter = setting.seconds(1);
    assert!(limiter.try_acquire(&1, 1).is_ok());
    let mut next = pin!(limiter.acquire(&1, 1));
    {
        let mut head = pin!(limiter.acquire(&1, 1));
        assert!(poll(head.as_mut()).is_pending());
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(setting.armed.get(), 1);
    }
    assert_eq!(setting.armed.get(), 0);
    assert!(poll(next.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 1);
    setting.clock.advance(SECOND);
    assert_eq!(poll(next.as_mut()), DONE);
}

#[test]
fn a_grant_that_is_dropped_unseen_goes_to_the_next_of_its_key() {
    let setting = Setting::default();
    let limiter = setting.seconds(1);
    assert!(limiter.try_acquire(&1, 1).is_ok());
    let mut next = pin!(limiter.acquire(&1, 1));
    {
        let mut head = pin!(limiter.acquire(&1, 1));
        assert!(poll(head.as_mut()).is_pending());
        assert!(poll(next.as_mut()).is_pending());
        setting.clock.advance(SECOND);
        // Somebody else's call serves the one who was first.
        assert!(limiter.try_acquire(&1, 1).is_err());
        assert_eq!(limiter.waiters(), 1);
    }
    assert_eq!(poll(next.as_mut()), DONE);
}

#[test]
fn nobody_overtakes_who_waits_unless_more_urgent() {
    struct Urgent;
    impl crate::Platform for Urgent {
        type RawMutex = mutex::raw_impls::local::LocalRawMutex;
        type CrowdedMutex = Self::RawMutex;
        const FAST_PATH: bool = false;
        fn ambient_priority() -> Priority {
            Priority(-1)
        }
    }
    let clock = TestClock::new();
    let limiter: KeyedRateLimiter<u64, Urgent, Inline<8>, &TestClock, Hasher> =
        KeyedRateLimiter::with_parts(bucket(1, 1_000_000_000, 4), 4, WhenFull::Refuse, &clock, Hasher::default());
    assert!(limiter.try_acquire(&1, 2).is_ok());
    let mut large = Box::pin(limiter.acquire(&1, 4).priority(Priority(-1)));
    assert!(poll(large.as_mut()).is_pending());
    // Two are left, and gather for the one that wants four.
    assert_eq!(limiter.try_acquire(&1, 1).unwrap_err().earliest(), Some(at(2_000_000_000)));
    assert_eq!(limiter.try_acquire(&1, 0), Err(KeyedError::ZeroTokens));
    assert_eq!(limiter.try_acquire(&1, 5), Err(KeyedError::ExceedsBurst));
    let mut small = pin!(limiter.acquire(&1, 1));
    assert!(poll(small.as_mut()).is_pending());
    drop(large);
    {
        let mut large = pin!(limiter.acquire(&1, 4).priority(Priority(0)));
        let mut less = pin!(limiter.acquire(&1, 1).priority(Priority(1)));
        assert_eq!(poll(small.as_mut()), DONE, "nobody before it any more");
        assert!(poll(large.as_mut()).is_pending());
        assert!(poll(less.as_mut()).is_pending());
        assert!(limiter.try_acquire(&1, 1).is_ok(), "more urgent than both");
        clock.advance(3 * SECOND);
        assert!(poll(less.as_mut()).is_pending());
        assert!(poll(large.as_mut()).is_pending(), "that one token came first");
        clock.advance(SECOND);
        assert_eq!(poll(large.as_mut()), DONE);
    }
}

#[test]
fn a_refund_is_for_whoever_is_first() {
    let setting = Setting::default();
    let limiter = setting.seconds(2);
    assert!(limiter.try_acquire(&1, 2).is_ok());
    let mut first = pin!(limiter.acquire(&1, 2));
    assert!(poll(first.as_mut()).is_pending());
    limiter.refund(&1, 1);
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(setting.clock.next_deadline(), Some(at(1_000_000_000)), "a new plan");
    assert_eq!(limiter.level(&1).available, 1);
    limiter.refund(&1, 1);
    assert_eq!(poll(first.as_mut()), DONE);
    assert_eq!(limiter.level(&1).available, 0);
}

#[test]
fn a_key_with_a_line_is_never_evicted() {
    for when_full in [WhenFull::Refuse, WhenFull::ForgetFullest] {
        let setting = Setting::default();
        let limiter = setting.limiter::<1>(bucket(1, 1_000_000_000, 2), when_full);
        // The first is the fullest, but somebody waits for it.
        for (key, tokens) in [(1, 1), (2, 2), (3, 2), (4, 2)] {
            assert!(limiter.try_acquire(&key, tokens).is_ok());
        }
        let mut waiting = pin!(limiter.acquire(&1, 2));
        assert!(poll(waiting.as_mut()).is_pending());
        match when_full {
            WhenFull::Refuse => assert_eq!(limiter.try_acquire(&5, 1), Err(KeyedError::Full)),
            WhenFull::ForgetFullest => assert_eq!(limiter.try_acquire(&5, 1), Ok(())),
        }
        assert_eq!((limiter.len(), limiter.waiters()), (4, 1));
        setting.clock.advance(SECOND);
        assert_eq!(poll(waiting.as_mut()), DONE);
        // Now it may be: its bucket is full two seconds later.
        setting.clock.advance(2 * SECOND);
        assert_eq!(limiter.try_acquire(&6, 1), Ok(()));
        super::check_any(&limiter);
    }
}

#[test]
fn a_table_full_of_lines_has_no_room_and_says_so() {
    let setting = Setting::default();
    let limiter = setting.limiter::<1>(bucket(1, 1_000_000_000, 1), WhenFull::ForgetFullest);
    let keys = [1, 2, 3, 4];
    for key in &keys {
        assert!(limiter.try_acquire(key, 1).is_ok());
    }
    let mut waiting = keys.each_ref().map(|key| Box::pin(limiter.acquire(key, 1)));
    for waiter in &mut waiting {
        assert!(poll(waiter.as_mut()).is_pending());
    }
    assert_eq!(limiter.try_acquire(&5, 1), Err(KeyedError::Full));
    assert_eq!(poll(pin!(limiter.acquire(&5, 1))), Poll::Ready(Err(KeyedAcquireError::Full)));
    // Whoever is due is served first, and then there is room as in an unbounded one.
    setting.clock.advance(2 * SECOND);
    drop(waiting);
    setting.clock.advance(SECOND);
    assert_eq!(limiter.try_acquire(&5, 1), Ok(()));
    super::check_any(&limiter);
}

#[test]
fn who_is_due_and_is_not_polled_is_in_nobodys_way() {
    let setting = Setting::default();
    let limiter = setting.limiter::<2>(bucket(1, 1_000_000_000, 3), WhenFull::Refuse);
    for key in [1, 2, 3, 4] {
        assert!(limiter.try_acquire(&key, 3).is_ok());
    }
    let mut waiting = pin!(limiter.acquire(&1, 1));
    assert!(poll(waiting.as_mut()).is_pending());
    {
        let mut gone = pin!(limiter.acquire(&2, 3));
        assert!(poll(gone.as_mut()).is_pending());
        setting.clock.advance(3 * SECOND);
        // Those for which nobody waits are full.
        for key in [5, 6] {
            assert_eq!(limiter.try_acquire(&key, 1), Ok(()), "key {key}");
        }
    }
    super::check_any(&limiter);
    assert_eq!(poll(waiting.as_mut()), DONE);
}

#[test]
fn what_makes_no_sense_and_what_has_no_room_is_an_error() {
    let setting = Setting::default();
    let timer = Counting { clock: &setting.clock, armed: &setting.armed };
    let limiter: KeyedRateLimiter<u64, Fast, (Inline<4>, Inline<2>), _, Hasher> =
        KeyedRateLimiter::with_parts(bucket(1, 1_000_000_000, 1), 4, WhenFull::Refuse, timer, Hasher::default());
    assert_eq!(poll(pin!(limiter.acquire(&1, 0))), Poll::Ready(Err(KeyedAcquireError::ZeroTokens)));
    assert_eq!(poll(pin!(limiter.acquire(&1, 2))), Poll::Ready(Err(KeyedAcquireError::ExceedsBurst)));
    assert!(limiter.is_empty(), "what is refused takes no room");
    assert_eq!(poll(pin!(limiter.acquire(&1, 1))), DONE);
    assert_eq!(poll(pin!(limiter.acquire(&2, 1))), DONE);
    assert_eq!(poll(pin!(limiter.acquire(&1, 0))), Poll::Ready(Err(KeyedAcquireError::ZeroTokens)));
    let (mut one, mut two) = (pin!(limiter.acquire(&1, 1)), pin!(limiter.acquire(&1, 1)));
    assert!(poll(one.as_mut()).is_pending());
    assert!(poll(two.as_mut()).is_pending());
    for key in [1, 2] {
        assert_eq!(poll(pin!(limiter.acquire(&key, 1))), Poll::Ready(Err(KeyedAcquireError::LineFull)));
    }
    assert_eq!(poll(pin!(limiter.acquire(&1, 0))), Poll::Ready(Err(KeyedAcquireError::ZeroTokens)));
    assert_eq!(poll(pin!(limiter.acquire(&1, 2))), Poll::Ready(Err(KeyedAcquireError::ExceedsBurst)));
    assert_eq!(limiter.waiters(), 2);

    let nobody: KeyedRateLimiter<u64, Local, (Inline<4>, Inline<0>), Instant, Hasher> =
        KeyedRateLimiter::with_parts(bucket(1, 5, 1), 4, WhenFull::Refuse, at(0), Hasher::default());
    assert!(nobody.try_acquire(&1, 1).is_ok());
    assert!(nobody.try_acquire_at(&1, 1, at(4)).is_err());
    assert!(nobody.try_acquire_at(&1, 1, at(5)).is_ok());
}

#[test]
fn a_clock_that_comes_back_from_afar_strands_nobody() {
    let setting = Setting::default();
    let limiter = setting.seconds(1);
    let year = Instant::EPOCH + Duration::from_hours(24 * 365);
    setting.clock.set(year);
    for key in [1, 2] {
        assert!(limiter.try_acquire(&key, 1).is_ok());
    }
    let (mut one, mut two) = (pin!(limiter.acquire(&1, 1)), pin!(limiter.acquire(&2, 1)));
    assert!(poll(one.as_mut()).is_pending());
    assert!(poll(two.as_mut()).is_pending());
    setting.clock.set(at(0));
    // Whoever comes makes both begin anew.
    assert!(limiter.try_acquire(&1, 1).is_err());
    assert!(poll(one.as_mut()).is_pending());
    assert!(poll(two.as_mut()).is_pending());
    setting.clock.advance(SECOND);
    assert_eq!(poll(one.as_mut()), DONE);
    assert_eq!(poll(two.as_mut()), DONE);
}

#[test]
fn at_the_end_of_time_nobody_is_admitted_and_nothing_breaks() {
    // Less than a nanosecond for each: the only buckets that could be full at the very end.
    for (tokens, nanos, burst) in [(1, 1, 1), (3, 1, 1), (3, 1, 2), (7, 2, 5), (1, u64::MAX, 1)] {
        let setting = Setting::default();
        let limiter = setting.limiter::<1>(bucket(tokens, nanos, burst), WhenFull::Refuse);
        setting.clock.set(Instant::MAX);
        let mut new = pin!(limiter.acquire(&9, burst));
        let _ = poll(new.as_mut());
        for key in [1, 2, 3, 4, 5] {
            while limiter.try_acquire(&key, 1).is_ok() {}
            let mut waiting = pin!(limiter.acquire(&key, burst));
            let _ = poll(waiting.as_mut());
            let _ = (limiter.try_acquire(&key, 1), poll(waiting.as_mut()));
            limiter.refund(&key, 1);
            let _ = poll(waiting.as_mut());
            super::check_any(&limiter);
        }
        assert_eq!(limiter.waiters(), 0);
    }
}

#[test]
fn a_wait_that_times_out_takes_nothing_along() {
    let setting = Setting::default();
    let limiter = setting.seconds(1);
    let mut free = pin!(limiter.acquire_timeout(&1, 1, Duration::ZERO));
    assert_eq!(poll(free.as_mut()), DONE);
    {
        let mut late = pin!(limiter.acquire_timeout(&1, 1, SECOND / 2));
        assert!(poll(late.as_mut()).is_pending());
        setting.clock.advance(SECOND / 2);
        assert_eq!(poll(late.as_mut()), Poll::Ready(Err(KeyedAcquireError::TimedOut)));
    }
    assert_eq!((limiter.waiters(), setting.armed.get()), (0, 0));
    setting.clock.advance(SECOND / 2);
    assert!(limiter.try_acquire(&1, 1).is_ok());
}

#[test]
fn an_owned_future_is_for_any_pointer_and_lives_by_itself() {
    fn is_static<F: Future + 'static>(future: F) -> F {
        future
    }
    let clock: &'static ManualClock<Local, Inline<4>> = Box::leak(Box::new(ManualClock::new()));
    let limiter: Rc<KeyedRateLimiter<u64, Local, Inline<4>, _, Hasher, 3>> = Rc::new(
        KeyedRateLimiter::with_parts(bucket(1, 1_000_000_000, 1), 4, WhenFull::Refuse, clock, Hasher::default()),
    );
    assert!(limiter.try_acquire(&1, 1).is_ok());
    let mut waiting = Box::pin(is_static(KeyedRateLimiter::acquire_owned(Rc::clone(&limiter), 1, 1)));
    assert!(poll(waiting.as_mut()).is_pending());
    clock.advance(SECOND);
    assert_eq!(poll(waiting.as_mut()), DONE);
    assert_eq!(Rc::strong_count(&limiter), 1, "it lets go once it is done");
}

/// A waker for a machine by itself.
#[derive(Debug, PartialEq)]
struct Bell<'a>(u32, &'a Cell<u32>);

impl Wake for Bell<'_> {
    fn wake(self) {
        self.1.set(self.1.get() << 4 | self.0);
    }

    fn will_wake(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

#[test]
fn the_machine_tells_who_leads_and_serves_all_who_are_due() {
    let (rung, template) = (Cell::new(0), bucket(1, 10, 1));
    let bell = |number| Bell(number, &rung);
    let asked = |key: &'static u64| Asked { hash: *key, key, bucket: &template };
    let settle = |machine: &mut Machine<u64, _, Inline<4>>| {
        let mut wakes = WakeList::new();
        assert!(!machine.settle(&mut wakes));
        machine.answer()
    };
    let mut machine = Machine::new();
    assert_eq!(machine.poll_timeout(), None);
    for (key, time) in [(7, 3), (5, 0)] {
        let entered = machine.table_mut().enter(key, key, &template, 1, at(time), 4, false);
        assert!(matches!(entered, Entered::Answered(Ok(()), None)));
    }
    let wait = |machine: &mut Machine<u64, _, _>, key, number| match machine.acquire(
        asked(key),
        1,
        Priority(0),
        bell(number),
    ) {
        Ok(Admission::Queued(place)) => (place, settle(machine)),
        _ => panic!("it has to wait"),
    };
    machine.handle_timeout(at(4));
    let (later, until) = wait(&mut machine, &7, 1);
    assert_eq!((until, machine.poll_timeout()), (Some(at(13)), Some(at(13))));
    let (sooner, until) = wait(&mut machine, &5, 2);
    assert_eq!((until, machine.poll_timeout()), (Some(at(10)), Some(at(10))));
    let (last, until) = wait(&mut machine, &5, 3);
    assert_eq!((until, rung.take()), (None, 0));

    assert_eq!(machine.poll(at(5), later, &bell(4), &mut None), Standing::WakerDiffers);
    assert!(matches!(machine.register(later, bell(4)), Ok(Some(Bell(1, _)))));
    assert_eq!(settle(&mut machine), Some(at(13)), "it still leads");
    // Both are served by whoever comes; the one who asks needs no wake.
    assert_eq!(machine.poll(at(13), sooner, &bell(2), &mut None), Standing::Granted);
    assert_eq!((settle(&mut machine), rung.take()), (None, 0x34));
    assert_eq!(machine.poll_timeout(), Some(at(23)), "the last of the line leads, and has been told");
    assert_eq!(machine.poll(at(13), later, &bell(4), &mut None), Standing::Granted);
    assert!(machine.cancel(last, asked(&5), 1).is_none());
    assert_eq!((settle(&mut machine), machine.waiters(), machine.poll_timeout()), (None, 0, None));
}

/// The bucket overflows by what comes back, and what overflows is lost: nobody is served as of earlier.
#[test]
fn what_comes_back_is_taken_when_it_does() {
    for cancel in [false, true] {
        let setting = Setting::default();
        let limiter = setting.limiter::<1>(bucket(3, 16, 3), WhenFull::Refuse);
        assert!(limiter.try_acquire(&1, 3).is_ok());
        let mut unseen = Box::pin(limiter.acquire(&1, 2));
        assert!(poll(unseen.as_mut()).is_pending());
        setting.clock.set(at(11));
        // Serves it, and says when the next two are there.
        assert_eq!(limiter.try_acquire(&1, 2).unwrap_err().earliest(), Some(at(22)));
        let mut next = pin!(limiter.acquire(&1, 2));
        assert!(poll(next.as_mut()).is_pending());
        setting.clock.set(at(17));
        if cancel {
            drop(unseen);
        } else {
            limiter.refund(&1, 2);
        }
        assert_eq!(limiter.try_acquire(&1, 2).unwrap_err().earliest(), Some(at(23)));
        assert_eq!(poll(next.as_mut()), DONE);
    }
}
