//! Generators and services, which only some adapters have: a table of their own, with the reasons of the others.

use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Waker};
use core::time::Duration;
use std::sync::Arc;

use tidegate_conformance::{Check, Failure, Outcome};
use tidegate_sim::for_each_seed;

use crate::table::{Column, Scenario, failed};

macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err(Failure { what: stringify!($condition), file: file!(), line: line!() });
        }
    };
}

/// Counts how far it has come, and whether it is gone.
struct Probe {
    begun: Arc<AtomicUsize>,
    gone: Arc<AtomicUsize>,
}

impl Iterator for Probe {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        Some(self.begun.fetch_add(1, Ordering::SeqCst))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.gone.store(1, Ordering::SeqCst);
    }
}

fn probe() -> (Probe, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (begun, gone) = (Arc::default(), Arc::default());
    (Probe { begun: Arc::clone(&begun), gone: Arc::clone(&gone) }, begun, gone)
}

/// The scenarios, for one adapter's `Generator`.
macro_rules! generators {
    ($list:ident, $adapter:ident) => {
        mod $list {
            use super::*;
            use $adapter::{Generator, GeneratorError};

            pub(super) async fn nothing_begins_before_the_first_demand() -> Check {
                let (items, begun, _gone) = probe();
                let mut generator = Generator::new(items);
                check!(begun.load(Ordering::SeqCst) == 0);
                check!(matches!(generator.next().await, Some(Ok(0))));
                check!(begun.load(Ordering::SeqCst) == 1);
                Ok(())
            }

            pub(super) async fn never_beyond_the_demanded_item() -> Check {
                let (items, begun, _gone) = probe();
                let mut generator = Generator::new(items);
                for item in 0..200 {
                    check!(matches!(generator.next().await, Some(Ok(had)) if had == item));
                    check!(begun.load(Ordering::SeqCst) == item + 1);
                }
                Ok(())
            }

            pub(super) async fn the_end_comes_after_the_last_item_and_the_hint_counts_down() -> Check {
                let mut generator = Generator::new(0..3_usize);
                for item in 0..3 {
                    check!(generator.size_hint() == (3 - item, Some(3 - item)));
                    check!(matches!(generator.next().await, Some(Ok(had)) if had == item));
                }
                check!(generator.size_hint() == (0, Some(0)));
                check!(generator.next().await.is_none() && generator.next().await.is_none());
                check!(generator.close().await.is_ok());
                Ok(())
            }

            pub(super) async fn a_failure_comes_after_the_last_item() -> Check {
                let mut generator = Generator::try_new([Ok(1), Err("broken"), Ok(2)]);
                check!(matches!(generator.next().await, Some(Ok(1))));
                check!(matches!(generator.next().await, Some(Err(GeneratorError::Failed("broken")))));
                check!(generator.next().await.is_none());
                Ok(())
            }

            pub(super) async fn close_waits_until_the_producer_is_gone() -> Check {
                for items in 0..3 {
                    let (probe, begun, gone) = probe();
                    let mut generator = Generator::new(probe);
                    for _ in 0..items {
                        check!(generator.next().await.is_some());
                    }
                    check!(generator.close().await.is_ok());
                    check!(gone.load(Ordering::SeqCst) == 1);
                    check!(begun.load(Ordering::SeqCst) == items);
                    check!(generator.next().await.is_none());
                }
                Ok(())
            }

            pub(super) async fn a_next_that_is_dropped_loses_nothing() -> Check {
                let mut generator = Generator::new(0..100_usize);
                let mut expected = 0;
                while expected < 100 {
                    let polled = pin!(generator.next()).poll(&mut Context::from_waker(Waker::noop()));
                    let item = if polled.is_ready() { polled } else { generator.next().await.into() };
                    check!(matches!(item, core::task::Poll::Ready(Some(Ok(had))) if had == expected));
                    expected += 1;
                }
                Ok(())
            }

            pub(super) async fn many_take_turns() -> Check {
                let mut generators: Vec<_> = (0..50_usize).map(|start| Generator::new(start..)).collect();
                for round in 0..3 {
                    for (start, generator) in generators.iter_mut().enumerate() {
                        check!(matches!(generator.next().await, Some(Ok(had)) if had == start + round));
                    }
                }
                Ok(())
            }
        }
    };
}
generators!(threads_list, tidegate_threads);
generators!(tokio_list, tidegate_tokio);
generators!(sim_list, tidegate_sim);

macro_rules! panics {
    ($adapter:ident) => {{
        async fn scenario() -> Check {
            use $adapter::{Generator, GeneratorError};
            let mut generator = Generator::new((0..2).inspect(|item| assert_eq!(*item, 0, "on purpose")));
            check!(matches!(generator.next().await, Some(Ok(0))));
            check!(matches!(generator.next().await, Some(Err(GeneratorError::Panicked(_)))));
            check!(generator.next().await.is_none());
            Ok(())
        }
        scenario()
    }};
}

fn on_threads(scenario: impl Future<Output = Check>) -> Outcome {
    tidegate_threads::block_on(scenario).into()
}

fn on_one_thread_of_tokio(scenario: impl Future<Output = Check>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime can be had").block_on(scenario).into()
}

fn on_several_threads_of_tokio(scenario: impl Future<Output = Check> + Send + 'static) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.expect("a runtime can be had");
    runtime.block_on(runtime.spawn(scenario)).expect("no scenario panics").into()
}

