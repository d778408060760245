//! What the tests share.

use core::convert::Infallible;
use core::fmt::Debug;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tidegate_tower::Reason;
use tidegate_tower::Refusal;
use tokio_test::task::{self, Spawn};
use tower::Service;
use tower_test::mock::{self, Handle, Mock};

pub(crate) type Error = Box<dyn core::error::Error + Send + Sync>;
pub(crate) type Outcome = Result<(), Error>;
pub(crate) type StrMock = Mock<&'static str, &'static str>;
pub(crate) type StrHandle = Handle<&'static str, &'static str>;
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A mock service of strings behind a layer, and the handle to the mock.
pub(crate) fn behind<L: tower::Layer<StrMock>>(layer: L) -> (L::Service, StrHandle) {
    let (mock, handle) = mock::pair();
    (layer.layer(mock), handle)
}

/// Polls the service ready, and calls it.
pub(crate) fn request<S, Req>(service: &mut S, request: Req) -> Spawn<S::Future>
where
    S: Service<Req, Error: Debug>,
{
    tokio_test::assert_ready_ok!(poll_ready(service));
    task::spawn(service.call(request))
}

pub(crate) fn poll_ready<S: Service<Req>, Req>(service: &mut S) -> Poll<Result<(), S::Error>> {
    task::spawn(()).enter(|cx, _| service.poll_ready(cx))
}

/// What the service is asked, which must have arrived.
#[track_caller]
pub(crate) fn arrived(handle: &mut StrHandle) -> (&'static str, mock::SendResponse<&'static str>) {
    match handle.poll_request() {
        Poll::Ready(Some(arrived)) => arrived,
        _ => panic!("no request has arrived"),
    }
}

#[track_caller]
pub(crate) fn nothing_arrived(handle: &mut StrHandle) {
    assert!(handle.poll_request().is_pending(), "a request has arrived");
}

/// Polls a future that is refused.
#[track_caller]
pub(crate) fn refused<F, T>(future: &mut Spawn<F>) -> Refusal
where
    F: Future<Output = Result<T, Error>>,
    T: Debug,
{
    match future.poll() {
        Poll::Ready(Err(error)) => *error.downcast_ref::<Refusal>().expect("a refusal"),
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn reason<F, T>(future: &mut Spawn<F>) -> Reason
where
    F: Future<Output = Result<T, Error>>,
    T: Debug,
{
    refused(future).reason()
}

/// A service that answers every request with an empty 200.
pub(crate) async fn ok(_request: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new("served".to_owned()))
}

pub(crate) fn get(path: &str) -> Request<String> {
    Request::get(path).body(String::new()).expect("it is a path")
}

/// The values of headers, `-` where there is none.
pub(crate) fn values<const N: usize>(headers: &HeaderMap, names: [&str; N]) -> [String; N] {
    names.map(|name| headers.get(name).map_or("-", |value| value.to_str().expect("it is text")).to_owned())
}

/// The four fields that say when to come again.
pub(crate) fn fields(headers: &HeaderMap) -> [String; 4] {
    values(headers, ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"])
}

/// What a body does when it is polled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Data(&'static str),
    Fail,
    Trailers,
    /// The length is not told while this is first; it does nothing.
    Unsized,
}

/// A body that plays a script.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<Step>);

impl Script {
    pub(crate) fn new(steps: &[Step]) -> Self {
        Self(steps.iter().copied().collect())
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if matches!(self.0.front(), Some(Step::Unsized)) {
            self.0.pop_front();
        }
        Poll::Ready(self.0.pop_front().map(|step| match step {
            Step::Data(data) => Ok(Frame::data(Bytes::from_static(data.as_bytes()))),
            Step::Fail => Err("the body broke".into()),
            Step::Trailers => {
                Ok(Frame::trailers(HeaderMap::from_iter([(HeaderName::from_static("x-sum"), 5_u32.into())])))
            }
            Step::Unsized => Err("it is only at the beginning".into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if matches!(self.0.front(), Some(Step::Unsized)) {
            return SizeHint::new();
        }
        let length = |step: &Step| if let Step::Data(data) = step { data.len() } else { 0 };
        SizeHint::with_exact(self.0.iter().map(length).sum::<usize>() as u64)
    }
}
