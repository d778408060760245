//! The tracing span of whoever spawns, for what is spawned. Without the feature `tracing` there is none.

#[cfg(feature = "tracing")]
pub(crate) use with_spans::{InSpan, in_span};

#[cfg(feature = "tracing")]
mod with_spans {
    use tracing::Span;
    use tracing::instrument::{Instrument, Instrumented};

    pub(crate) type InSpan<F> = Instrumented<F>;

    /// Whenever the future is polled or dropped, that happens in the span that the caller is in now.
    pub(crate) fn in_span<F: Future>(future: F) -> InSpan<F> {
        future.instrument(Span::current())
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) type InSpan<F> = F;

/// The future as it is.
#[cfg(not(feature = "tracing"))]
pub(crate) const fn in_span<F: Future>(future: F) -> InSpan<F> {
    future
}
