//! Intake, workers and ledger, each in its own colour, with queues between them.

use core::error::Error;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tidegate_tokio::{BackgroundLoop, Queue};

use crate::SHUTDOWN;

/// An order, by its number.
type Order = u64;
type Failure = Box<dyn Error + Send + Sync>;

/// Between the intake, which awaits room, and the workers, which block for orders.
static ORDERS: Queue<Order> = Queue::new(8);

static TAKEN: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU64 = AtomicU64::new(0);
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// How far each of them has come.
pub(crate) struct Totals {
    pub(crate) taken: u64,
    pub(crate) done: u64,
    pub(crate) written: u64,
}

pub(crate) fn totals() -> Totals {
    let [taken, done, written] = [&TAKEN, &DONE, &WRITTEN].map(|total| total.load(Ordering::SeqCst));
    Totals { taken, done, written }
}

/// There will be no more orders.
pub(crate) fn close() {
    ORDERS.close();
}

/// Takes orders in, until it is told to stop.
pub(crate) struct Intake {
    background: BackgroundLoop,
}

impl Intake {
    pub(crate) fn start(most: u64) -> Result<Self, Box<dyn Error>> {
        let background = BackgroundLoop::new("intake")?;
        drop(background.schedule(take_in(most))?);
        Ok(Self { background })
    }

    pub(crate) fn stop(self) -> Result<(), Failure> {
        self.background.shutdown_blocking()?;
        Ok(())
    }
}

async fn take_in(most: u64) {
    for order in 0..most {
        // An order that has been begun is put into the queue, also when the end has begun meanwhile.
        if SHUTDOWN.is_triggered() || ORDERS.put(order).await.is_err() {
            return;
        }
        TAKEN.fetch_add(1, Ordering::SeqCst);
        if order % 16 == 15 {
            // As if they came by the network.
            let _ = SHUTDOWN.triggered_timeout(Duration::from_millis(1)).await;
        }
    }
    SHUTDOWN.trigger();
}

/// Threads that do the work.
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn start(count: usize, ledger: &Ledger) -> io::Result<Self> {
        let threads = (0..count).map(|number| {
            let pages = Arc::clone(&ledger.pages);
            thread::Builder::new().name(format!("worker {number}")).spawn(move || {
                while let Ok(order) = ORDERS.get_blocking() {
                    // … whatever blocks …
                    DONE.fetch_add(1, Ordering::SeqCst);
                    if pages.put_blocking(order).is_err() {
                        return;
                    }
                }
            })
        });
        threads.collect::<io::Result<_>>().map(|threads| Self { threads })
    }

    pub(crate) fn stop(self) -> Result<(), Failure> {
        for thread in self.threads {
            thread.join().map_err(|_| "a worker panicked")?;
        }
        Ok(())
    }
}

/// Writes down what has been done.
pub(crate) struct Ledger {
    background: BackgroundLoop,
    pages: Arc<Queue<Order>>,
}

impl Ledger {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let (background, pages) = (BackgroundLoop::new("ledger")?, Arc::new(Queue::new(8)));
        let open = Arc::clone(&pages);
        drop(background.schedule(async move {
            while open.get().await.is_ok() {
                WRITTEN.fetch_add(1, Ordering::SeqCst);
            }
        })?);
        Ok(Self { background, pages })
    }

    pub(crate) fn stop(self) -> Result<(), Failure> {
        self.pages.close();
        self.background.shutdown_blocking()?;
        Ok(())
    }
}
