//! Tasks and threads that are waited for: none is forgotten, and what they are given is dropped once.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::panic;
use std::sync::{Arc, Mutex};

use tidegate_threads as on_threads;
use tidegate_threads::shutdown::{Phase, Reason, SecondSignal, WaitError};
use tidegate_tokio as on_tokio;
use tidegate_tokio::{JoinError, OnExit, Shutdown};
use tokio::runtime::Runtime;

use crate::storm::{Dice, fickle, give_way, runtime, storm, watched};

const ROUNDS: usize = 150;

/// Something that a task is given. All of them are dropped in the end.
struct Gift(Arc<AtomicUsize>);

impl Gift {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Gift {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a task does: a few steps, perhaps a panic.
async fn work(gift: Gift, steps: u64, panics: bool) -> u64 {
    for _ in 0..steps {
        give_way().await;
    }
    drop(gift);
    assert!(!panics, "on purpose");
    steps
}

fn check(outcome: Result<u64, JoinError>, steps: u64, panics: bool) {
    match outcome {
        Ok(output) => assert_eq!((output, panics), (steps, false)),
        Err(JoinError::Panicked(_)) => assert!(panics),
        Err(error) => assert!(matches!(error, JoinError::Aborted | JoinError::TimedOut), "{error}"),
    }
}

/// Where work can be done. All of them are open until the storm is over.
#[derive(Clone)]
struct Places {
    gifts: Arc<AtomicUsize>,
    executor: on_tokio::Executor,
    group: on_tokio::TaskGroup,
    pool: on_threads::Executor,
    loops: Arc<(on_tokio::BackgroundLoop, on_threads::BackgroundLoop)>,
}

impl Places {
    fn new(runtime: &Runtime, on_exit: OnExit) -> Self {
        let one = on_tokio::BackgroundLoop::new("loop").expect("there is a thread").on_exit(on_exit);
        let other = on_threads::BackgroundLoop::new("loop").expect("there is a thread").on_exit(on_exit);
        Self {
            gifts: Arc::default(),
            executor: on_tokio::Executor::on(runtime.handle().clone(), 3),
            group: on_tokio::TaskGroup::on(runtime.handle().clone()),
            pool: on_threads::Executor::new(2),
            loops: Arc::new((one, other)),
        }
    }

    /// One task of tokio, whose handle is awaited, dropped, aborted, or awaited in vain.
    async fn in_task(&self, dice: &mut Dice) {
        let (steps, panics) = (dice.roll(4), dice.roll(10) == 0);
        let task = work(Gift::new(&self.gifts), steps, panics);
        let mut handle = match dice.roll(4) {
            0 => self.loops.0.schedule(task).expect("it is open"),
            1 => self.group.spawn(task).expect("it is open"),
            2 => self.executor.submit(task).expect("it is open"),
            _ => match fickle(dice.roll(5), self.executor.reserve()).await {
                Some(reservation) => reservation.expect("it is open").submit(task).expect("it is open"),
                None => self.executor.submit(task).expect("it is open"),
            },
        };
        match dice.roll(5) {
            0 => drop(fickle(dice.roll(3), &mut handle).await),
            1 => {
                handle.abort();
                check(handle.await, steps, panics);
            }
            2 => drop(handle),
            _ => check(handle.await, steps, panics),
        }
    }

    /// The same on a thread of the pool, or on that of the loop.
    async fn on_thread(&self, dice: &mut Dice) {
        let (steps, panics) = (dice.roll(4), dice.roll(10) == 0);
        let gift = Gift::new(&self.gifts);
        let job = move || {
            drop(gift);
            assert!(!panics, "on purpose");
            steps
        };
        let mut handle = match dice.roll(3) {
            0 => self.loops.1.schedule(async move { job() }).expect("it is open"),
            1 => self.pool.submit(job).expect("it is open"),
            _ => self.pool.reserve().await.expect("it is open").submit(job).expect("it is open"),
        };
        match dice.roll(3) {
            0 => drop(fickle(dice.roll(3), &mut handle).await),
            1 => check(handle.await, steps, panics),
            _ => drop(handle),
        }
    }

    fn abort_some(&self, dice: &mut Dice) {
        let _some = match dice.roll(4) {
            0 => self.executor.abort_all(),
            1 => self.pool.abort_all(),
            2 => self.loops.0.cancel_all(),
            _ => self.loops.1.cancel_all(),
        };
    }

