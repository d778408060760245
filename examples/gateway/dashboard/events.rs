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
