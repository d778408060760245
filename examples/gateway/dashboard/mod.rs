//! The dashboard: one page at `/`, and at `/events` what it shows, once a second.

mod events;
mod history;
mod page;

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use tidegate_tokio::Semaphore;
use tokio::sync::watch;
use tokio::time::{self, MissedTickBehavior};

use crate::telemetry::Telemetry;
use history::History;

/// How often the page hears something.
const PERIOD: Duration = Duration::from_secs(1);

/// How many may watch at once. One that reads slowly costs no more than one that does not: it is told what
/// happened since the last time, from the one history that all share.
const WATCHERS: usize = 64;

/// What the page and its events are made of.
#[derive(Debug)]
struct Board {
    history: Mutex<History>,
    /// The last tick of the history. Its sender is gone when the telemetry has been closed.
    ticks: watch::Receiver<u64>,
    watchers: Arc<Semaphore>,
}

impl Board {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/` and `/events`, until the telemetry is closed. Is to be called within a runtime, where it keeps a task.
pub(crate) fn routes(telemetry: Arc<Telemetry>) -> Router {
    let (ticked, ticks) = watch::channel(0);
    let history = Mutex::new(History::new(telemetry.snapshot()));
    let board = Arc::new(Board { history, ticks, watchers: Arc::new(Semaphore::new(WATCHERS)) });
    tokio::spawn(record(telemetry, Arc::clone(&board), ticked));
    Router::new().route("/", get(page::serve)).route("/events", get(events::serve)).with_state(board)
}

/// Keeps the history.
async fn record(telemetry: Arc<Telemetry>, board: Arc<Board>, ticked: watch::Sender<u64>) {
    let mut ticks = time::interval_at(time::Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = telemetry.closed() => return,
        }
        let number = board.history().add(telemetry.snapshot());
        ticked.send_replace(number);
    }
}