fn in_sim<F: Future<Output = Check>>(scenario: fn() -> F) -> Outcome {
    let run = for_each_seed(0..200, |_seed| async {
        if let Err(failure) = scenario().await {
            panic!("{failure}");
        }
    });
    match run {
        Ok(()) => Outcome::Passed,
        Err(error) => {
            eprintln!("{error}");
            failed("the run did not end, see above")
        }
    }
}

/// Steps in order, one that is late and one that fails, on threads.
fn service_on_threads() -> Check {
    let shutdown = Arc::new(tidegate_threads::Shutdown::new());
    let trigger = Arc::clone(&shutdown);
    let report = tidegate_threads::Service::new(shutdown)
        .start_up("start", move || {
            trigger.trigger();
        })
        .callback("fails", |_| Err("on purpose"))
        .join_future("late", Duration::ZERO, core::future::pending::<()>())
        .join("comes", None, || ())
        .run();
    check!(report.is_ok_and(|report| report.problems.len() == 2 && report.late().eq(["late"])));
    Ok(())
}

/// The same on tokio.
async fn service_on_tokio() -> Check {
    let shutdown = Arc::new(tidegate_tokio::Shutdown::new());
    let trigger = Arc::clone(&shutdown);
    let report = tidegate_tokio::Service::new(shutdown)
        .start_up("start", async move || {
            trigger.trigger();
        })
        .callback("fails", async |_| Err("on purpose"))
        .join("late", Duration::ZERO, core::future::pending::<()>())
        .join("comes", None, async {})
        .run()
        .await;
    check!(report.is_ok_and(|report| report.problems.len() == 2 && report.late().eq(["late"])));
    Ok(())
}

/// Every scenario of the table, by way of a macro that runs one, then those that each adapter has its own way for.
macro_rules! column {
    ($name:literal, $run:ident $(as $kind:ident)?: $adapter:ident, $panics:expr, $service:expr) => {
        Column { name: $name, scenarios: column!(@list $run $($kind)?: $adapter, $panics, $service) }
    };
    (@list $run:ident: $adapter:ident, $panics:expr, $service:expr) => {
        vec![
            ("nothing_begins_before_the_first_demand", || $run($adapter::nothing_begins_before_the_first_demand())),
            ("never_beyond_the_demanded_item", || $run($adapter::never_beyond_the_demanded_item())),
            ("the_end_comes_after_the_last_item_and_the_hint_counts_down", || {
                $run($adapter::the_end_comes_after_the_last_item_and_the_hint_counts_down())
            }),
            ("a_failure_comes_after_the_last_item", || $run($adapter::a_failure_comes_after_the_last_item())),
            ("close_waits_until_the_producer_is_gone", || $run($adapter::close_waits_until_the_producer_is_gone())),
            ("a_next_that_is_dropped_loses_nothing", || $run($adapter::a_next_that_is_dropped_loses_nothing())),
            ("many_take_turns", || $run($adapter::many_take_turns())),
            ("a_panic_comes_after_the_last_item", || $panics),
            ("a_service_goes_through_its_steps", || $service),
        ]
    };
    (@list $run:ident seeds: $adapter:ident, $panics:expr, $service:expr) => {
        vec![
            ("nothing_begins_before_the_first_demand", || $run($adapter::nothing_begins_before_the_first_demand)),
            ("never_beyond_the_demanded_item", || $run($adapter::never_beyond_the_demanded_item)),
            ("the_end_comes_after_the_last_item_and_the_hint_counts_down", || {
                $run($adapter::the_end_comes_after_the_last_item_and_the_hint_counts_down)
            }),
            ("a_failure_comes_after_the_last_item", || $run($adapter::a_failure_comes_after_the_last_item)),
            ("close_waits_until_the_producer_is_gone", || $run($adapter::close_waits_until_the_producer_is_gone)),
            ("a_next_that_is_dropped_loses_nothing", || $run($adapter::a_next_that_is_dropped_loses_nothing)),
            ("many_take_turns", || $run($adapter::many_take_turns)),
            ("a_panic_comes_after_the_last_item", || $panics),
            ("a_service_goes_through_its_steps", || $service),
        ]
    };
}

/// An adapter that has none of it, for this reason.
macro_rules! without {
    ($like:expr, $name:literal, $reason:literal) => {
        Column {
            name: $name,
            scenarios: $like
                .iter()
                .map(|&(name, _)| (name, (|| Outcome::Skipped($reason)) as fn() -> Outcome))
                .collect::<Vec<Scenario>>(),
        }
    };
}

pub(crate) fn columns() -> Vec<Column> {
    let threads = column!(
        "threads",
        on_threads: threads_list,
        on_threads(panics!(tidegate_threads)),
        service_on_threads().into()
    );
    let one_thread = column!(
        "tokio, one thread",
        on_one_thread_of_tokio: tokio_list,
        on_one_thread_of_tokio(panics!(tidegate_tokio)),
        on_one_thread_of_tokio(service_on_tokio())
    );
    let several = column!(
        "tokio, several",
        on_several_threads_of_tokio: tokio_list,
        on_several_threads_of_tokio(panics!(tidegate_tokio)),
        on_several_threads_of_tokio(service_on_tokio())
    );
    let sim = column!(
        "sim",
        in_sim as seeds: sim_list,
        Outcome::Skipped("a panic ends a simulated run"),
        Outcome::Skipped("it has no lists of steps; the phases are gone through by hand, and signals are scripted")
    );
    let core = without!(threads.scenarios, "core", "core starts no thread and no task");
    let embassy = without!(
        threads.scenarios,
        "embassy",
        "its tasks must not block, and there is no allocator for lists of steps; it has Yielding, Handover and Shutdown"
    );
    vec![core, embassy, one_thread, several, threads, sim]
}
