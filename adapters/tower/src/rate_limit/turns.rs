//! [`Turns`]: a token of each of a key's quotas, one after the other.

use core::future::Future;
use core::hash::Hash;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_tokio::rate_limiter::KeyedAcquire;
use tidegate_tokio::{KeyedAcquireError, KeyedRateLimiter, TokioTimer};

use super::limiters::Limiters;
use crate::queued::Admit;
use crate::{Reason, Refusal};

pin_project! {
    /// Waits for a token of each limiter in turn; dropped before it has them all, it puts those back that it has.
    pub(crate) struct Turns<K>
    where
        K: Hash,
        K: Eq,
        K: Clone,
    {
        limiters: Limiters<K, TokioTimer>,
        key: K,
        // Of how many limiters it has a token.
        taken: usize,
        is_over: bool,
        #[pin]
        acquire: KeyedAcquire<Arc<KeyedRateLimiter<K>>, K>,
    }

    impl<K> PinnedDrop for Turns<K>
    where
        K: Hash,
        K: Eq,
        K: Clone,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !*this.is_over {
                this.limiters.refund(this.key, *this.taken);
            }
        }
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    pub(super) fn new(limiters: Limiters<K, TokioTimer>, key: K) -> Self {
        let acquire = KeyedRateLimiter::acquire_owned(Arc::clone(&limiters.first), key.clone(), 1);
        Self { limiters, key, taken: 0, is_over: false, acquire }
    }
}

impl<K: Hash + Eq + Clone> Admit for Turns<K> {
    type Guard = ();

    fn poll_admit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let mut this = self.project();
        loop {
            ready!(this.acquire.as_mut().poll(cx)).map_err(|error| {
                Refusal::new(match error {
                    KeyedAcquireError::Full => Reason::KeysExhausted,
                    _ => Reason::RateLimited,
                })
            })?;
            *this.taken += 1;
            let Some(next) = this.limiters.iter().nth(*this.taken) else {
                *this.is_over = true;
                return Poll::Ready(Ok(()));
            };
            this.acquire.set(KeyedRateLimiter::acquire_owned(Arc::clone(next), this.key.clone(), 1));
        }
    }
}
