//! The page at `/`.

use std::sync::Arc;

use axum::Router;

use crate::telemetry::Telemetry;

pub(crate) fn routes(_telemetry: Arc<Telemetry>) -> Router {
    Router::new()
}
