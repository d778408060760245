//! [`served`]: a gateway for a trial.

use axum::http::uri::Authority;
use tidegate_tokio::signal;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::options::Options;
use crate::server::{Server, Stopped};

/// Serves what comes to `listener` for as long as `trial` takes, then stops in order; so it does too, and leaves no
/// file behind, if the trial fails or is interrupted.
///
/// # Errors
///
/// Those of the trial; and if somebody interrupts it.
pub(crate) async fn served<T>(
    listener: TcpListener,
    upstream: Authority,
    options: &Options,
    trial: impl AsyncFnOnce(&'static Gateway) -> Result<T, Failure>,
) -> Result<(&'static Gateway, T, Stopped), Failure> {
    let server = Server::start(listener, upstream, options)?;
    let gateway = server.gateway;
    let (start, started) = oneshot::channel();
    let start = move || {
        let _ = start.send(());
    };
    let stopping = tokio::spawn(server.run(&[signal::SIGINT, signal::SIGTERM], start, || {}));
    let outcome = async {
        // Nothing is to be seen of it before signals are heard. If they cannot be, it has stopped.
        let _ = started.await;
        trial(gateway).await
    };
    let outcome = tokio::select! {
        biased;
        _ = gateway.shutdown.triggered() => Err(Failure::Run("interrupted".into())),
        outcome = outcome => outcome,
    };
    gateway.shutdown.trigger();
    let stopped = stopping.await.map_err(Failure::to("stop"))??;
    Ok((gateway, outcome?, stopped))
}
