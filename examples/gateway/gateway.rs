//! [`Gateway`]: what all requests share, and the paths that it serves.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::uri::Authority;
use axum::response::IntoResponse;
use axum::routing::get;
use tidegate_tokio::{Scheduler, Semaphore, Shutdown};

use crate::apart::Apart;
use crate::dashboard;
use crate::database::Database;
use crate::door::Door;
use crate::export;
use crate::failure::Failure;
use crate::http::Slowness;
use crate::jobs::Job;
use crate::log::Log;
use crate::options::Options;
use crate::pages::Pages;
use crate::proxy;
use crate::telemetry::Telemetry;
use crate::upstream::Upstream;

/// There is one, and it lives as long as the process.
pub(crate) struct Gateway {
    pub(crate) door: Door,
    pub(crate) pages: Pages,
    pub(crate) upstream: Upstream,
    pub(crate) log: Log,
    pub(crate) database: Database,
    pub(crate) exports: Semaphore,
    pub(crate) jobs: Scheduler<Job>,
    pub(crate) shutdown: Shutdown,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) counts: Apart<Counts>,
    pub(crate) behind_proxy: bool,
    pub(crate) slowness: Slowness,
}

impl Gateway {
    pub(crate) fn start(
        upstream: Authority,
        database: Database,
        options: &Options,
    ) -> Result<&'static Self, Failure> {
        let telemetry = Arc::new(Telemetry::new());
        Ok(Box::leak(Box::new(Self {
            door: Door::new(options).map_err(Failure::to("limit clients"))?,
            pages: Pages::new(options),
            upstream: Upstream::new(upstream, options, Arc::clone(&telemetry))
                .map_err(Failure::to("limit the upstream"))?,
            log: Log::start(database.clone(), Arc::clone(&telemetry))?,
            database,
            exports: Semaphore::new(export::AT_ONCE),
            jobs: Scheduler::new(),
            shutdown: Shutdown::new(),
            telemetry,
            counts: Apart::default(),
            behind_proxy: options.behind_proxy,
            slowness: options.slowness,
        })))
    }

    pub(crate) fn router(&'static self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/export", get(export::export))
            .fallback(proxy::proxy)
            .with_state(self)
            .merge(dashboard::routes(Arc::clone(&self.telemetry)))
    }
}

/// How things stand.
async fn health(State(gateway): State<&'static Gateway>) -> impl IntoResponse {
    let rows = gateway.log.stats();
    let figures = [
        ("inside", gateway.door.inside() as u64),
        ("available_permits", gateway.upstream.available_permits() as u64),
        ("waiters", gateway.upstream.waiters() as u64),
        ("answered", gateway.counts.answered.load(Ordering::Relaxed)),
        ("refused", gateway.counts.refused.load(Ordering::Relaxed)),
        ("hung_up", gateway.counts.hung_up.load(Ordering::Relaxed)),
        ("lockouts", gateway.upstream.lockouts()),
        ("clients", gateway.door.clients() as u64),
        ("pages", gateway.pages.len() as u64),
        ("rows", rows.accepted),
        ("rows_on_their_way", rows.unfinished as u64),
    ];
    let figures = figures.map(|(name, value)| format!("\"{name}\":{value}")).join(",");
    ([(CONTENT_TYPE, "application/json")], format!("{{{figures}}}\n"))
}

/// What has become of requests.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    hung_up: AtomicU64,
}

impl Counts {
    /// Somebody got an answer, be it a refusal.
    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// The gateway itself refused somebody.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has gone before the answer.
    pub(crate) fn hung_up(&self) {
        self.hung_up.fetch_add(1, Ordering::Relaxed);
    }
}
