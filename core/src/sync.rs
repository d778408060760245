//! The one door to locks and atomics: real ones, or loom's when built with `--cfg loom`.

#[cfg(all(loom, target_has_atomic = "64"))]
pub(crate) use loom::sync::atomic::{AtomicU64, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};
#[cfg(all(not(loom), target_has_atomic = "64"))]
pub(crate) use portable_atomic::{AtomicU64, fence};
#[cfg(not(loom))]
pub(crate) use portable_atomic::{AtomicUsize, Ordering};

pub(crate) use lock::Lock;

#[cfg(not(loom))]
mod lock {
    use mutex::{BlockingMutex, ConstInit, ScopedRawMutex};

    /// A value that is reached only through a closure, which holds the raw lock `L`.
    pub(crate) struct Lock<L, T>(BlockingMutex<L, T>);

    impl<L: ConstInit, T> Lock<L, T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(BlockingMutex::new(value))
        }
    }

    impl<L: ScopedRawMutex, T> Lock<L, T> {
        #[inline]
        pub(crate) fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U {
            self.0.with_lock(f)
        }
    }
}

#[cfg(loom)]
mod lock {
    use core::marker::PhantomData;

    /// Loom's mutex; the raw lock is a name without effect here.
    pub(crate) struct Lock<L, T>(loom::sync::Mutex<T>, PhantomData<fn() -> L>);

    impl<L, T> Lock<L, T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value), PhantomData)
        }

        pub(crate) fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U {
            f(&mut self.0.lock().expect("no model panics under the lock"))
        }
    }
}

/// Declares a constructor that is `const`, except under loom, whose types have no `const` ones.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($($args:tt)*) -> $ret:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$attr])*
        $vis const fn $name($($args)*) -> $ret $body

        #[cfg(loom)]
        $(#[$attr])*
        $vis fn $name($($args)*) -> $ret $body
    };
}
pub(crate) use const_fn;
