//! [`KeyedRateLimiterRef`]: whatever points at a limiter, so that the future has one parameter for it.

use sealed::Wait;

/// A pointer to a [`KeyedRateLimiter`](super::KeyedRateLimiter): a reference, an `Rc`, an `Arc`, or anything else that
/// dereferences to one. It is implemented for all of them and cannot be implemented by hand.
pub trait KeyedRateLimiterRef: Wait {}

impl<R: Wait> KeyedRateLimiterRef for R {}

pub(super) mod sealed {
    use core::hash::{BuildHasher, Hash};
    use core::ops::Deref;
    use core::pin::Pin;
    use core::task::{Context, Poll};

    use crate::Rooms;
    use crate::rate_limiter::alarm::Alarm;
    use crate::rate_limiter::keyed::{KeyedAcquireError, KeyedRateLimiter, Spot};
    use crate::rate_limiter::machine::Progress;
    use crate::slab::Key;
    use crate::{Instant, Platform, Priority, Timer};

    /// What somebody asks for, and how far that has come.
    #[derive(Debug)]
    pub struct Ticket {
        pub(in super::super) tokens: u32,
        /// `None` for the priority of the scope.
        pub(in super::super) priority: Option<Priority>,
        /// The key's hash and shard, once it has been hashed.
        pub(in super::super) spot: Option<Spot>,
        /// The place in line, if it has one.
        pub(in super::super) place: Option<Key>,
    }

    impl Ticket {
        pub(in super::super) const fn new(tokens: u32) -> Self {
            Self { tokens, priority: None, spot: None, place: None }
        }
    }

    /// What the future needs of a limiter, however many shards that has.
    pub trait Wait {
        /// The limiter's keys.
        type Key;
        /// The limiter's timer.
        type Timer: Timer;

        /// Sleeps by the limiter's timer: see [`Alarm::poll_until`].
        fn poll_until(
            &self,
            alarm: Pin<&mut Alarm<Self::Timer>>,
            until: Instant,
            cx: &mut Context<'_>,
        ) -> Poll<()>;

        /// One step: takes the tokens, a place, or whatever has come of it. `timed` if the caller's sleep has ended.
        fn advance(
            &self,
            ticket: &mut Ticket,
            key: &Self::Key,
            timed: bool,
            cx: &Context<'_>,
        ) -> Result<Progress, KeyedAcquireError>;

        /// Gives up the place in line, if there is one.
        fn cancel(&self, ticket: &mut Ticket, key: &Self::Key);
    }

    impl<R, K, P, S, T, H, const SHARDS: usize> Wait for R
    where
        R: Deref<Target = KeyedRateLimiter<K, P, S, T, H, SHARDS>>,
        K: Hash + Eq + Clone,
        P: Platform,
        S: Rooms,
        T: Timer,
        H: BuildHasher,
    {
        type Key = K;
        type Timer = T;

        fn poll_until(&self, alarm: Pin<&mut Alarm<T>>, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
            alarm.poll_until(until, (**self).timer(), cx)
        }

        fn advance(
            &self,
            ticket: &mut Ticket,
            key: &K,
            timed: bool,
            cx: &Context<'_>,
        ) -> Result<Progress, KeyedAcquireError> {
            match ticket.place {
                Some(place) => (**self).go_on(ticket, place, key, timed, cx),
                None => (**self).begin(ticket, key, cx),
            }
        }

        fn cancel(&self, ticket: &mut Ticket, key: &K) {
            (**self).give_up(ticket, key);
        }
    }
}
