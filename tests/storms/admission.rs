//! Who is let in: permits, tokens, the ends of lockouts.

use core::future::Future;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_core::{Clock, Heap, Instant};
use tidegate_tests::poll_with;
use tidegate_tokio::{
    AcquireError, Config, Gate, HeadOfLine, ManualClock, OwnedPermit, Priority, Quota, RateLimiter, Semaphore,
    Tokio, TryAcquireError, WaitError,
};

use crate::storm::{Dice, fickle, give_way, storm, watched};

const PERMITS: usize = 4;
const ROUNDS: usize = 300;

/// A semaphore, and how many of its permits are in use.
struct Room {
    semaphore: Arc<Semaphore>,
    inside: AtomicUsize,
    /// Whether visitors forget permits, and make others instead.
    forgets: bool,
}

impl Room {
    fn new(config: Config, forgets: bool) -> Arc<Self> {
        let semaphore = Arc::new(Semaphore::with_config(PERMITS, config));
        Arc::new(Self { semaphore, inside: AtomicUsize::new(0), forgets })
    }

    fn enter(&self, permits: usize) {
        assert!(self.inside.fetch_add(permits, Ordering::SeqCst) + permits <= PERMITS);
    }

    fn leave(&self, permits: usize) {
        self.inside.fetch_sub(permits, Ordering::SeqCst);
    }

    /// One visit, whose permits come back one way or another; `false` once it is closed.
    async fn visit(&self, dice: &mut Dice) -> bool {
        let permits = 1 + dice.count(PERMITS as u64);
        let request = self.semaphore.acquire_many(permits).priority(dice.priority());
        let had = match dice.roll(4) {
            0 => fickle(dice.roll(4), request).await,
            1 => match request.timeout(dice.patience()).await {
                Err(AcquireError::TimedOut) => None,
                had => Some(had),
            },
            2 => match self.semaphore.try_acquire_many(permits) {
                Err(TryAcquireError::NoPermits) => None,
                had => Some(had.map_err(|_| AcquireError::Closed)),
            },
            _ => Some(request.await),
        };
        let mut permit = match had {
            Some(Ok(permit)) => permit,
            Some(Err(AcquireError::Closed)) => return false,
            Some(Err(error)) => panic!("{error}"),
            None => return true,
        };
        self.enter(permits);
        if dice.roll(2) == 0 {
            give_way().await;
        }
        self.leave(permits);
        match dice.roll(4) {
            0 if self.forgets => {
                permit.forget();
                self.semaphore.add_permits(permits).expect("they were there before");
            }
            1 => {
                if let Some(part) = permit.split(permits / 2) {
                    drop(permit);
                    give_way().await;
                    drop(part);
                }
            }
            _ => drop(permit),
        }
        true
    }

    fn visit_blocking(&self, dice: &mut Dice) -> bool {
        let had = match dice.roll(2) {
            0 => self.semaphore.acquire_blocking_timeout(dice.patience()),
            _ => self.semaphore.acquire_blocking(),
        };
        match had {
            Ok(permit) => {
                self.enter(1);
                self.leave(1);
                drop(permit);
                true
            }
            Err(AcquireError::TimedOut) => true,
            Err(AcquireError::Closed) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn configs() -> [Config; 4] {
    let plain = Config::new();
    let bypass = plain.head_of_line(HeadOfLine::Bypass { at_most: 2 });
    [plain, plain.max_bypass(3), bypass, plain.barging(true)]
}

#[test]
fn permits_are_neither_lost_nor_made() {
    watched(|| {
        for (seed, config) in (0..).zip(configs().into_iter().flat_map(|config| [config; 2])) {
            let reduces = seed % 2 == 0;
            let room = Room::new(config, !reduces);
            let (here, there) = (Arc::clone(&room), Arc::clone(&room));
            let act = move |mut dice: Dice| {
                let room = Arc::clone(&here);
                async move {
                    for _ in 0..ROUNDS {
                        assert!(room.visit(&mut dice).await);
                        // Not where others forget permits: of those that are to go it would be unknown whose they are.
                        if reduces && dice.roll(16) == 0 {
                            let taken = room.semaphore.reduce_permits(1);
                            give_way().await;
                            room.semaphore.add_permits(taken).expect("they were there before");
                        }
                    }
                }
            };
            storm(seed, act, move |mut dice| {
                (0..ROUNDS).for_each(|_| assert!(there.visit_blocking(&mut dice)));
            });
            assert_eq!((room.semaphore.available_permits(), room.semaphore.waiters()), (PERMITS, 0));
        }
    });
}

/// Several threads take and give at once what nobody waits for.
#[test]
fn permits_that_nobody_waits_for_are_neither_lost_nor_made() {
    let room = Room::new(Config::new(), false);
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..2_000 * ROUNDS {
                    if let Ok(permit) = room.semaphore.try_acquire() {
                        room.enter(1);
                        room.leave(1);
                        drop(permit);
                    }
                }
            });
        }
    });
    assert_eq!(room.semaphore.available_permits(), PERMITS);
}

