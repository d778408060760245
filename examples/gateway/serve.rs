//! `--listen`: serves until Ctrl-C, then finishes what it has begun.

use core::net::SocketAddr;
use core::pin::pin;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::args::ListenOptions;
use crate::backend::Backend;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::output;
use crate::proxy::Gateway;

pub(crate) async fn run(options: &ListenOptions) -> Result<(), Failure> {
    // First of all: whoever reads the address below may send a signal at once.
    let mut interrupts = Interrupts::new().map_err(Failure::to("listen to signals"))?;
    let (listener, address) = listen(options.address).await?;
    let backend = match options.backend {
        Some(backend) => backend,
        None => Backend::start().await?.address,
    };
    let gateway = Gateway::start(backend, options.limits);
    say(&format!("listening on http://{address}/, in front of http://{backend}/; Ctrl-C stops it\n"));

    let (stop, stopped) = oneshot::channel();
    let mut server = pin!(until(stopped, listener, gateway.router()));
    tokio::select! {
        ended = &mut server => return ended,
        () = interrupts.next() => say("finishing what has begun; Ctrl-C stops it at once\n"),
    }
    drop(stop);
    tokio::select! {
        ended = server => ended,
        () = interrupts.next() => Err(Failure::Run("stopped before all had been answered".into())),
    }
}

/// Serves until the other end of `stopped` says so or is gone, and all that had begun by then.
pub(crate) async fn until(
    stopped: oneshot::Receiver<()>,
    listener: impl Listener<Addr = SocketAddr>,
    router: Router,
) -> Result<(), Failure> {
    let server = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    server.await.map_err(Failure::to("serve"))
}

/// A listener at `address`, and where it really listens.
pub(crate) async fn listen(
    address: SocketAddr,
) -> Result<(impl Listener<Io = TcpStream, Addr = SocketAddr>, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).await.map_err(Failure::to(format_args!("listen on {address}")))?;
    let address = listener.local_addr().map_err(Failure::to("find out the address"))?;
    let listener = listener.tap_io(|stream| {
        // An answer that is delayed is still an answer.
        let _ = stream.set_nodelay(true);
    });
    Ok((listener, address))
}

/// A service does not end because what it says cannot be printed.
fn say(line: &str) {
    let _ = output::print(line);
}
