//! What the features `metrics` and `tracing` tell.

use core::fmt::Debug;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tidegate_tokio::{Priority, Quota};
use tidegate_tower::{LockoutLayer, PriorityLimitLayer, Raise, RateLimitLayer};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};

use crate::support::{Outcome, SECOND, arrived, behind, get, ok, request};

/// The counters, by name and labels.
#[derive(Debug, Default)]
struct Counters(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counters {
    fn all(&self) -> Vec<(String, u64)> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter().map(|(name, count)| (name.clone(), count.load(Ordering::Relaxed))).collect()
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Counter::from_arc(Arc::clone(counters.entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("there are no gauges")
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("there are no histograms")
    }
}

/// What was told, a line each.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn tell(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// What was told since it was asked for last.
    fn news(&self) -> Vec<String> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The fields of a span or of an event.
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        use core::fmt::Write as _;
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes anything");
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "tidegate" && *metadata.level() == Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(format!("span {}", span.metadata().name()));
        span.record(&mut fields);
        self.tell(fields.0);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields("event".to_owned());
        event.record(&mut fields);
        self.tell(fields.0);
    }

    fn try_close(&self, _: Id) -> bool {
        self.tell("end".to_owned());
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn count(name: &str, count: u64) -> (String, u64) {
    (name.to_owned(), count)
}

#[tokio::test(start_paused = true)]
async fn admissions_and_refusals_are_counted_and_refusals_told() -> Outcome {
    let (counters, told) = (Counters::default(), Told::default());
    let _metrics = metrics::set_default_local_recorder(&counters);
    let _tracing = tracing::subscriber::set_default(told.clone());
    let service = RateLimitLayer::new(Quota::per(2, 2 * SECOND)?).layer(service_fn(ok));
    for expected in [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        assert_eq!(service.clone().oneshot(get("/")).await?.status(), expected);
    }
    assert_eq!(
        counters.all(),
        [
            count("tidegate_admitted_total{layer=rate_limit}", 2),
            count("tidegate_refused_total{layer=rate_limit,reason=rate_limited}", 1),
        ]
    );
    let refused = "event message=refused layer=\"rate_limit\" reason=\"rate_limited\" retry_in=1s";
    assert_eq!(told.news(), [refused]);
    Ok(())
}

#[tokio::test]
async fn a_wait_is_a_span() {
    let (counters, told) = (Counters::default(), Told::default());
    let _metrics = metrics::set_default_local_recorder(&counters);
    let _tracing = tracing::subscriber::set_default(told.clone());
    let layer = PriorityLimitLayer::new(1, |_: &&'static str| Priority(-3)).refuse_with(Raise);
    let (mut service, mut handle) = behind(layer);
    handle.allow(2);
    let mut running = request(&mut service, "running");
    assert_pending!(running.poll());
    assert_eq!(told.news(), [""; 0], "it need not wait");

    let mut waiting = request(&mut service, "waiting");
    assert_pending!(waiting.poll());
    assert_eq!(told.news(), ["span wait layer=\"priority_limit\" priority=-3"]);
    arrived(&mut handle).1.send_response("done");
    assert_ready_ok!(running.poll());
    assert_pending!(waiting.poll());
    assert_eq!(told.news(), ["end"], "it waits no more");
    assert_eq!(counters.all(), [count("tidegate_admitted_total{layer=priority_limit}", 2)]);
}

#[tokio::test(start_paused = true)]
async fn lockouts_are_counted_and_told() -> Outcome {
    let (counters, told) = (Counters::default(), Told::default());
    let _metrics = metrics::set_default_local_recorder(&counters);
    let _tracing = tracing::subscriber::set_default(told.clone());
    let busy = service_fn(async |_: http::Request<String>| {
        let answer = http::Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header("retry-after", "7");
        answer.body(String::new())
    });
    let service = LockoutLayer::new().layer(busy);
    for expected in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        assert_eq!(service.clone().oneshot(get("/")).await?.status(), expected);
    }
    assert_eq!(
        counters.all(),
        [
            count("tidegate_admitted_total{layer=lockout}", 1),
            count("tidegate_lockouts_total{}", 1),
            count("tidegate_refused_total{layer=lockout,reason=locked_out}", 1),
        ]
    );
    let refused = "event message=refused layer=\"lockout\" reason=\"locked_out\" retry_in=7s";
    assert_eq!(told.news(), ["event message=locked out span=7s", refused]);
    Ok(())
}
