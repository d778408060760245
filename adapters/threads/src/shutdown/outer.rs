//! [`Outer`]: the scope around a service, whatever its type.

use core::any::Any;
use core::future::{Future, pending};
use core::pin::Pin;

use tidegate_core::shutdown::{Nested, Reason, Shutdown, ShutdownRef};

/// The scope around a service.
pub(super) trait Outer: Send + Sync {
    /// Counts the service as one that runs within, until the answer is dropped.
    fn nest(&self) -> Box<dyn Any + Send>;

    /// Why the scope ends, if its end has begun.
    fn reason(&self) -> Option<Reason>;

    /// Waits for the end of the scope to begin.
    fn triggered(&self) -> Pin<Box<dyn Future<Output = Reason> + Send>>;
}

/// A pointer to any shutdown.
#[derive(Debug)]
pub(super) struct Around<R>(pub(super) R);

impl<R> Outer for Around<R>
where
    R: ShutdownRef + Clone + Send + Sync + 'static,
    Option<Nested<R>>: Send,
{
    fn nest(&self) -> Box<dyn Any + Send> {
        Box::new(Shutdown::nest_owned(self.0.clone()))
    }

    fn reason(&self) -> Option<Reason> {
        self.0.shutdown().reason()
    }

    fn triggered(&self) -> Pin<Box<dyn Future<Output = Reason> + Send>> {
        let triggered = Shutdown::triggered_owned(self.0.clone());
        Box::pin(async move {
            match triggered.await {
                Ok(reason) => reason,
                Err(_) => pending().await,
            }
        })
    }
}
