//! [`Connections`]: who is connected, each in a task of a [`TaskGroup`], with bounds on all that a client may leave
//! half done.

use core::convert::Infallible;
use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidegate_tokio::{Semaphore, Shutdown, TaskGroup};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use crate::failure::Failure;
use crate::http::Slowness;
use crate::stall::Stall;

/// How many there are at once; the next ones wait in the operating system's queue.
const AT_ONCE: usize = 1_024;
/// How many bytes the headers of a request may have, in a buffer of this size.
const LARGEST_HEADERS: usize = 1 << 14;
const BUFFER: usize = 1 << 15;
/// When the system has no more sockets for us, some may be free after that.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener at `address`, and where it really listens.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).await.map_err(Failure::to(format_args!("listen on {address}")))?;
    let address = listener.local_addr().map_err(Failure::to("find out the address"))?;
    Ok((listener, address))
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// Made once per connection, and shared by its requests.
    text: HeaderValue,
}

impl Peer {
    fn new(address: IpAddr) -> Self {
        let text = HeaderValue::try_from(address.to_string());
        Self { address, text: text.unwrap_or(HeaderValue::from_static("unknown")) }
    }

    /// The address as it is written.
    pub(crate) fn text(&self) -> HeaderValue {
        self.text.clone()
    }
}

#[derive(Clone)]
pub(crate) struct Connections {
    tasks: TaskGroup,
    room: Arc<Semaphore>,
    shutdown: &'static Shutdown,
    slowness: Slowness,
    router: Router,
}

impl Connections {
    pub(crate) fn new(router: Router, slowness: Slowness, shutdown: &'static Shutdown) -> Self {
        Self { tasks: TaskGroup::new(), room: Arc::new(Semaphore::new(AT_ONCE)), shutdown, slowness, router }
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
                let serve = self.clone().serve(stream, Peer::new(peer.ip()));
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
            request.extensions_mut().insert(peer.clone());
            let answer = self.router.clone().call(request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.slowness.headers);
        http.max_buf_size(BUFFER).max_header_size(LARGEST_HEADERS);
        let mut connection =
            pin!(http.serve_connection(TokioIo::new(Stall::new(stream, self.slowness.reading)), service));
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
