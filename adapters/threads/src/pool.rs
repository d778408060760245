//! [`Pool`]: threads for work that blocks, as many as are needed, up to a bound.

use core::any::Any;
use core::fmt;
use core::mem;
use core::num::NonZeroUsize;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::collections::VecDeque;
use std::panic;
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex};

use crate::start::start;

/// Work that blocks.
pub type Job = Box<dyn FnOnce() + Send>;

/// What runs work that blocks: a [`Pool`], or that of another runtime.
///
/// A job that is accepted is run, or dropped if it cannot be.
pub trait SpawnBlocking: Send + Sync {
    /// Runs a job on a thread that may block, now or when one is free.
    ///
    /// # Errors
    ///
    /// Gives the job back if it will not be run.
    fn spawn(&self, job: Job) -> Result<(), Job>;
}

/// Threads for work that blocks, as many as are needed, up to a bound. Jobs wait in line for a thread.
///
/// A thread that has had nothing to do for ten seconds ends. When the last handle to the pool has been dropped,
/// the threads end once there are no jobs left. A job that panics ends no thread; the panic is reported as panics
/// are, and goes no further.
///
/// ```
/// use core::num::NonZeroUsize;
/// use std::sync::mpsc;
/// use tidegate_threads::{Pool, SpawnBlocking};
///
/// let pool = Pool::new(NonZeroUsize::MIN);
/// let (done, results) = mpsc::channel();
/// for number in 0..3 {
///     let done = done.clone();
///     let accepted = pool.spawn(Box::new(move || done.send(number).expect("it is awaited")));
///     assert!(accepted.is_ok());
/// }
/// drop(done);
/// assert_eq!(results.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[derive(Clone)]
pub struct Pool {
    handle: Arc<Handle>,
}

/// The last one to be dropped lets the threads go.
struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    most: usize,
    keep_alive: Duration,
}

struct State {
    jobs: VecDeque<Job>,
    /// How many jobs have ever left the line.
    taken: u64,
    /// How many threads there are that will look at the line once more.
    threads: usize,
    idle: usize,
    /// There will be no more jobs.
    closed: bool,
}

/// For how long a thread waits for the next job.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How many threads the shared pool has at most.
const SHARED: NonZeroUsize = NonZeroUsize::new(512).expect("not zero");

impl Pool {
    /// A pool of up to so many threads, none of which exists before it is needed.
    #[must_use]
    pub fn new(threads: NonZeroUsize) -> Self {
        Self::with_keep_alive(threads, KEEP_ALIVE)
    }

    fn with_keep_alive(threads: NonZeroUsize, keep_alive: Duration) -> Self {
        let state = State { jobs: VecDeque::new(), taken: 0, threads: 0, idle: 0, closed: false };
        let shared = Shared { state: Mutex::new(state), work: Condvar::new(), most: threads.get(), keep_alive };
        Self { handle: Arc::new(Handle { shared: Arc::new(shared) }) }
    }

    /// The one that is used where no other is named: up to 512 threads.
    #[must_use]
    pub fn shared() -> Self {
        static POOL: OnceLock<Pool> = OnceLock::new();
        POOL.get_or_init(|| Self::new(SHARED)).clone()
    }

    /// How many threads there are at the moment: a figure for display.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.handle.shared.state.lock().threads
    }
}

impl SpawnBlocking for Pool {
    /// # Errors
    ///
    /// Gives the job back if the pool has no thread and can get none.
    fn spawn(&self, job: Job) -> Result<(), Job> {
        let shared = &self.handle.shared;
        let mut state = shared.state.lock();
        state.jobs.push_back(job);
        let number = state.taken + state.jobs.len() as u64;
        if state.idle >= state.jobs.len() || state.threads >= shared.most {
            drop(state);
            shared.work.notify_one();
            return Ok(());
        }
        // Taken for granted while the lock is released.
        state.threads += 1;
        drop(state);
        let worker = Worker(Arc::clone(shared));
        let Err(_no_thread) = start("tidegate-pool".into(), move || worker.work()) else { return Ok(()) };
        let mut state = shared.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            // Those that there are will come to the job.
            return Ok(());
        }
        // Others may have counted on this thread, and nobody will come to their jobs, either.
        let last = state.taken + state.jobs.len() as u64;
        let place = number.checked_sub(state.taken + 1).and_then(|place| usize::try_from(place).ok());
        let own = place.and_then(|place| state.jobs.remove(place));
        state.taken = last;
        let lost = mem::take(&mut state.jobs);
        drop(state);
        drop(lost);
        own.map_or(Ok(()), Err)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.work.notify_all();
    }
}

/// A thread of the pool, counted until it finds nothing to do for the last time.
struct Worker(Arc<Shared>);