    fn blocking(&self, dice: &mut Dice) {
        let (steps, panics) = (dice.roll(4), dice.roll(10) == 0);
        let mut handle = self.executor.submit(work(Gift::new(&self.gifts), steps, panics)).expect("it is open");
        let joined = match dice.roll(2) {
            0 => handle.join_blocking_timeout(dice.patience()),
            _ => handle.join_blocking(),
        };
        check(joined, steps, panics);
        let gift = Gift::new(&self.gifts);
        let mut handle = self.pool.submit(move || drop(gift)).expect("it is open");
        let joined = handle.join_blocking_timeout(dice.patience());
        assert!(matches!(joined, Ok(()) | Err(JoinError::TimedOut | JoinError::Aborted)));
    }

    /// Waits for all that is left, everywhere.
    fn close(self) {
        self.executor.shutdown_blocking();
        self.group.close_blocking();
        self.pool.shutdown_blocking().expect("this is none of its threads");
        let (one, other) = Arc::into_inner(self.loops).expect("all have gone");
        one.shutdown_blocking().expect("this is not its thread");
        other.shutdown_blocking().expect("this is not its thread");
        assert!(self.executor.is_empty() && self.group.is_empty() && self.pool.is_empty());
        assert_eq!(self.gifts.load(Ordering::SeqCst), 0);
    }
}

/// By way of executors, a group and loops, at random.
#[test]
fn every_task_comes_to_its_end() {
    watched(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some("on purpose") {
                loud(panic);
            }
        }));
        for (seed, on_exit) in (0..).zip([OnExit::Wait, OnExit::Cancel]) {
            let runtime = runtime();
            let places = Places::new(&runtime, on_exit);
            let (here, there) = (places.clone(), places.clone());
            let act = move |mut dice: Dice| {
                let places = here.clone();
                async move {
                    for round in 0..ROUNDS {
                        match dice.roll(2) {
                            0 => places.in_task(&mut dice).await,
                            _ => places.on_thread(&mut dice).await,
                        }
                        if round % 20 == 7 {
                            places.abort_some(&mut dice);
                        }
                    }
                }
            };
            storm(seed, act, move |mut dice| (0..ROUNDS).for_each(|_| there.blocking(&mut dice)));
            places.close();
        }
        drop(panic::take_hook());
    });
}

/// Some give up before the trigger comes, from anywhere; all others hear of it, and of its first reason.
#[test]
fn everybody_who_waits_hears_of_the_end() {
    watched(|| {
        let runtime = runtime();
        for seed in 0..60 {
            let shutdown = Arc::new(Shutdown::with_second_signal(SecondSignal::Ignore));
            let (arrived, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
            let (here, there) =
                ((Arc::clone(&shutdown), Arc::clone(&arrived), Arc::clone(&heard)), Arc::clone(&shutdown));
            let run = {
                let shutdown = Arc::clone(&shutdown);
                runtime.spawn(async move {
                    let start_ups = Shutdown::begin_owned(shutdown).expect("it is new");
                    start_ups.triggered().await.joins().finish().reason()
                })
            };
            let act = move |mut dice: Dice| {
                let (shutdown, arrived, heard) = here.clone();
                async move {
                    let nested = Shutdown::nest_owned(Arc::clone(&shutdown));
                    while fickle(dice.roll(5), shutdown.triggered()).await.is_none() {
                        // Whoever comes to this number begins the end.
                        if arrived.fetch_add(1, Ordering::SeqCst) == 20 {
                            shutdown.trigger_by(Reason::Signal(15));
                        }
                    }
                    let reason = shutdown.triggered().await.expect("there is room on the heap");
                    heard.lock().expect("nobody panics here").push(reason);
                    drop(nested);
                }
            };
            storm(seed, act, move |mut dice| {
                while there.triggered_blocking_timeout(dice.patience()) == Err(WaitError::TimedOut) {}
                assert_eq!(there.triggered_blocking(), Ok(Reason::Signal(15)));
            });
            assert_eq!(runtime.block_on(run).expect("it does not panic"), Reason::Signal(15));
            assert!(heard.lock().expect("nobody panics here").iter().all(|&reason| reason == Reason::Signal(15)));
            assert_eq!((shutdown.phase(), shutdown.waiters()), (Phase::Ended, 0));
        }
        runtime.shutdown_timeout(Duration::from_mins(1));
    });
}
