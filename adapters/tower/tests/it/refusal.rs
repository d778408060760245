//! [`Refusal`] and [`Refuse`]: status, headers, errors.

use core::convert::Infallible;
use core::time::Duration;
use std::io;

use http::{Response, StatusCode};
use tidegate_tower::{Answer, AnswerGrpc, Raise, Reason, Refusal, Refuse};

use crate::support::{Error, Outcome, fields, values};

const ALL: [Reason; 7] = [
    Reason::RateLimited,
    Reason::KeysExhausted,
    Reason::Overloaded,
    Reason::TimedOut,
    Reason::LockedOut,
    Reason::Closed,
    Reason::NotReady,
];

#[test]
fn statuses() -> Outcome {
    for reason in ALL {
        let response: Result<Response<String>, Infallible> = Answer.refuse(Refusal::new(reason));
        let expected = if reason == Reason::RateLimited { 429 } else { 503 };
        assert_eq!(response?.status(), StatusCode::from_u16(expected)?, "{reason}");
    }
    Ok(())
}

#[test]
fn seconds_are_rounded_up() {
    let header = |span| {
        let response: Response<()> = Refusal::new(Reason::Overloaded).retry_after(span).into_response();
        fields(response.headers())[0].clone()
    };
    assert_eq!(header(Duration::ZERO), "0");
    assert_eq!(header(Duration::from_nanos(1)), "1");
    assert_eq!(header(Duration::from_secs(1)), "1");
    assert_eq!(header(Duration::from_millis(1_001)), "2");
    assert_eq!(header(Duration::MAX), u64::MAX.to_string());
    let response: Response<()> = Refusal::new(Reason::Overloaded).into_response();
    assert_eq!(fields(response.headers()), ["-", "-", "-", "-"]);
    let response =
        Response::<String>::from(Refusal::new(Reason::RateLimited).retry_after(Duration::from_millis(1)));
    assert_eq!((response.status().as_u16(), fields(response.headers())[0].as_str()), (429, "1"));
}

#[test]
fn errors() {
    let refusal = Refusal::new(Reason::TimedOut).retry_after(Duration::from_millis(500));
    let raised: Result<(), Error> = Raise.refuse(refusal);
    let error = raised.expect_err("it is raised");
    assert_eq!(error.to_string(), "the request has waited for too long, come again in 1 s");
    assert_eq!(error.downcast_ref(), Some(&refusal));
    let raised: Result<(), io::Error> = Raise.refuse(refusal);
    let error = raised.expect_err("it is raised");
    assert_eq!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(&refusal));
}

#[test]
fn grpc() -> Outcome {
    let names = ["content-type", "grpc-status", "grpc-message", "grpc-retry-pushback-ms"];
    let refusal = Refusal::new(Reason::RateLimited).retry_after(Duration::from_micros(1_500));
    let response: Result<Response<String>, Infallible> = AnswerGrpc.refuse(refusal);
    let response = response?;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(values(response.headers(), names), ["application/grpc", "8", "too many requests", "2"]);
    let response: Result<Response<String>, Infallible> = AnswerGrpc.refuse(Refusal::new(Reason::Overloaded));
    assert_eq!(values(response?.headers(), names), ["application/grpc", "14", "too many requests wait", "-"]);
    Ok(())
}

#[test]
fn words_differ() {
    let mut words: Vec<_> = ALL.iter().map(|reason| reason.as_str()).collect();
    words.extend(ALL.iter().map(|reason| reason.as_str()));
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), ALL.len());
}
