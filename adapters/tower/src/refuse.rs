//! [`Refuse`]: what a refusal turns into.

use http::{HeaderMap, HeaderValue, Response, header};

use crate::{Reason, Refusal};

/// What a layer does when it turns a request down: the one shape for services that speak HTTP and for those that
/// do not.
///
/// [`Answer`], the default, answers with status and headers; [`Raise`] fails with an error; [`AnswerGrpc`] answers
/// as gRPC does. Every closure `Fn(Refusal) -> Result<Response, Error>` does as well:
///
/// ```
/// use core::convert::Infallible;
/// use http::Response;
/// use tidegate_tower::{Refusal, Refuse, Reason};
///
/// let refuse = |refusal: Refusal| -> Result<Response<String>, Infallible> {
///     Ok(refusal.into_response::<String>().map(|_| format!("Sorry: {refusal}.")))
/// };
/// let response = refuse.refuse(Refusal::new(Reason::Overloaded))?;
/// assert_eq!(response.body(), "Sorry: too many requests wait.");
/// # Ok::<(), Infallible>(())
/// ```
pub trait Refuse<Res, Err> {
    /// The answer, or the error, in place of the service's.
    ///
    /// # Errors
    ///
    /// If that is what a refusal is to be.
    fn refuse(&self, refusal: Refusal) -> Result<Res, Err>;
}

/// Answers with the status and the headers of the [`Refusal`], and an empty body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer;

impl<B: Default, Err> Refuse<Response<B>, Err> for Answer {
    fn refuse(&self, refusal: Refusal) -> Result<Response<B>, Err> {
        Ok(refusal.into_response())
    }
}

/// Fails with an error that is made of the [`Refusal`]: for services that do not speak HTTP, or whose errors are
/// turned into answers further out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raise;

impl<Res, Err: From<Refusal>> Refuse<Res, Err> for Raise {
    fn refuse(&self, refusal: Refusal) -> Result<Res, Err> {
        Err(refusal.into())
    }
}

/// Answers as a gRPC server does: status 200, and in `grpc-status` 8 (resource exhausted) if there have been too many
/// requests, otherwise 14 (unavailable). When to come again is in `grpc-retry-pushback-ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerGrpc;

impl<B: Default, Err> Refuse<Response<B>, Err> for AnswerGrpc {
    fn refuse(&self, refusal: Refusal) -> Result<Response<B>, Err> {
        let mut response = Response::new(B::default());
        let code = if refusal.reason() == Reason::RateLimited { "8" } else { "14" };
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from_static(code));
        if let Ok(message) = HeaderValue::from_str(&refusal.reason().to_string()) {
            headers.insert("grpc-message", message);
        }
        if let Some(span) = refusal.retry_in() {
            // Whole milliseconds, rounded up.
            let millis = span.as_nanos().div_ceil(1_000_000);
            headers.insert("grpc-retry-pushback-ms", u64::try_from(millis).unwrap_or(u64::MAX).into());
        }
        response.extensions_mut().insert(refusal);
        Ok(response)
    }
}

impl<F, Res, Err> Refuse<Res, Err> for F
where
    F: Fn(Refusal) -> Result<Res, Err>,
{
    fn refuse(&self, refusal: Refusal) -> Result<Res, Err> {
        self(refusal)
    }
}
