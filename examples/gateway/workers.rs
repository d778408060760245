//! [`Workers`]: a few threads that do slow work, one piece after the other.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use fastrand::Rng;
use tokio::sync::oneshot;

/// How many pieces of work are done at a time.
pub(crate) const WORKERS: u32 = 8;

/// How long one takes, on average.
pub(crate) const WORK: Duration = Duration::from_millis(20);

/// How many may stand in the workers' own line, which knows no priorities.
const LINE: usize = 4096;

/// What has gone through the workers' hands.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    inside: AtomicUsize,
    peak: AtomicUsize,
    done: AtomicUsize,
}

impl Figures {
    /// The most that was ever inside at once, in work or in the workers' line.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    /// How much was done.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }
}

/// The threads; they end when this and all its clones are gone.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    line: SyncSender<Job>,
    figures: Arc<Figures>,
}

#[derive(Debug)]
struct Job {
    done: oneshot::Sender<()>,
    inside: Inside,
}

/// There is no room in the workers' line.
#[derive(Debug)]
pub(crate) struct Overloaded;

impl Workers {
    pub(crate) fn start() -> io::Result<Self> {
        let (line, jobs) = sync_channel(LINE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..WORKERS {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("worker-{number}")).spawn(move || work(number, &jobs))?;
        }
        Ok(Self { line, figures: Arc::default() })
    }

    pub(crate) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Has one piece of work done. It is done also if nobody waits for it any more.
    pub(crate) async fn work(&self) -> Result<(), Overloaded> {
        let (done, finished) = oneshot::channel();
        let inside = Inside::enter(&self.figures);
        self.line.try_send(Job { done, inside }).map_err(|_| Overloaded)?;
        finished.await.map_err(|_| Overloaded)
    }
}

fn work(number: u32, jobs: &Mutex<Receiver<Job>>) {
    let mut rng = Rng::with_seed(u64::from(number));
    loop {
        // One worker waits for the next job, the others wait for that one.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { done, inside }) = next else { return };
        thread::sleep(WORK.mul_f64(0.5 + rng.f64()));
        inside.figures.done.fetch_add(1, Ordering::SeqCst);
        // Out before the answer: by the time the caller has it, the work is no longer inside.
        drop(inside);
        let _ = done.send(());
    }
}

/// Is counted as being inside.
#[derive(Debug)]
struct Inside {
    figures: Arc<Figures>,
}

impl Inside {
    fn enter(figures: &Arc<Figures>) -> Self {
        let inside = figures.inside.fetch_add(1, Ordering::SeqCst) + 1;
        figures.peak.fetch_max(inside, Ordering::SeqCst);
        Self { figures: Arc::clone(figures) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.figures.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
