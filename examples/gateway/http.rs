//! Requests and answers as they are passed on: [`Outbound`] and [`Answer`], both held in memory.
//!
//! So neither a slow sender nor a slow reader holds a permit of the upstream's, and what the upstream would not
//! take can be sent again.

use core::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tidegate_tokio::timeout;

use crate::answering::Answering;
use crate::connections::Peer;
use crate::gather::{Gather, Ungathered};
use crate::refusal::Refusal;

/// How many bytes a body may have, of a request or of an answer.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// Whom a request is from: the addresses that it has come by, the last one at the end.
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Whom a request has come by.
const BY_HTTP_11: HeaderValue = HeaderValue::from_static("1.1 tidegate");
const BY_HTTP_10: HeaderValue = HeaderValue::from_static("1.0 tidegate");

/// How many headers the connection adds, or puts into the same map when the answer comes.
const ROOM: usize = 6;

/// What concerns one connection only.
static HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HOST,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

pub(crate) type Client = hyper_util::client::legacy::Client<HttpConnector, Body>;

/// A client with a pool of connections.
pub(crate) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// Where `path` is on the server at `authority`.
pub(crate) fn uri(authority: &Authority, path: PathAndQuery) -> Option<Uri> {
    Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query(path).build().ok()
}

/// How slow others may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slowness {
    /// How long a request may take to come to the end of its headers, and how long a connection may be idle.
    pub(crate) headers: Duration,
    /// How long the body of a request may take to come.
    pub(crate) body: Duration,
    /// How long an answer may take, before the server is taken to be gone.
    pub(crate) answer: Duration,
    /// How long a client may leave untouched what is sent to it.
    pub(crate) reading: Duration,
    /// How long each part of the gateway may take to come to an end.
    pub(crate) ending: Duration,
}

impl Slowness {
    /// For clients and servers that nobody knows.
    pub(crate) const BOUNDED: Self = Self {
        headers: Duration::from_secs(20),
        body: Duration::from_secs(10),
        answer: Duration::from_secs(30),
        reading: Duration::from_secs(10),
        ending: Duration::from_secs(45),
    };
    /// For those who are known to come to an end, on a machine that may stand still for a while.
    pub(crate) const ENDLESS: Self = {
        let day = Duration::from_hours(24);
        Self { headers: day, body: day, answer: day, reading: day, ending: day }
    };
}

const NO_SUCH_PATH: Refusal = Refusal::Malformed("There is no such path.\n");

/// A request, ready to be sent on as often as it takes.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outbound {
    /// Reads a request to its end. `is_believed` is for what it says of whom it was forwarded for.
    pub(crate) async fn read(request: Request, is_believed: bool, slowness: &Slowness) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        if head.method == Method::CONNECT {
            return Err(Refusal::Tunnel);
        }
        let path = head.uri.path_and_query().cloned().ok_or(NO_SUCH_PATH)?;
        if climbs(path.path()) {
            return Err(NO_SUCH_PATH);
        }
        if head.version == Version::HTTP_11 && head.headers.get_all(HOST).iter().count() != 1 {
            return Err(Refusal::Malformed("A request is for one host.\n"));
        }
        let body = if body.is_end_stream() {
            Bytes::new()
        } else if body.size_hint().lower() > LARGEST_BODY as u64 {
            return Err(Refusal::TooLarge);
        } else {
            match timeout(slowness.body, Gather::new(body)).await {
                Ok(Ok(body)) => body,
                Ok(Err(Ungathered::TooLarge)) => return Err(Refusal::TooLarge),
                Ok(Err(Ungathered::Broken(_))) => return Err(Refusal::Malformed("The body is broken.\n")),
                Err(_elapsed) => return Err(Refusal::TooSlow),
            }
        };
        strip(&mut head.headers);
        if !is_believed {
            head.headers.remove(FORWARDED_FOR);
        }
        if let Some(peer) = head.extensions.get::<Peer>() {
            head.headers.append(FORWARDED_FOR, peer.text());
        }
        head.headers.append(VIA, if head.version == Version::HTTP_10 { BY_HTTP_10 } else { BY_HTTP_11 });
        Ok(Self { method: head.method, path, headers: head.headers, body })
    }

    /// The request as it is sent to a server.
    fn into_request(mut self, authority: &Authority) -> Result<Request, Refusal> {
        self.headers.reserve(ROOM);
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = uri(authority, self.path).ok_or(NO_SUCH_PATH)?;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Has a server answer, however long that takes.
    pub(crate) fn to(request: Outbound, client: &Client, server: &Authority) -> Answering {
        match request.into_request(server) {
            Ok(request) => Answering::Sent(client.request(request)),
            Err(refusal) => Answering::Refused(refusal),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Whether a server may take the path to be somewhere else: it has `.` or `..` for a folder, be it in disguise.
fn climbs(path: &str) -> bool {
    let climbs = |path: &str| path.split(['/', '\\']).any(|folder| folder == "." || folder == "..");
    if path.contains('%') {
        let plain = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
        return climbs(&plain);
    }
    path.contains('.') && climbs(path)
}

/// Leaves out what concerns one connection only.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        // Then it does not count, and is not to be believed further on.
        headers.remove(CONTENT_LENGTH);
    }
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|names| names.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in &named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