impl Worker {
    fn work(self) {
        while let Some(job) = self.next() {
            let result: Result<(), Box<dyn Any + Send>> = panic::catch_unwind(AssertUnwindSafe(job));
            // A payload whose drop panics, too, is left alone.
            if let Err(payload) = result
                && let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)))
            {
                core::mem::forget(second);
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.taken += 1;
                return Some(job);
            }
            let mut may_end = state.closed;
            if !may_end {
                state.idle += 1;
                let late = self.0.work.wait_for(&mut state, self.0.keep_alive).timed_out();
                state.idle -= 1;
                may_end = late && state.jobs.is_empty();
            }
            if may_end {
                // Under the lock under which it has seen that there is no job: no job can count on it any more.
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .field("most", &self.handle.shared.most)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use super::*;
    use crate::start::refusal;

    /// A hang is to be a failure; it takes nowhere near as long.
    const HANG: Duration = Duration::from_mins(1);

    fn spawn(pool: &Pool, job: impl FnOnce() + Send + 'static) {
        assert!(pool.spawn(Box::new(job)).is_ok());
    }

    #[test]
    fn there_are_as_many_threads_as_needed_and_no_more() {
        let pool = Pool::new(NonZeroUsize::new(3).unwrap());
        assert_eq!(pool.threads(), 0);
        let barrier = Arc::new(Barrier::new(4));
        let (done, results) = mpsc::channel();
        for job in 0..30 {
            let (barrier, done) = (Arc::clone(&barrier), done.clone());
            spawn(&pool, move || {
                if job < 3 {
                    barrier.wait();
                }
                done.send(job).unwrap();
            });
        }
        assert_eq!(pool.threads(), 3);
        barrier.wait();
        drop(done);
        let mut results: Vec<_> = results.iter().collect();
        results.sort_unstable();
        assert!(results.into_iter().eq(0..30));
    }

    /// Tells when its thread has ended.
    struct Ends(mpsc::Sender<()>);

    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    thread_local! {
        static ENDS: core::cell::RefCell<Option<Ends>> = const { core::cell::RefCell::new(None) };
    }

    #[test]
    fn who_is_idle_comes_to_the_next_job_and_ends_with_the_pool() {
        let pool = Pool::with_keep_alive(NonZeroUsize::new(3).unwrap(), Duration::from_hours(1));
        let (end, ended) = mpsc::channel();
        for _ in 0..5 {
            let end = end.clone();
            spawn(&pool, move || ENDS.set(Some(Ends(end))));
            let is_idle = || {
                let state = pool.handle.shared.state.lock();
                state.idle > 0 && state.idle == state.threads && state.jobs.is_empty()
            };
            while !is_idle() {
                thread::yield_now();
            }
            assert_eq!(pool.threads(), 1);
        }
        // Each job has replaced what the one before had left.
        assert_eq!(ended.try_iter().count(), 4);
        drop(pool);
        assert_eq!(ended.recv_timeout(HANG), Ok(()));
    }

    #[test]
    fn a_panic_ends_no_thread() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let (done, results) = mpsc::channel();
        spawn(&pool, || panic!("on purpose"));
        spawn(&pool, move || done.send(thread::current().name().map(str::to_owned)).unwrap());
        assert_eq!(results.recv().unwrap().as_deref(), Some("tidegate-pool"));
        assert_eq!(pool.threads(), 1);
    }

    #[test]
    fn jobs_that_were_accepted_are_done_though_the_pool_is_dropped() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let (done, results) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        spawn(&pool, move || wait.recv().unwrap());
        for job in 0..3 {
            let done = done.clone();
            spawn(&pool, move || done.send(job).unwrap());
        }
        drop((pool, done));
        go.send(()).unwrap();
        assert!(results.iter().eq(0..3));
    }

    #[test]
    fn no_job_is_left_to_a_thread_that_is_about_to_end() {
        let pool = Pool::with_keep_alive(NonZeroUsize::MIN, Duration::ZERO);
        // This is its only thread, and has found nothing to do for the last time.
        pool.handle.shared.state.lock().threads = 1;
        let worker = Worker(Arc::clone(&pool.handle.shared));
        assert!(worker.next().is_none());
        let (done, results) = mpsc::channel();
        spawn(&pool, move || done.send(()).unwrap());
        assert_eq!(results.recv_timeout(HANG), Ok(()));
        drop(worker);
    }

    #[test]
    fn a_job_that_no_thread_can_be_had_for_comes_back() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let (done, results) = mpsc::channel();
        refusal::of_the_next(|| ());
        let mine = done.clone();
        let refused = pool.spawn(Box::new(move || mine.send(1).unwrap()));
        assert_eq!(pool.threads(), 0);
        refused.map_or_else(|job| job(), |()| panic!("there is no thread"));
        spawn(&pool, move || done.send(2).unwrap());
        assert!(results.iter().eq([1, 2]));
    }

    #[test]
    fn a_job_that_gets_no_thread_of_its_own_waits_for_those_that_there_are() {
        let pool = Pool::new(NonZeroUsize::new(2).unwrap());
        let (begun, begins) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        spawn(&pool, move || {
            begun.send(()).unwrap();
            wait.recv().unwrap();
        });
        begins.recv().unwrap();
        refusal::of_the_next(|| ());
        let (done, results) = mpsc::channel();
        spawn(&pool, move || done.send(()).unwrap());
        go.send(()).unwrap();
        assert_eq!(results.recv_timeout(HANG), Ok(()));
        assert_eq!(pool.threads(), 1);
    }

    #[test]
    fn jobs_that_counted_on_a_thread_that_was_refused_are_dropped() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let (done, results) = mpsc::channel();
        let other = {
            let (pool, done) = (pool.clone(), done.clone());
            // The only thread that there may be is on its way.
            move || spawn(&pool, move || done.send("another's").unwrap())
        };
        refusal::of_the_next(other);
        let refused = pool.spawn(Box::new(move || done.send("mine").unwrap()));
        refused.map_or_else(|job| job(), |()| panic!("there is no thread"));
        assert!(results.iter().eq(["mine"]));
        assert_eq!(pool.threads(), 0);
        let (done, results) = mpsc::channel();
        spawn(&pool, move || done.send(()).unwrap());
        assert_eq!(results.recv_timeout(HANG), Ok(()));
    }
}
