//! [`CacheFuture`]: from the cache, or by way of it, or past it.

use core::fmt;
use core::future::Future;
use core::hash::Hash;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use http::header::AGE;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tidegate_tokio::{Clock, TokioTimer};
use tower_service::Service;

use super::body::read;
use super::{Answer, Answers, CacheBody, Kept, NotKept, Rules, key, policy};
use crate::lockout::seconds;
use crate::oneshot::Oneshot;

type Outcome<B, E> = Result<Response<CacheBody<B>>, E>;

pin_project! {
    /// The future of [`Cache`](super::Cache).
    #[must_use = "futures do nothing unless polled"]
    pub struct CacheFuture<S, B, ResB>
    where
        S: Service<Request<B>>,
        ResB: Body,
    {
        #[pin]
        way: Way<Oneshot<S, Request<B>>, Outcome<ResB, S::Error>>,
    }
}

pin_project! {
    #[project = WayProjection]
    enum Way<F, O> {
        Hit { output: Option<O> },
        // A miss waits for somebody else's work or does its own, and a change does: a box is little beside that.
        Boxed { future: Pin<Box<dyn Future<Output = O> + Send>> },
        Pass { #[pin] future: F },
    }
}

impl<S, B, ResB> CacheFuture<S, B, ResB>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    ResB: Body<Data = Bytes>,
{
    pub(super) const fn hit(response: Response<CacheBody<ResB>>) -> Self {
        Self { way: Way::Hit { output: Some(Ok(response)) } }
    }

    pub(super) const fn pass(service: S, request: Request<B>) -> Self {
        Self { way: Way::Pass { future: Oneshot::new(service, request) } }
    }

    /// What drops these answers if it succeeds.
    pub(super) fn change<K>(answers: Arc<Answers<K>>, changed: Vec<K>, service: S, request: Request<B>) -> Self
    where
        S: Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Send + 'static,
        ResB: Send + 'static,
        K: Hash + Eq + Send + Sync + 'static,
    {
        let future = async move {
            let response = Oneshot::new(service, request).await?;
            if !response.status().is_client_error() && !response.status().is_server_error() {
                for key in &changed {
                    answers.invalidate(key);
                }
            }
            Ok(response.map(CacheBody::passed))
        };
        Self { way: Way::Boxed { future: Box::pin(future) } }
    }

    pub(super) fn miss<K>(answers: Arc<Answers<K>>, key: K, rules: Rules, service: S, request: Request<B>) -> Self
    where
        S: Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Send + 'static,
        ResB: Send + Unpin + 'static,
        ResB::Error: Send,
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        let future = async move {
            let mut work = Some(Oneshot::new(service, request));
            // What the first who asks gets itself: with the extensions of the answer, or a body that is not kept, or an error.
            let mut own = None;
            let (take, give) = (&mut work, &mut own);
            let load = move || {
                let work = take.take();
                async move {
                    let Some(work) = work else { return Err(NotKept) };
                    match work.await {
                        Ok(response) => keep(response, rules, give).await,
                        Err(error) => {
                            *give = Some(Err(error));
                            Err(NotKept)
                        }
                    }
                }
            };
            let shared = answers.get_or_load(&key, load).await;
            match (own, shared, work) {
                (Some(own), ..) => own,
                (None, Ok(kept), _) => Ok(kept.response()),
                // Whoever was first has got nothing that may be shared, or there was no room to wait.
                (None, Err(_), Some(work)) => work.await.map(|response| response.map(CacheBody::passed)),
                (None, Err(_), None) => unreachable!("whoever has begun its own work has what came of it"),
            }
        };
        Self { way: Way::Boxed { future: Box::pin(future) } }
    }
}

/// Reads an answer that may be kept; `own` is the answer for whoever has asked.
async fn keep<B, E>(response: Response<B>, rules: Rules, own: &mut Option<Outcome<B, E>>) -> Result<Kept, NotKept>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = response.into_parts();
    let Some(lifetime) = policy::lifetime(parts.status, &parts.headers, rules.ttl, rules.keyed) else {
        *own = Some(Ok(Response::from_parts(parts, CacheBody::passed(body))));
        return Err(NotKept);
    };
    match read(body, rules.max_body).await {
        Ok(data) => {
            let mut headers = parts.headers.clone();
            policy::strip(&mut headers);
            key::own_values(&mut headers);
            let age = headers.get(AGE).and_then(|age| seconds(age.to_str().ok()?.trim()));
            let kept = Kept(Arc::new(Answer {
                status: parts.status,
                version: parts.version,
                headers,
                body: data.clone(),
                age: age.unwrap_or_default(),
                since: TokioTimer.now(),
                lifetime,
            }));
            *own = Some(Ok(Response::from_parts(parts, CacheBody::kept(data))));
            Ok(kept)
        }
        Err(body) => {
            *own = Some(Ok(Response::from_parts(parts, body)));
            Err(NotKept)
        }
    }
}

impl<S, B, ResB> Future for CacheFuture<S, B, ResB>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    ResB: Body<Data = Bytes>,
{
    type Output = Outcome<ResB, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            WayProjection::Hit { output } => output.take().map_or(Poll::Pending, Poll::Ready),
            WayProjection::Boxed { future } => future.as_mut().poll(cx),
            WayProjection::Pass { future } => future.poll(cx).map_ok(|response| response.map(CacheBody::passed)),
        }
    }
}

impl<S, B, ResB> fmt::Debug for CacheFuture<S, B, ResB>
where
    S: Service<Request<B>>,
    ResB: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match &self.way {
            Way::Hit { .. } => "hit",
            Way::Boxed { .. } => "miss or change",
            Way::Pass { .. } => "pass",
        };
        f.debug_struct("CacheFuture").field("way", &way).finish_non_exhaustive()
    }
}
