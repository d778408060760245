//! Clients that mean harm, or are broken: [`Harm`], what they do.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use tidegate_tokio::timeout;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long one of them keeps others waiting on purpose.
const NUISANCE: Duration = Duration::from_millis(100);
/// When an answer is overdue, also on a machine that has stood still for a while.
const OVERDUE: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Harm {
    /// Headers without end.
    LargeHeaders,
    /// A body that is far too large, and says so.
    LargeBody,
    /// One that does not say so.
    EndlessBody,
    /// A request that breaks off in the headers.
    HalfRequest,
    /// A request that breaks off in the body.
    HalfBody,
    /// Nobody waits for the answer.
    Unread,
    /// Somebody asks for all rows and reads none.
    SlowReader,
    /// Headers that come slowly, and no end.
    SlowSender,
}

impl Harm {
    pub(crate) const ALL: [Self; 8] = [
        Self::LargeHeaders,
        Self::LargeBody,
        Self::EndlessBody,
        Self::HalfRequest,
        Self::HalfBody,
        Self::Unread,
        Self::SlowReader,
        Self::SlowSender,
    ];

    /// Does it; answers whether the gateway did what it should.
    pub(crate) async fn done_to(self, gateway: SocketAddr) -> bool {
        let Ok(Ok(mut stream)) = timeout(OVERDUE, TcpStream::connect(gateway)).await else { return false };
        let refused = match self {
            Self::LargeHeaders => {
                let headers = format!("GET /api/x HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
                timeout(OVERDUE, refused_with(&mut stream, headers.as_bytes(), b" 431 ")).await
            }
            Self::LargeBody => {
                let head = b"POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n";
                timeout(OVERDUE, refused_with(&mut stream, head, b" 413 ")).await
            }
            Self::EndlessBody => {
                let mut body = b"POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
                for _ in 0..17 {
                    body.extend_from_slice(b"10000\r\n");
                    body.resize(body.len() + (1 << 16), b'x');
                    body.extend_from_slice(b"\r\n");
                }
                timeout(OVERDUE, refused_with(&mut stream, &body, b" 413 ")).await
            }
            Self::HalfRequest => return stream.write_all(b"GET /api/pag").await.is_ok(),
            Self::HalfBody => {
                let half = b"POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
                return stream.write_all(half).await.is_ok();
            }
            Self::Unread => return stream.write_all(b"GET /api/x HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok(),
            Self::SlowReader => {
                let asked = stream.write_all(b"GET /export HTTP/1.1\r\nhost: x\r\n\r\n").await;
                sleep(NUISANCE).await;
                return asked.is_ok();
            }
            Self::SlowSender => {
                let begun = stream.write_all(b"GET /api/x HTTP/1.1\r\nhost:").await;
                sleep(NUISANCE).await;
                return begun.is_ok();
            }
        };
        refused.unwrap_or(false)
    }
}

/// Sends this, and sees whether it is refused, or the connection closed before that could be heard.
async fn refused_with(stream: &mut TcpStream, request: &[u8], status: &[u8]) -> bool {
    let sent = stream.write_all(request).await;
    let mut answer = [0; 12];
    let heard = stream.read_exact(&mut answer).await;
    match (sent, heard) {
        (_, Ok(_)) => answer.windows(status.len() - 1).any(|part| part == &status[..status.len() - 1]),
        (Err(closed), _) | (_, Err(closed)) => {
            matches!(closed.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
        }
    }
}
