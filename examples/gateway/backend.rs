//! The slow backend: a server of its own on a loopback port.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::failure::Failure;
use crate::serve;
use crate::workers::{Figures, Overloaded, Workers};

#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) figures: Arc<Figures>,
}

impl Backend {
    /// Starts it. It serves until the runtime ends.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let workers = Workers::start().map_err(Failure::to("start the backend's workers"))?;
        let (listener, address) = serve::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let figures = workers.figures();
        let router = Router::new().fallback(answer).with_state(workers);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, figures })
    }
}

async fn answer(State(workers): State<Workers>) -> Response {
    match workers.work().await {
        Ok(()) => "A worker has done its work.\n".into_response(),
        Err(Overloaded) => (StatusCode::SERVICE_UNAVAILABLE, "The backend is overloaded.\n").into_response(),
    }
}
