//! Requests and answers as they are passed on: [`Outbound`] and [`Answer`], both held in memory.
//!
//! So neither a slow sender nor a slow reader holds a permit of the upstream's, and what the upstream would not
//! take can be sent again.

use core::fmt;
use core::time::Duration;

use axum::body::{self, Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tidegate_tokio::timeout;

use crate::refusal::Refusal;

/// How many bytes a body may have, of a request or of an answer.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// How long the body of a request may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take, before the server is taken to be gone.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

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

/// A request, ready to be sent on as often as it takes.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outbound {
    /// Reads a request to its end.
    pub(crate) async fn read(request: Request) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        if head.method == Method::CONNECT {
            return Err(Refusal::Tunnel);
        }
        let path = head.uri.path_and_query().cloned().ok_or(Refusal::Malformed("There is no such path.\n"))?;
        let body = if body.is_end_stream() {
            Bytes::new()
        } else if body.size_hint().lower() > LARGEST_BODY as u64 {
            return Err(Refusal::TooLarge);
        } else {
            let read = timeout(BODY_PATIENCE, body::to_bytes(body, LARGEST_BODY)).await;
            read.map_err(|_elapsed| Refusal::TooSlow)?.map_err(|_broken_off_or| Refusal::TooLarge)?
        };
        strip(&mut head.headers);
        Ok(Self { method: head.method, path, headers: head.headers, body })
    }

    /// The request as it is sent to a server.
    fn to_request(&self, authority: &Authority) -> Result<Request, Refusal> {
        let uri = uri(authority, self.path.clone()).ok_or(Refusal::Malformed("There is no such path.\n"))?;
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
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
    /// Has a server answer, and reads the answer to its end.
    pub(crate) async fn to(request: &Outbound, client: &Client, server: &Authority) -> Result<Self, Refusal> {
        let request = request.to_request(server)?;
        let answer = async {
            let (mut head, body) = client.request(request).await.map_err(broken)?.into_parts();
            let body = body::to_bytes(Body::new(body), LARGEST_BODY).await.map_err(broken)?;
            strip(&mut head.headers);
            Ok(Self { status: head.status, headers: head.headers, body })
        };
        timeout(ANSWER_PATIENCE, answer).await.map_err(|_elapsed| Refusal::Late)?
    }
}

impl Answer {
    /// The same in memory of its own. As it comes it keeps the buffer that it was read into, which is larger, and
    /// which the connection would use again.
    pub(crate) fn detached(self) -> Self {
        let values = || self.headers.values().map(HeaderValue::as_bytes);
        let mut copy = Vec::with_capacity(self.body.len() + values().map(<[u8]>::len).sum::<usize>());
        copy.extend_from_slice(&self.body);
        values().for_each(|value| copy.extend_from_slice(value));
        let mut copy = Bytes::from(copy);
        let body = copy.split_to(self.body.len());
        let mut headers = self.headers;
        for value in headers.values_mut() {
            if let Ok(detached) = HeaderValue::from_maybe_shared(copy.split_to(value.len())) {
                *value = detached;
            }
        }
        Self { headers, body, ..self }
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

fn broken(error: impl fmt::Display) -> Refusal {
    Refusal::Broken(error.to_string().into())
}

fn strip(headers: &mut HeaderMap) {
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
