//! [`Answering`]: an answer that is awaited.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use axum::http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::ResponseFuture;

use crate::gather::Gather;
use crate::http::{Answer, strip};
use crate::refusal::Refusal;

/// Awaits a server's answer, and reads it to its end. It holds no part of the request, and may be moved at any time.
pub(crate) enum Answering {
    /// There is nothing to be sent.
    Refused(Refusal),
    Sent(ResponseFuture),
    Reading(StatusCode, HeaderMap, Gather<Incoming>),
    Over,
}

impl Future for Answering {
    type Output = Result<Answer, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut *self {
                Self::Sent(response) => {
                    let (head, body) = ready!(Pin::new(response).poll(cx)).map_err(broken)?.into_parts();
                    if head.status == StatusCode::SWITCHING_PROTOCOLS {
                        return Poll::Ready(Err(broken("nobody has asked for another protocol")));
                    }
                    *self = Self::Reading(head.status, head.headers, Gather::new(body));
                }
                Self::Reading(_, _, body) => {
                    let body = ready!(Pin::new(body).poll(cx)).map_err(broken)?;
                    let Self::Reading(status, mut headers, _) = mem::replace(&mut *self, Self::Over) else {
                        continue;
                    };
                    strip(&mut headers);
                    return Poll::Ready(Ok(Answer { status, headers, body }));
                }
                Self::Refused(refusal) => {
                    let refusal = refusal.clone();
                    *self = Self::Over;
                    return Poll::Ready(Err(refusal));
                }
                Self::Over => return Poll::Pending,
            }
        }
    }
}

fn broken(error: impl fmt::Display) -> Refusal {
    Refusal::Broken(error.to_string().into())
}