/// Permits come back on one thread while whoever waits for them leaves on another, before or after they are his.
#[test]
fn permits_that_come_as_one_leaves_are_not_lost() {
    watched(|| {
        let room = Room::new(Config::new(), false);
        let (give, given) = mpsc::channel::<OwnedPermit>();
        let (tell, told) = mpsc::channel();
        let giver = thread::spawn(move || {
            for permit in given {
                drop(permit);
                tell.send(()).expect("somebody listens");
            }
        });
        let mut dice = Dice::new(7);
        for _ in 0..20 * ROUNDS {
            let all = Semaphore::try_acquire_owned(Arc::clone(&room.semaphore), PERMITS);
            let mut leaves = Box::pin(room.semaphore.acquire_many(1 + dice.count(PERMITS as u64)));
            assert!(poll_with(&mut leaves, Waker::noop()).is_pending());
            give.send(all.expect("they have come back")).expect("somebody listens");
            (0..dice.roll(400)).for_each(|_| core::hint::spin_loop());
            drop(leaves);
            told.recv().expect("the giver is there");
            assert_eq!((room.semaphore.available_permits(), room.semaphore.waiters()), (PERMITS, 0));
        }
        drop(give);
        giver.join().expect("it does not panic");
    });
}

/// Whoever holds up the line leaves, and permits do not move until somebody behind him has been served.
#[test]
fn who_leaves_the_head_of_the_line_calls_the_next() {
    watched(|| {
        let room = Room::new(Config::new(), false);
        let (visits, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let visitor = {
            let (room, visits, over) = (Arc::clone(&room), Arc::clone(&visits), Arc::clone(&over));
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    drop(room.semaphore.acquire_blocking().expect("it is open"));
                    visits.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        for _ in 0..ROUNDS {
            let rest = loop {
                if let Ok(rest) = room.semaphore.try_acquire_many(PERMITS - 1) {
                    break rest;
                }
                thread::yield_now();
            };
            let mut head = Box::pin(room.semaphore.acquire_many(PERMITS).priority(Priority(-1)));
            assert!(poll_with(&mut head, Waker::noop()).is_pending());
            while room.semaphore.waiters() < 2 {
                thread::yield_now();
            }
            let before = visits.load(Ordering::SeqCst);
            drop(head);
            while visits.load(Ordering::SeqCst) == before {
                thread::yield_now();
            }
            drop(rest);
        }
        over.store(true, Ordering::SeqCst);
        visitor.join().expect("it does not panic");
    });
}

#[test]
fn a_close_reaches_everybody_and_permits_come_back() {
    watched(|| {
        for (seed, config) in (0..).zip(configs().into_iter().cycle().take(40)) {
            let room = Room::new(config, true);
            let visits = Arc::new(AtomicUsize::new(0));
            let (here, there, counted) = (Arc::clone(&room), Arc::clone(&room), Arc::clone(&visits));
            let act = move |mut dice: Dice| {
                let (room, visits) = (Arc::clone(&here), Arc::clone(&counted));
                async move {
                    while room.visit(&mut dice).await {
                        // Whoever comes to this number closes.
                        if visits.fetch_add(1, Ordering::SeqCst) == 30 {
                            room.semaphore.close();
                        }
                    }
                }
            };
            storm(seed, act, move |mut dice| while there.visit_blocking(&mut dice) {});
            assert_eq!((room.semaphore.available_permits(), room.semaphore.waiters()), (PERMITS, 0));
        }
    });
}

/// Moves a clock on for as long as a crowd is about.
fn with_time_going_on(clock: &'static ManualClock, step: Duration, crowd: impl FnOnce()) {
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let time = thread::spawn(move || {
        while !until.load(Ordering::SeqCst) {
            clock.advance(step);
            thread::yield_now();
        }
    });
    crowd();
    over.store(true, Ordering::SeqCst);
    time.join().expect("no waker panics");
}

/// How much a crowd has got out of a limiter, less what it has given back.
async fn take_tokens(limiter: &RateLimiter<&'static ManualClock>, dice: &mut Dice, got: &AtomicU64) {
    let tokens = 1 + u32::try_from(dice.roll(5)).expect("it is small");
    let had = match dice.roll(4) {
        0 => fickle(dice.roll(4), limiter.acquire(tokens).priority(dice.priority())).await,
        1 => limiter.try_acquire(tokens).ok().map(Ok),
        2 => limiter.acquire_timeout(tokens, dice.patience()).await.ok().map(Ok),
        _ => Some(limiter.acquire(tokens).await),
    };
    if let Some(had) = had {
        had.expect("there is room, and it is no more than the burst");
        got.fetch_add(tokens.into(), Ordering::SeqCst);
        if dice.roll(8) == 0 {
            got.fetch_sub(tokens.into(), Ordering::SeqCst);
            limiter.refund(tokens);
        }
    }
}

#[test]
fn tokens_are_no_more_than_the_quota_and_nobody_waits_for_ever() {
    const PER_SECOND: u32 = 1_000_003;
    const BURST: u32 = 7;
    watched(|| {
        for seed in 0..3 {
            let clock: &'static ManualClock = Box::leak(Box::default());
            let quota = Quota::per(PER_SECOND, Duration::from_secs(1)).and_then(|quota| quota.burst(BURST));
            let limiter = Arc::new(RateLimiter::with_timer(quota.expect("it is sound"), clock));
            let got = Arc::new(AtomicU64::new(0));
            let (here, there) = ((Arc::clone(&limiter), Arc::clone(&got)), Arc::clone(&limiter));
            let act = move |mut dice: Dice| {
                let (limiter, got) = here.clone();
                async move {
                    for _ in 0..ROUNDS {
                        take_tokens(&limiter, &mut dice, &got).await;
                    }
                }
            };
            let counted = Arc::clone(&got);
            let act_blocking = move |mut dice: Dice| {
                for _ in 0..ROUNDS {
                    if dice.roll(2) == 0 {
                        there.acquire_blocking(1).expect("there is room on the heap");
                    } else if there.acquire_blocking_timeout(1, dice.patience()).is_err() {
                        continue;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            };
            with_time_going_on(clock, Duration::from_nanos(997), || storm(seed, act, act_blocking));
            let elapsed = clock.now().duration_since(Instant::EPOCH).as_nanos();
            let most = u128::from(BURST) + elapsed * u128::from(PER_SECOND) / 1_000_000_000;
            assert!(u128::from(got.load(Ordering::SeqCst)) <= most);
            assert_eq!(limiter.waiters(), 0);
        }
    });
}

fn everybody_gets_through<O: Order + Send + Sync + 'static>() {
    watched(|| {
        let clock: &'static ManualClock = Box::leak(Box::default());
        let lockout = Arc::new(Lockout::<Tokio, Heap, _, O>::with_timer(clock));
        let (here, there) = (Arc::clone(&lockout), Arc::clone(&lockout));
        let act = move |mut dice: Dice| {
            let lockout = Arc::clone(&here);
            async move {
                for _ in 0..ROUNDS {
                    let request = lockout.wait().priority(dice.priority());
                    match dice.roll(3) {
                        0 => drop(fickle(dice.roll(4), request).await),
                        1 => drop(lockout.wait_timeout(dice.patience()).await),
                        _ => request.await.expect("there is room on the heap"),
                    }
                    if dice.roll(3) == 0 {
                        let forever = lockout.lock_for(Duration::MAX).expect("there is room on the heap");
                        lockout
                            .lock_for(Duration::from_nanos(dice.roll(3_000)))
                            .expect("there is room on the heap");
                        give_way().await;
                        assert!(lockout.lift(forever));
                    }
                }
            }
        };
        let act_blocking = move |mut dice: Dice| {
            for _ in 0..ROUNDS {
                if dice.roll(2) == 0 {
                    there.wait_blocking().expect("there is room on the heap");
                } else {
                    let waited = there.wait_blocking_timeout(dice.patience());
                    assert!(matches!(waited, Ok(()) | Err(WaitError::TimedOut)));
                }
            }
        };
        with_time_going_on(clock, Duration::from_nanos(500), || storm(0, act, act_blocking));
        clock.advance(Duration::from_secs(1));
        assert_eq!((lockout.waiters(), lockout.locked_until()), (0, None));
        assert!(lockout.try_pass().is_ok());
    });
}

#[test]
fn everybody_gets_through_together() {
    everybody_gets_through::<Together>();
}

#[test]
fn everybody_gets_through_in_order() {
    everybody_gets_through::<InOrder>();
}

#[test]
fn a_gate_gives_everything_back() {
    watched(|| {
        let clock: &'static ManualClock = Box::leak(Box::default());
        let room = Room::new(Config::new(), true);
        let quota =
            Quota::per(50, Duration::from_micros(1)).and_then(|quota| quota.burst(3)).expect("it is sound");
        let limiter = Arc::new(RateLimiter::with_timer(quota, clock));
        let lockout = Arc::new(tidegate_tokio::FifoLockout::with_timer(clock));
        let visit = {
            let (room, limiter, lockout) = (Arc::clone(&room), Arc::clone(&limiter), Arc::clone(&lockout));
            move |mut dice: Dice| -> core::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
                let (room, limiter, lockout) = (Arc::clone(&room), Arc::clone(&limiter), Arc::clone(&lockout));
                Box::pin(async move {
                    let gate = Gate::new().semaphore(&*room.semaphore).limiter(&*limiter).lockout(&*lockout);
                    for _ in 0..ROUNDS {
                        let pass = match dice.roll(4) {
                            0 => fickle(dice.roll(6), gate.enter_with_priority(dice.priority())).await,
                            1 => gate.try_enter().ok().map(Ok),
                            2 => gate.enter_timeout(dice.patience()).await.ok().map(Ok),
                            _ => Some(gate.enter().await),
                        };
                        if let Some(pass) = pass {
                            let pass = pass.expect("nobody closes it");
                            room.enter(1);
                            if dice.roll(8) == 0 {
                                let span = Duration::from_nanos(dice.roll(2_000));
                                lockout.lock_for(span).expect("there is room on the heap");
                            }
                            room.leave(1);
                            drop(pass);
                        }
                    }
                })
            }
        };
        let there = visit.clone();
        with_time_going_on(clock, Duration::from_nanos(300), || {
            storm(0, visit, move |dice| tidegate_threads::block_on(there(dice)));
        });
        clock.advance(Duration::from_secs(1));
        assert_eq!((room.semaphore.available_permits(), room.semaphore.waiters()), (PERMITS, 0));
        assert_eq!((limiter.waiters(), limiter.available(), lockout.waiters()), (0, 3, 0));
    });
}
