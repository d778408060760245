//! [`Pool`]: threads, and the line of what is to be run by them.

use core::mem;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use tidegate_core::{Heap, Priority, WaitQueue};

use crate::start::start;

/// Runs something.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Threads, and the line of what is to be run by them.
pub(super) struct Pool {
    locked: Mutex<Locked>,
    work: Condvar,
    limit: usize,
    closed: AtomicBool,
    aborted: AtomicUsize,
}

struct Locked {
    line: WaitQueue<Job, Heap>,
    /// How many threads there are, and how many of them wait for work.
    threads: usize,
    idle: usize,
    /// How many jobs are about to be pushed, for which a thread has been seen to.
    promised: usize,
    /// To be joined.
    handles: Vec<thread::JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            locked: Mutex::new(Locked {
                line: WaitQueue::new(),
                threads: 0,
                idle: 0,
                promised: 0,
                handles: Vec::new(),
            }),
            work: Condvar::new(),
            limit,
            closed: AtomicBool::new(false),
            aborted: AtomicUsize::new(0),
        }
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn aborted(&self) -> usize {
        self.aborted.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Threads end when there is no work left.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Under the lock, so that no thread is between looking and waiting.
        let locked = self.locked.lock();
        self.work.notify_all();
        drop(locked);
    }

    /// Sees to it that there is a thread for one more job, which must be [pushed](Self::push) then: one that is idle,
    /// or a new one, or at least any.
    pub(super) fn prepare(this: &Arc<Self>) -> io::Result<()> {
        let mut locked = this.locked.lock();
        locked.promised += 1;
        if locked.idle >= locked.line.len() + locked.promised || locked.threads == this.limit {
            return Ok(());
        }
        // Taken for granted while the lock is released.
        locked.threads += 1;
        let number = locked.threads;
        drop(locked);
        let pool = Arc::clone(this);
        let spawned = start(format!("tidegate-pool-{number}"), move || pool.run());
        let mut locked = this.locked.lock();
        match spawned {
            Ok(handle) => {
                locked.handles.push(handle);
                Ok(())
            }
            Err(error) => {
                locked.threads -= 1;
                if locked.threads > 0 {
                    // Those that there are will come to it.
                    return Ok(());
                }
                locked.promised -= 1;
                drop(locked);
                // Others may have counted on this thread, and nobody will come to their jobs, either.
                this.abort_all();
                Err(error)
            }
        }
    }

    /// Lets a thread run `job` in its turn. There must be [one](Self::prepare).
    pub(super) fn push(&self, priority: Priority, job: Job) {
        let mut locked = self.locked.lock();
        locked.promised -= 1;
        // Nobody will come to it if the thread that was seen to has been refused since.
        let refused = if locked.threads > 0 { locked.line.push(priority, job).err() } else { Some(job) };
        if self.is_closed() {
            // Those that have nothing to do may end.
            self.work.notify_all();
        } else {
            self.work.notify_one();
        }
        drop(locked);
        // On the heap there is room. Its handle says that it was aborted.
        self.aborted.fetch_add(usize::from(refused.is_some()), Ordering::Relaxed);
        drop(refused);
    }

    fn run(&self) {
        let mut locked = self.locked.lock();
        loop {
            let first = locked.line.front().and_then(|first| locked.line.grant(first));
            if let Some(job) = first {
                drop(locked);
                // It contains the panic of what it runs; what is left is that of a result which nobody receives and
                // whose destructor panics.
                let _ = catch_unwind(AssertUnwindSafe(job));
                locked = self.locked.lock();
            } else if self.is_closed() && locked.promised == 0 {
                locked.threads -= 1;
                return;
            } else {
                locked.idle += 1;
                self.work.wait(&mut locked);
                locked.idle -= 1;
            }
        }
    }

    /// Drops all that waits; answers how many that were.
    pub(super) fn abort_all(&self) -> usize {
        let mut dropped = Vec::new();
        let mut locked = self.locked.lock();
        while let Some(job) = locked.line.front().and_then(|first| locked.line.remove(first)) {
            dropped.push(job);
        }
        drop(locked);
        self.aborted.fetch_add(dropped.len(), Ordering::Relaxed);
        dropped.len()
    }

    /// Waits for the threads of a closed pool.
    pub(super) fn join(&self) {
        let handles = mem::take(&mut self.locked.lock().handles);
        for handle in handles {
            // It does not unwind.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn idle(pool: &Pool) -> usize {
        pool.locked.lock().idle
    }

    #[test]
    fn a_job_that_was_promised_before_the_end_keeps_nobody_waiting_after_it() {
        for _ in 0..8 {
            let pool = Arc::new(Pool::new(2));
            let meet = Arc::new(std::sync::Barrier::new(2));
            for _ in 0..2 {
                let meet = Arc::clone(&meet);
                Pool::prepare(&pool).unwrap();
                pool.push(
                    Priority(0),
                    Box::new(move || {
                        meet.wait();
                    }),
                );
            }
            while idle(&pool) < 2 {
                thread::yield_now();
            }
            Pool::prepare(&pool).unwrap();
            pool.close();
            // Both have most likely seen by now that it is closed, and wait for what was promised.
            for _ in 0..1_000 {
                thread::yield_now();
            }
            let (done, results) = mpsc::channel();
            pool.push(Priority(0), Box::new(move || done.send(()).unwrap()));
            assert_eq!(results.recv(), Ok(()));
            pool.join();
            assert_eq!(pool.locked.lock().threads, 0);
        }
    }
}
