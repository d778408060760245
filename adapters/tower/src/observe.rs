//! What is told to `tracing` and to `metrics`, if their features are on; otherwise nothing, and it costs nothing.

use core::time::Duration;

use tidegate_tokio::Priority;

use crate::Refusal;

/// A request was let through.
#[inline]
pub(crate) fn admitted(layer: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tidegate_admitted_total", "layer" => layer).increment(1);
    let _ = layer;
}

/// A request was turned down.
#[inline]
pub(crate) fn refused(layer: &'static str, refusal: &Refusal) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tidegate_refused_total", "layer" => layer, "reason" => refusal.reason().as_str())
        .increment(1);
    #[cfg(feature = "tracing")]
    tracing::debug!(
        target: "tidegate",
        layer,
        reason = refusal.reason().as_str(),
        retry_in = refusal.retry_in().map(tracing::field::debug),
        "refused"
    );
    let _ = (layer, refusal);
}

/// The span of a wait.
#[derive(Debug)]
pub(crate) struct Wait {
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

impl Wait {
    /// Nobody waits so far.
    pub(crate) const NONE: Self = Self {
        #[cfg(feature = "tracing")]
        span: None,
    };

    /// Somebody waits from now on until this is dropped.
    #[inline]
    #[cfg_attr(not(feature = "tracing"), expect(clippy::unused_self, reason = "there is no span"))]
    pub(crate) fn begin(&mut self, layer: &'static str, priority: Priority) {
        #[cfg(feature = "tracing")]
        if self.span.is_none() {
            self.span = Some(tracing::debug_span!(target: "tidegate", "wait", layer, priority = priority.0));
        }
        let _ = (layer, priority);
    }
}

/// An answer has started a lockout.
#[inline]
pub(crate) fn locked_out(span: Duration) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tidegate_lockouts_total").increment(1);
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tidegate", ?span, "locked out");
    let _ = span;
}
