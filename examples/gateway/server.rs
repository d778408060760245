//! [`Server`]: everything that runs, started in order and stopped in order, so that no accepted row is lost.
//!
//! ```text
//! listener ──► connections ──► calls to the upstream        jobs
//!                   └──────► log (batches) ──► database ◄────┘
//! ```
//!
//! It is stopped from left to right: whoever puts something into the next one has ended before that one is closed.

use core::net::SocketAddr;

use axum::http::uri::Authority;
use tidegate_tokio::{BackgroundLoop, Service, ServiceReport};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::connections::Connections;
use crate::database::{Database, Temporary, Thread};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::jobs;
use crate::options::Options;

pub(crate) struct Server {
    pub(crate) gateway: &'static Gateway,
    connections: Connections,
    listener: JoinHandle<()>,
    maintenance: BackgroundLoop,
    database: Thread,
}

/// How it ended. The log's file is still there, also if it is a temporary one.
pub(crate) struct Stopped {
    pub(crate) report: ServiceReport,
    _file: Option<Temporary>,
}

impl Server {
    /// Serves what comes to `listener`.
    pub(crate) fn start(listener: TcpListener, upstream: Authority, options: &Options) -> Result<Self, Failure> {
        let (log, database) = Database::open(options.log.clone())?;
        let gateway = Gateway::start(upstream, log, options)?;
        let maintenance = jobs::start(gateway)?;
        let connections = Connections::new(gateway.router(), options.slowness, &gateway.shutdown);
        let listener = tokio::spawn(connections.clone().accept(listener));
        Ok(Self { gateway, connections, listener, maintenance, database })
    }

    /// Waits for one of these signals, or for the gateway's shutdown to be triggered, then stops everything.
    pub(crate) async fn run(
        self,
        signals: &[i32],
        started: impl FnOnce() + Send + 'static,
        stopping: fn(),
    ) -> Result<Stopped, Failure> {
        let Self { gateway, connections, listener, maintenance, database: Thread { thread, temporary } } = self;
        let patience = gateway.slowness.ending;
        let report = Service::new(&gateway.shutdown)
            .signals(signals.iter().copied())
            // Now that signals are heard: whoever learns that it serves may send one at once.
            .start_up("say so", async move || started())
            .callback("say so", async move |_reason| stopping())
            .callback("dashboards", async |_reason| gateway.telemetry.close())
            .callback("jobs", async |_reason| gateway.jobs.close())
            .join_task("listener", patience, listener)
            .join("connections", patience, async move { connections.close().await })
            .join("calls", patience, gateway.upstream.close())
            .join("maintenance", patience, async { maintenance.shutdown().await.map(drop) })
            .join("log", patience, gateway.log.stop(patience))
            .join("orders", patience, async { gateway.database.close() })
            .join_thread("database", patience, thread)
            .run()
            .await
            .map_err(Failure::to("stop in order"))?;
        Ok(Stopped { report, _file: temporary })
    }
}

/// A listener on a loopback port of the system's choice.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 0);
