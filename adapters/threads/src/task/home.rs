//! [`Home`]: where tasks run, so that nobody waits there for them.

use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Where a closure or a task runs: a thread there that waited for it would wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home(u64);

impl Home {
    /// No place in particular.
    pub const ANYWHERE: Self = Self(0);

    /// A place that is like no other.
    #[must_use]
    pub fn unique() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether the caller is there.
    #[must_use]
    pub fn is_here(self) -> bool {
        self != Self::ANYWHERE && HERE.try_with(|here| here.get() == self).unwrap_or(false)
    }

    /// A future that is there whenever it is polled.
    pub const fn wrap<F>(self, future: F) -> AtHome<F> {
        AtHome { home: self, future }
    }

    /// Runs `body` as something that happens there.
    pub fn enter<T>(self, body: impl FnOnce() -> T) -> T {
        struct Left(Home);

        impl Drop for Left {
            fn drop(&mut self) {
                // Fails only while the thread ends.
                let _ = HERE.try_with(|here| here.set(self.0));
            }
        }

        let _left = Left(HERE.try_with(|here| here.replace(self)).unwrap_or(Self::ANYWHERE));
        body()
    }
}

pin_project! {
    /// A future that is at a [`Home`] whenever it is polled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AtHome<F> {
        home: Home,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for AtHome<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.home.enter(|| this.future.poll(cx))
    }
}

thread_local! {
    static HERE: Cell<Home> = const { Cell::new(Home::ANYWHERE) };
}
