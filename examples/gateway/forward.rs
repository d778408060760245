//! [`Upstream`]: a request to the backend, and its answer back.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Bodies are held in memory, so that neither a slow sender nor a slow reader holds a permit.
const LARGEST_BODY: usize = 1 << 20;

/// How long the backend may take, before it is taken to be gone and its permit is used anew.
const PATIENCE: Duration = Duration::from_secs(30);

/// What concerns one connection only.
const HOP_BY_HOP: [HeaderName; 11] = [
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

#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

/// A client with a pool of connections.
pub(crate) fn client() -> Client<HttpConnector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

/// Where `path` is on the server at `address`.
pub(crate) fn uri(address: SocketAddr, path: PathAndQuery) -> Option<Uri> {
    let authority = Authority::try_from(address.to_string()).ok()?;
    Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path).build().ok()
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, client: client() }
    }

    /// Sends an [`outbound`] request and reads the whole answer.
    pub(crate) async fn call(&self, mut request: Request) -> Response {
        let path = request.uri().path_and_query().cloned();
        let Some(uri) = path.and_then(|path| uri(self.address, path)) else {
            return (StatusCode::BAD_REQUEST, "There is no such path.\n").into_response();
        };
        *request.uri_mut() = uri;
        let exchange = async {
            let (mut head, body) = self.client.request(request).await.map_err(bad_gateway)?.into_parts();
            let body = body::to_bytes(Body::new(body), LARGEST_BODY).await.map_err(bad_gateway)?;
            strip(&mut head.headers);
            Ok(Response::from_parts(head, Body::from(body)))
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.unwrap_or_else(|refusal: Response| refusal),
            Err(_elapsed) => (StatusCode::GATEWAY_TIMEOUT, "The backend took too long.\n").into_response(),
        }
    }
}

/// Reads a request to its end, and makes it fit to be sent on.
pub(crate) async fn outbound(request: Request) -> Result<Request, Response> {
    let (mut head, body) = request.into_parts();
    if head.method == Method::CONNECT {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "This is no tunnel.\n").into_response());
    }
    let Ok(body) = body::to_bytes(body, LARGEST_BODY).await else {
        let message = format!("The body broke off, or has more than {LARGEST_BODY} bytes.\n");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, message).into_response());
    };
    strip(&mut head.headers);
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok(Request::from_parts(head, Body::from(body)))
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

pub(crate) fn bad_gateway(error: impl fmt::Display) -> Response {
    (StatusCode::BAD_GATEWAY, format!("The backend did not answer: {error}.\n")).into_response()
}
