//! [`Connections`]: who is connected, each in a task of a [`TaskGroup`], with bounds on all that a client may leave
//! half done.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidegate_tokio::{Semaphore, Shutdown, TaskGroup};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use crate::door::Peer;
use crate::failure::Failure;
use crate::stall::Stall;

/// How many there are at once; the next ones wait in the operating system's queue.
const AT_ONCE: usize = 1_024;
/// How long a request may take to come to the end of its headers, and how long a connection may be idle.
const HEADERS: Duration = Duration::from_secs(20);
/// How many bytes the headers may have, in a buffer of this size.
const LARGEST_HEADERS: usize = 1 << 14;
const BUFFER: usize = 1 << 15;
/// How long a client may leave untouched what is sent to it.
const STALL: Duration = Duration::from_secs(10);
/// When the system has no more sockets for us, some may be free after that.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener at `address`, and where it really listens.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).await.map_err(Failure::to(format_args!("listen on {address}")))?;
    let address = listener.local_addr().map_err(Failure::to("find out the address"))?;
    Ok((listener, address))
}

#[derive(Clone)]
pub(crate) struct Connections {
    tasks: TaskGroup,
    room: Arc<Semaphore>,
    shutdown: &'static Shutdown,
    router: Router,
}

impl Connections {
    pub(crate) fn new(router: Router, shutdown: &'static Shutdown) -> Self {
        Self { tasks: TaskGroup::new(), room: Arc::new(Semaphore::new(AT_ONCE)), shutdown, router }
    }

    /// Takes connections in until the shutdown.
    pub(crate) async fn accept(self, listener: TcpListener) {
        let stop = pin!(self.shutdown.triggered());
        let accept = pin!(async {
            loop {
                // Nobody ever closes it.
                let Ok(room) = Semaphore::acquire_owned(Arc::clone(&self.room), 1).await else { return };
                let Ok((stream, peer)) = listener.accept().await else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let serve = self.clone().serve(stream, Peer(peer.ip()));
                let _ = self.tasks.spawn(async move {
                    serve.await;
                    drop(room);
                });
            }
        });
        tokio::select! {
            _ = stop => {}
            () = accept => {}
        }
    }

    /// Serves one until it ends; from the shutdown on, only what it has begun.
    async fn serve(self, stream: TcpStream, peer: Peer) {
        // An answer that is delayed is still an answer.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let answer = self.router.clone().call(request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
        http.max_buf_size(BUFFER).max_header_size(LARGEST_HEADERS);
        let mut connection = pin!(http.serve_connection(TokioIo::new(Stall::new(stream, STALL)), service));
        // What goes wrong in a connection concerns its client, who knows already.
        tokio::select! {
            ended = connection.as_mut() => return drop(ended),
            _ = self.shutdown.triggered() => connection.as_mut().graceful_shutdown(),
        }
        drop(connection.await);
    }

    /// Waits until all have ended.
    pub(crate) async fn close(&self) {
        self.tasks.close().await;
    }
}
