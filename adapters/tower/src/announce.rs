//! [`Announce`]: whether answers say what is left of a quota.

use http::Response;
use tidegate_tokio::rate_limiter::Level;

use crate::Hold;
use crate::headers::write_level;

/// Whether the answers to requests that were admitted say what is left of the quota: [`Silent`] or [`WithHeaders`].
pub trait Announce: sealed::Sealed {
    /// What is told.
    type Seen;

    /// What there is left just now.
    fn see(level: impl FnOnce() -> Level) -> Self::Seen;
}

/// Answers are as the service made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silent;

/// Answers say what is left, in [three fields](crate::headers#ratelimit). It costs a look at the limiter under its lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithHeaders;

impl Announce for Silent {
    type Seen = ();

    #[inline]
    fn see(_level: impl FnOnce() -> Level) {}
}

impl Announce for WithHeaders {
    type Seen = Level;

    fn see(level: impl FnOnce() -> Level) -> Level {
        level()
    }
}

impl<Res> Hold<(), Res> for Silent {
    type Response = Res;

    #[inline]
    fn hold((): (), response: Res) -> Res {
        response
    }
}

impl<B> Hold<Level, Response<B>> for WithHeaders {
    type Response = Response<B>;

    fn hold(level: Level, mut response: Response<B>) -> Response<B> {
        write_level(&level, response.headers_mut());
        response
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Silent {}
    impl Sealed for super::WithHeaders {}
}
