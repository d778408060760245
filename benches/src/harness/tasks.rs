//! Batches of many tasks on a tokio runtime.

use core::future::{Future, pending};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::batch::Batch;

/// How many threads run the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    One,
    Two,
}

impl Workers {
    pub(crate) const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// A runtime without I/O, and without a timer unless it is needed: polling those between tasks is not what is
    /// measured.
    ///
    /// Each of two workers has a core of its own. Left to the scheduler, the workers of a runtime may share one
    /// for a whole run, which makes everything three times as fast and says nothing about two workers.
    fn runtime(self, timed: bool) -> Runtime {
        let mut builder = match self {
            Self::One => Builder::new_current_thread(),
            Self::Two => {
                let started = AtomicUsize::new(0);
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(2).on_thread_start(move || pin(started.fetch_add(1, Ordering::Relaxed)));
                builder
            }
        };
        if timed {
            builder.enable_time();
        }
        builder.build().expect("threads can be had")
    }
}

/// Where tasks run: one runtime for all batches, or, with two workers, a fresh one for each.
///
/// How two workers come to share the tasks between them differs from runtime to runtime, and lasts; it decides
/// more than the contender does. With a fresh one each time, the median is over that, too.
pub(crate) struct Pool {
    workers: Workers,
    timed: bool,
    kept: Option<Runtime>,
}

impl Pool {
    pub(crate) fn new(workers: Workers) -> Self {
        Self::build(workers, false)
    }

    /// With tokio's timer.
    pub(crate) fn timed(workers: Workers) -> Self {
        Self::build(workers, true)
    }

    fn build(workers: Workers, timed: bool) -> Self {
        Self { workers, timed, kept: (workers == Workers::One).then(|| workers.runtime(timed)) }
    }

    /// Runs a future, and whatever it spawns until it ends.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        self.with(|runtime| runtime.block_on(future))
    }

    /// Batches of rounds, each of which is given how many operations it has, `crowd` or a few less. They run in a
    /// task, as what they spawn does.
    pub(crate) fn rounds<F>(
        pool: Rc<Self>,
        crowd: u64,
        round: impl Fn(u64) -> F + Copy + Send + 'static,
    ) -> impl FnMut(u64) -> Batch + 'static
    where
        F: Future<Output = ()> + Send + 'static,
    {
        move |operations| {
            let rounds = operations.div_ceil(crowd).max(1);
            let crowd = operations.div_ceil(rounds);
            let body = async move {
                let start = Instant::now();
                for _ in 0..rounds {
                    round(crowd).await;
                }
                Batch { operations: rounds * crowd, elapsed: start.elapsed() }
            };
            pool.with(|runtime| runtime.block_on(runtime.spawn(body))).expect("no contender panics")
        }
    }

    fn with<T>(&self, body: impl FnOnce(&Runtime) -> T) -> T {
        match &self.kept {
            Some(runtime) => body(runtime),
            None => body(&self.workers.runtime(self.timed)),
        }
    }
}

/// Pins this thread to the core of that number, where threads can be pinned.
fn pin(number: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(core) = cores.get(number % cores.len().max(1)) {
        core_affinity::set_for_current(*core);
    }
}

/// Fewer, and the ends of the race would weigh in: nobody queues up after their last round.
const MIN_ROUNDS: u64 = 16;

/// Where the tasks of a batch meet.
struct Line {
    arrived: AtomicUsize,
    running: AtomicUsize,
    finish: OnceLock<Instant>,
    done: Notify,
}

/// A task's place in the line; dropped when its work is done, or has panicked.
struct Place(Arc<Line>);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.finish.get_or_init(Instant::now);
            self.0.done.notify_one();
        }
    }
}

/// Shares `operations` out among `tasks` tasks, each given its index and its rounds.
///
/// `gate` is awaited first, and what it gives holds everyone up; it is dropped when all tasks have started, and
/// from there to the end of the last task's work the time counts. Tasks end outside of that time.
pub(crate) fn race_tasks<G, T>(
    pool: &Pool,
    tasks: usize,
    operations: u64,
    gate: impl Future<Output = G>,
    task: impl Fn(usize, u64) -> T,
) -> Batch
where
    T: Future<Output = ()> + Send + 'static,
{
    let rounds = operations.div_ceil(tasks as u64).max(MIN_ROUNDS);
    let line = Arc::new(Line {
        arrived: AtomicUsize::new(0),
        running: AtomicUsize::new(tasks),
        finish: OnceLock::new(),
        done: Notify::new(),
    });
    let race = async {
        let gate = gate.await;
        let mut handles = Vec::with_capacity(tasks);
        for index in 0..tasks {
            let (place, body) = (Place(line.clone()), task(index, rounds));
            handles.push(tokio::spawn(async move {
                place.0.arrived.fetch_add(1, Ordering::Relaxed);
                body.await;
                drop(place);
                pending::<()>().await;
            }));
        }
        while line.arrived.load(Ordering::Relaxed) < tasks {
            yield_now().await;
        }
        let start = Instant::now();
        drop(gate);
        line.done.notified().await;
        for handle in handles {
            handle.abort();
            assert!(handle.await.is_err_and(|error| error.is_cancelled()), "a contender panicked");
        }
        let finish = *line.finish.get().expect("set before `done`");
        Batch { operations: rounds * tasks as u64, elapsed: finish.duration_since(start) }
    };
    pool.with(|runtime| runtime.block_on(race))
}
