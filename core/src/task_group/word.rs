//! [`Word`]: the count of members, kept without the lock.
//!
//! ```text
//!   bit    │ top      │ top - 1              │ …       │ 1       │ 0
//!   means  │ finished │ too many to be taken │ members │ watched │ closed
//! ```
//!
//! A member enters and leaves by one addition. The last one to leave a group that is closed, or watched because
//! somebody waits for that moment, takes the lock and lets the machine [recount](super::Machine). A group is finished
//! there, once, by an exchange that succeeds only if it is closed and nobody is left. Until then a newcomer is
//! welcome, also in the moment between the last farewell and that exchange; from then on the count means nothing any
//! more.
//!
//! Where the platform asks for no word, or the target has no compare-and-swap, the machine counts.

use super::error::EnterError;
use crate::platform::Platform;

pub(super) use imp::Word;

#[cfg(target_has_atomic = "ptr")]
mod imp {
    use core::marker::PhantomData;

    use super::{EnterError, Platform};
    use crate::sync::{AtomicUsize, Ordering, const_fn};

    const CLOSED: usize = 1;
    const WATCHED: usize = 2;
    const MEMBER: usize = 4;
    const FINISHED: usize = 1 << (usize::BITS - 1);
    /// From here on nobody is taken in.
    const LIMIT: usize = FINISHED >> 1;

    pub(in crate::task_group) struct Word<P> {
        state: AtomicUsize,
        platform: PhantomData<fn() -> P>,
    }

    impl<P: Platform> Word<P> {
        pub(in crate::task_group) const ENABLED: bool = P::FAST_PATH;

        const_fn! {
            pub(in crate::task_group) fn new() -> Self {
                Self { state: AtomicUsize::new(0), platform: PhantomData }
            }
        }

        /// Takes a member in. To be called only where the word is enabled.
        #[inline]
        pub(in crate::task_group) fn enter(&self) -> Result<(), EnterError> {
            let before = self.state.fetch_add(MEMBER, Ordering::Relaxed);
            if before < LIMIT { Ok(()) } else { Err(self.refuse(before)) }
        }

        #[cold]
        fn refuse(&self, before: usize) -> EnterError {
            // Either nobody waits for the count to reach zero any more, or it is far from it.
            self.state.fetch_sub(MEMBER, Ordering::Relaxed);
            if before & FINISHED == 0 { EnterError::TooMany } else { EnterError::Closed }
        }

        /// Counts a member less; `true` if it was the last one, and the machine is to recount.
        #[inline]
        pub(in crate::task_group) fn leave(&self) -> bool {
            // Release: what the member did is visible to whoever sees that all have left.
            let before = self.state.fetch_sub(MEMBER, Ordering::Release);
            before < 2 * MEMBER && before != MEMBER
        }

        /// Only under the lock; the machine is to recount afterwards.
        pub(in crate::task_group) fn close(&self) {
            self.state.fetch_or(CLOSED, Ordering::Relaxed);
        }

        /// From now on the last one to leave tells. Only under the lock; the machine is to recount afterwards.
        pub(in crate::task_group) fn watch(&self) {
            self.state.fetch_or(WATCHED, Ordering::Relaxed);
        }

        /// Only under the lock.
        pub(in crate::task_group) fn unwatch(&self) {
            if self.state.load(Ordering::Relaxed) & WATCHED != 0 {
                self.state.fetch_and(!WATCHED, Ordering::Relaxed);
            }
        }

        /// How many members there are; if it is closed and there are none, it is finished from now on. Only under
        /// the lock.
        pub(in crate::task_group) fn recount(&self, is_closed: bool) -> usize {
            // Acquire, and on: hands on what all members did who have left.
            let state = self.state.load(Ordering::Acquire);
            if !is_closed {
                return (state & !FINISHED) / MEMBER;
            }
            let deserted = CLOSED | state & WATCHED;
            match self.state.compare_exchange(deserted, deserted | FINISHED, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => 0,
                // Perhaps somebody comes and goes all the time; whoever goes last recounts.
                Err(state) => ((state & !FINISHED) / MEMBER).max(1),
            }
        }

        /// Whether the group is known to be finished.
        #[inline]
        pub(in crate::task_group) fn is_finished(&self) -> bool {
            P::FAST_PATH && self.state.load(Ordering::Acquire) & FINISHED != 0
        }

        pub(in crate::task_group) fn members(&self) -> usize {
            let state = self.state.load(Ordering::Relaxed);
            if state & FINISHED == 0 { state / MEMBER } else { 0 }
        }
    }
}

#[cfg(not(target_has_atomic = "ptr"))]
#[expect(clippy::unused_self, reason = "the same calls as where there is a word")]
mod imp {
    use core::marker::PhantomData;

    use super::{EnterError, Platform};

    pub(in crate::task_group) struct Word<P>(PhantomData<fn() -> P>);

    impl<P: Platform> Word<P> {
        pub(in crate::task_group) const ENABLED: bool = false;

        pub(in crate::task_group) const fn new() -> Self {
            Self(PhantomData)
        }

        pub(in crate::task_group) const fn enter(&self) -> Result<(), EnterError> {
            Ok(())
        }

        pub(in crate::task_group) const fn leave(&self) -> bool {
            false
        }

        pub(in crate::task_group) const fn close(&self) {}

        pub(in crate::task_group) const fn watch(&self) {}

        pub(in crate::task_group) const fn unwatch(&self) {}

        pub(in crate::task_group) const fn recount(&self, _is_closed: bool) -> usize {
            0
        }

        pub(in crate::task_group) const fn is_finished(&self) -> bool {
            false
        }

        pub(in crate::task_group) const fn members(&self) -> usize {
            0
        }
    }
}
