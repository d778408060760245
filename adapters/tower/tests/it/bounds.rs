//! What a gRPC server asks of its layers, of every layer: that this compiles is half of the test.

use core::convert::Infallible;
use core::future::{Ready, ready};
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use tidegate_tokio::{Priority, QuantaClock, Quota, WhenFull};
use tidegate_tower::{
    AnswerGrpc, CacheLayer, ConcurrencyLimitLayer, KeyedRateLimitLayer, LoadShedLayer, LockoutLayer,
    PriorityLimitLayer, RateLimitLayer,
};
use tower::util::ServiceFn;
use tower::{Layer, Service, ServiceExt as _, service_fn};

use crate::support::{Error, Outcome, SECOND, values};

/// A body like tonic's: it may be sent and not shared, has errors of its own, and is empty by default.
#[derive(Default)]
struct GrpcBody(UnsyncBoxBody<Bytes, Error>);

impl Body for GrpcBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

type Served = Ready<Result<Response<GrpcBody>, Infallible>>;
type Grpc = ServiceFn<fn(Request<GrpcBody>) -> Served>;

fn served(_: Request<GrpcBody>) -> Served {
    ready(Ok(Response::default()))
}

/// As tonic's server calls it: in a task, with a clone for each connection. Answers with the `grpc-status` of two calls.
async fn serve<L, S, B>(layer: L) -> Result<[String; 2], Error>
where
    L: Layer<Grpc, Service = S> + Clone + Send + Sync + 'static,
    S: Service<Request<GrpcBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Error> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Error>> + Send + 'static,
{
    let service = layer.layer(service_fn(served as fn(_) -> _));
    let call = async || {
        let answer = tokio::spawn(service.clone().oneshot(Request::new(GrpcBody::default()))).await?;
        let response = answer.map_err(Into::into)?;
        assert_eq!(response.status(), StatusCode::OK);
        let [status] = values(response.headers(), ["grpc-status"]);
        Ok::<_, Error>(status)
    };
    Ok([call().await?, call().await?])
}

#[tokio::test]
async fn a_grpc_server_takes_every_layer() -> Outcome {
    let (quota, served) = (Quota::per(1, 3_600 * SECOND)?, ["-", "-"]);
    let by_path = |request: &Request<GrpcBody>| request.uri().path().to_owned();
    let keyed = KeyedRateLimitLayer::new(quota, 10, by_path)?.refuse_with(AnswerGrpc);
    let delayed =
        KeyedRateLimitLayer::new(Quota::per(2, SECOND)?, 10, by_path)?.refuse_with(AnswerGrpc).delay(SECOND);
    let no_keys = || KeyedRateLimitLayer::with_timer(&[quota], 10, WhenFull::Refuse, by_path, QuantaClock::new());
    let urgency = |_: &Request<GrpcBody>| Priority(0);
    assert_eq!(serve(RateLimitLayer::new(quota).refuse_with(AnswerGrpc)).await?, ["-", "8"]);
    assert_eq!(serve(RateLimitLayer::new(quota).with_headers().refuse_with(AnswerGrpc)).await?, ["-", "8"]);
    assert_eq!(serve(keyed).await?, ["-", "8"]);
    assert_eq!(serve(delayed).await?, served);
    assert_eq!(serve(no_keys()?.with_headers().refuse_with(AnswerGrpc)).await?, ["-", "8"]);
    assert_eq!(serve(PriorityLimitLayer::new(1, urgency).until_body().refuse_with(AnswerGrpc)).await?, served);
    assert_eq!(
        serve(PriorityLimitLayer::new(0, urgency).max_waiting(0).refuse_with(AnswerGrpc)).await?,
        ["14", "14"]
    );
    assert_eq!(serve(ConcurrencyLimitLayer::new(1).until_body().refuse_with(AnswerGrpc)).await?, served);
    assert_eq!(serve(LoadShedLayer::new().refuse_with(AnswerGrpc)).await?, served);
    assert_eq!(serve(CacheLayer::new(10, SECOND)).await?, served);
    assert_eq!(serve(LockoutLayer::new().refuse_with(AnswerGrpc)).await?, served);
    assert_eq!(serve(LockoutLayer::new().refuse_with(AnswerGrpc).delay(SECOND)).await?, served);
    assert_eq!(
        serve(RateLimitLayer::new(Quota::per(2, SECOND)?).refuse_with(AnswerGrpc).delay(SECOND)).await?,
        served
    );
    Ok(())
}
