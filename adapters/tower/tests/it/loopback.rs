//! A real server on the loopback interface, and a real client of it.

use core::future::Future;

use axum::{Router, serve};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, yield_now};

use crate::support::{Error, fields};

pub(crate) type HttpClient = Client<HttpConnector, String>;

pub(crate) fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// An application behind a real socket.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    client: HttpClient,
}

impl Server {
    pub(crate) async fn start(app: Router) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { serve(listener, app).await });
        Ok(Self { address, client: client() })
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Asks with `x-key`, and reads status, the [four fields](fields) and the body.
    pub(crate) async fn get(&self, path: &str, key: &str) -> Result<(StatusCode, [String; 4], String), Error> {
        let request = Request::get(self.uri(path)).header("x-key", key).body(String::new())?;
        let (parts, body) = self.send(request).await?.into_parts();
        Ok((parts.status, fields(&parts.headers), body))
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn send(&self, request: Request<String>) -> Result<Response<String>, Error> {
        let (parts, body) = self.client.request(request).await?.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
        Ok(Response::from_parts(parts, body))
    }

    /// The same in a task, so that several can be on their way.
    pub(crate) fn ask(&self, path: &str) -> JoinHandle<Result<(StatusCode, HeaderMap, String), Error>> {
        let (server, uri) = (self.clone(), self.uri(path));
        tokio::spawn(async move {
            let (parts, body) = server.send(Request::get(uri).body(String::new())?).await?.into_parts();
            Ok((parts.status, parts.headers, body))
        })
    }
}

/// Lets the others run until it is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        yield_now().await;
    }
}

/// The answers of all, in order.
pub(crate) async fn all<T>(
    asked: impl IntoIterator<Item = impl Future<Output = Result<Result<T, Error>, tokio::task::JoinError>>>,
) -> Result<Vec<T>, Error> {
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await??);
    }
    Ok(answers)
}
