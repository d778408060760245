//! [`Hold`]: how long a request keeps what it was admitted with.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tidegate_tokio::OwnedPermit;

/// What becomes of what a request was admitted with, once the service has answered: [`UntilResponse`] and [`UntilBody`]
/// for permits, [`Silent`](crate::Silent) and [`WithHeaders`](crate::WithHeaders) for rates. Nobody else implements it.
pub trait Hold<G, Res>: sealed::Sealed {
    /// The response, which may take it along.
    type Response;

    /// The service has answered.
    fn hold(guard: G, response: Res) -> Self::Response;
}

/// Until the service has answered, as tower's limits do; a body that streams does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UntilResponse;

impl<G, Res> Hold<G, Res> for UntilResponse {
    type Response = Res;

    #[inline]
    fn hold(guard: G, response: Res) -> Res {
        drop(guard);
        response
    }
}

/// Until the body of the answer has ended, failed or been dropped: what streams counts for as long as it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UntilBody;

impl<B: Body> Hold<OwnedPermit, Response<B>> for UntilBody {
    type Response = Response<HeldBody<B>>;

    fn hold(permit: OwnedPermit, response: Response<B>) -> Self::Response {
        response.map(|body| {
            let permit = (!body.is_end_stream()).then_some(permit);
            HeldBody { body, permit }
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::UntilResponse {}
    impl Sealed for super::UntilBody {}
    impl Sealed for crate::Silent {}
    impl Sealed for crate::WithHeaders {}
}

pin_project! {
    /// A body that keeps a permit until it has ended, has failed or is dropped: see [`UntilBody`].
    #[derive(Default)]
    pub struct HeldBody<B> {
        #[pin]
        body: B,
        permit: Option<OwnedPermit>,
    }
}

impl<B: Body> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let polled = this.body.as_mut().poll_frame(cx);
        // Whoever knows that a body has ended need not poll it again.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || this.body.is_end_stream() {
            *this.permit = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for HeldBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBody").field("body", &self.body).field("held", &self.permit.is_some()).finish()
    }
}
