//! [`Announce`]: whether answers say what is left of a quota.

use http::Response;

use crate::Hold;
use crate::headers::RateStatus;

/// Whether the answers to requests that were admitted say what is left of the quota: [`Silent`] or [`WithHeaders`].
pub trait Announce: sealed::Sealed {
    /// What is told.
    type Seen;

    /// What there is left just now.
    fn see(status: impl FnOnce() -> RateStatus) -> Self::Seen;
}

/// Answers are as the service made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silent;

/// Answers say what is left, in [three fields](crate::headers#ratelimit), of the quota that has least if there are several
/// such layers. It costs a look at the limiter under its lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithHeaders;

impl Announce for Silent {
    type Seen = ();

    #[inline]
    fn see(_status: impl FnOnce() -> RateStatus) {}
}

impl Announce for WithHeaders {
    type Seen = RateStatus;

    fn see(status: impl FnOnce() -> RateStatus) -> RateStatus {
        status()
    }
}

impl<Res> Hold<(), Res> for Silent {
    type Response = Res;

    #[inline]
    fn hold((): (), response: Res) -> Res {
        response
    }
}

impl<B> Hold<RateStatus, Response<B>> for WithHeaders {
    type Response = Response<B>;

    fn hold(status: RateStatus, mut response: Response<B>) -> Response<B> {
        status.announce(response.headers_mut());
        response
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Silent {}
    impl Sealed for super::WithHeaders {}
}
