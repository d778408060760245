//! `/events`: a stream of server-sent events.

use core::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tidegate_tokio::{OwnedPermit, Semaphore};
use tokio::sync::watch;

use super::Board;

/// Begins with the whole history, and goes on with each tick.
pub(super) async fn serve(State(board): State<Arc<Board>>) -> Response {
    let place = Semaphore::try_acquire_owned(Arc::clone(&board.watchers), 1);
    let ticks = board.ticks.clone();
    let (Ok(place), Ok(_)) = (place, ticks.has_changed()) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")], "Too many are watching.\n")
            .into_response();
    };
    let watcher = Watcher { board, ticks, next: None, _place: place };
    Sse::new(stream::unfold(watcher, Watcher::tell)).into_response()
}

/// Somebody who watches.
struct Watcher {
    board: Arc<Board>,
    ticks: watch::Receiver<u64>,
    /// The first tick that is news; `None` if everything is.
    next: Option<u64>,
    _place: OwnedPermit,
}

impl Watcher {
    /// Waits for news. This is asked for only when the last event is on its way, so who reads slowly gets fewer
    /// events, and each of them bounded.
    async fn tell(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.next.is_some() {
            self.ticks.changed().await.ok()?;
        }
        let last = *self.ticks.borrow_and_update();
        let news = self.board.history().since(self.next);
        self.next = Some(last + 1);
        Some((Ok(Event::default().data(news.to_string())), self))
    }
}

#[cfg(test)]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Waker};
    use std::sync::Mutex;

    use super::*;
    use crate::dashboard::history::History;
    use crate::telemetry::Telemetry;

    fn watch(telemetry: &Telemetry) -> (Watcher, watch::Sender<u64>) {
        let (ticked, ticks) = watch::channel(0);
        let history = Mutex::new(History::new(telemetry.snapshot()));
        let watchers = Arc::new(Semaphore::new(1));
        let board = Arc::new(Board { history, ticks: ticks.clone(), watchers: Arc::clone(&watchers) });
        let place = Semaphore::try_acquire_owned(watchers, 1).unwrap();
        (Watcher { board, ticks, next: None, _place: place }, ticked)
    }

    #[tokio::test]
    async fn who_reads_slowly_gets_one_event_for_all_that_was_missed() {
        let telemetry = Telemetry::new();
        let (watcher, ticked) = watch(&telemetry);
        let (_, watcher) = watcher.tell().await.unwrap();
        for _ in 0..1_000 {
            let number = watcher.board.history().add(telemetry.snapshot());
            ticked.send_replace(number);
        }
        let (_, watcher) = watcher.tell().await.unwrap();
        assert_eq!(watcher.next, Some(1_001));
        let mut nothing_new = pin!(watcher.tell());
        assert!(nothing_new.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(ticked);
        assert!(nothing_new.await.is_none(), "it ends with the telemetry");
    }
}
