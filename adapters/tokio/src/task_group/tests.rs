//! Groups of tasks, on paused time.

use core::future::pending;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Waker};
use std::thread;

use tidegate_threads::JoinError;
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::*;
use crate::Priority;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn tasks_of_tasks_are_waited_for() {
    fn plant(group: &TaskGroup, depth: usize, planted: &Arc<AtomicUsize>) {
        let (inner, planted) = (group.clone(), Arc::clone(planted));
        let task = async move {
            yield_now().await;
            planted.fetch_add(1, Ordering::Relaxed);
            if depth > 0 {
                plant(&inner, depth - 1, &planted);
                plant(&inner, depth - 1, &planted);
            }
        };
        drop(group.spawn(task).expect("a member is here"));
    }
    let group = TaskGroup::new();
    let planted = Arc::default();
    plant(&group, 5, &planted);
    let summary = group.close().await;
    assert_eq!((planted.load(Ordering::Relaxed), summary), (63, Summary::default()));
    assert!(group.is_closed() && group.is_empty());
    let refused = group.spawn(async { 9 }).unwrap_err();
    assert!(refused.is_closed());
    assert_eq!(refused.into_inner().await, 9);
    assert!(group.spawn_blocking(|| ()).is_err());
    assert!(group.track().is_err());
}

#[tokio::test]
async fn a_failure_cancels_nobody_and_is_heard_of_once() {
    let group = TaskGroup::new();
    let barrier = Arc::new(Barrier::new(2));
    let sibling = {
        let barrier = Arc::clone(&barrier);
        group.spawn(async move {
            barrier.wait().await;
            yield_now().await;
            5
        })
    };
    let mut failing: JoinHandle<()> = group.spawn(async { panic!("number {}", 1) }).unwrap();
    drop(group.spawn(async { panic!("unheard") }).unwrap());
    let blocking = group.spawn_blocking(|| panic!("as well")).unwrap();
    while group.len() > 1 {
        yield_now().await;
    }
    assert_eq!(group.unobserved_failures(), 3);
    let JoinError::Panicked(panic) = (&mut failing).await.unwrap_err() else { panic!("it panicked") };
    assert_eq!(panic.message().as_deref(), Some("number 1"));
    assert!(matches!(failing.await, Err(JoinError::Aborted)), "it has been taken");
    let caught: Result<(), _> = blocking.await;
    assert!(caught.unwrap_err().into_panic().is_ok());
    let after = group.spawn(async { 6 }).unwrap();
    barrier.wait().await;
    assert_eq!((sibling.unwrap().await.unwrap(), after.await.unwrap()), (5, 6));
    let summary = group.close().await;
    assert_eq!((summary.unobserved_failures, summary.aborted), (1, 0));
}

#[tokio::test]
async fn a_panic_in_a_destructor_is_the_tasks_own() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    let group = TaskGroup::new();
    let bomb = Bomb;
    let task = group.spawn(core::future::poll_fn(move |_| {
        let _keep = &bomb;
        core::task::Poll::Ready(())
    }));
    let panic = task.unwrap().await.unwrap_err().into_panic().unwrap();
    assert_eq!(panic.message().as_deref(), Some("dropped"));
    assert!(group.close().await.is_clean());
}

/// Says when it is dropped.
struct Last(Arc<AtomicBool>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exit_timeout_aborts_and_waits_for_the_aborted() {
    let group = TaskGroup::new().with_exit_timeout(HOUR);
    let dropped = Arc::new(AtomicBool::new(false));
    let last = Last(Arc::clone(&dropped));
    let stuck = group.spawn(async move {
        let _last = last;
        pending::<()>().await;
    });
    let in_time = group.spawn(async {
        tokio::time::sleep(HOUR / 2).await;
        7
    });
    let start = TokioTimer.now();
    let summary = group.close().await;
    assert_eq!(TokioTimer.now().duration_since(start), HOUR);
    assert!(dropped.load(Ordering::Relaxed));
    assert_eq!(summary.aborted, 1);
    assert!(matches!(stuck.unwrap().await, Err(JoinError::Aborted)));
    assert_eq!(in_time.unwrap().await.unwrap(), 7);
    assert_eq!(group.close().await.aborted, 1);
}

#[tokio::test(start_paused = true)]
async fn an_exit_timeout_begins_with_the_first_close() {
    let group = TaskGroup::new().with_exit_timeout(HOUR);
    drop(group.spawn(pending::<()>()).unwrap());
    let start = TokioTimer.now();
    drop(group.close());
    tokio::time::advance(HOUR / 2).await;
    assert_eq!(group.close().await.aborted, 1);
    assert_eq!(TokioTimer.now().duration_since(start), HOUR);
}

#[tokio::test(start_paused = true)]
async fn what_is_spawned_after_the_exit_is_aborted_as_well() {
    let group = TaskGroup::new().with_exit_timeout(Duration::ZERO);
    let inner = group.clone();
    let blocking = Arc::new(std::sync::Barrier::new(2));
    let barrier = Arc::clone(&blocking);
    // It cannot be aborted, and spawns when all others have been.
    let stubborn = group.spawn_blocking(move || {
        barrier.wait();
        barrier.wait();
        inner.spawn(pending::<()>()).map_err(|error| error.is_closed())
    });
    blocking.wait(); // it has begun
    let waiting = tokio::spawn(group.close());
    while !group.is_closed() || group.shared.aborts.as_ref().unwrap().aborted() == 0 {
        yield_now().await;
    }
    blocking.wait();
    let late = stubborn.unwrap().await.unwrap().unwrap();
    assert!(matches!(late.await, Err(JoinError::Aborted)));
    assert!(waiting.await.unwrap().aborted >= 2);
}

#[tokio::test(start_paused = true)]
async fn timeouts_of_nothing_and_of_everything() {
    let group = TaskGroup::new().with_exit_timeout(Duration::MAX);
    let task = group.spawn(async {
        tokio::time::sleep(HOUR).await;
        3
    });
    assert_eq!(group.close_timeout(Duration::ZERO).await, Err(ShutdownError::TimedOut));
    assert_eq!(group.close_timeout(Duration::from_secs(1)).await, Err(ShutdownError::TimedOut));
    assert!(group.close_timeout(Duration::MAX).await.unwrap().is_clean());
    assert_eq!(task.unwrap().await.unwrap(), 3);
    assert!(group.close_timeout(Duration::ZERO).await.is_ok(), "what is finished is not refused");
}

#[tokio::test(start_paused = true)]
async fn without_an_exit_timeout_nobody_is_aborted() {
    let group = TaskGroup::new();
    let task = group.spawn(async {
        tokio::time::sleep(1_000 * HOUR).await;
        4
    });
    assert_eq!(group.close_timeout(HOUR).await, Err(ShutdownError::TimedOut));
    assert_eq!(group.abort_all(true), 0);
    drop(group);
    assert_eq!(task.unwrap().await.unwrap(), 4);
}

#[tokio::test]
async fn the_priority_follows() {
    let group = TaskGroup::new();
    let inner = group.clone();
    let seen = priority::scope(Priority(-3), async move {
        let deeper = inner.spawn(async move {
            yield_now().await;
            priority::current()
        });
        let blocking = inner.spawn_blocking(priority::current);
        (deeper.unwrap().await.unwrap(), blocking.unwrap().await.unwrap())
    });
    assert_eq!(seen.await, (Priority(-3), Priority(-3)));
    let outside = group.spawn(async { priority::current() });
    assert_eq!(outside.unwrap().await.unwrap(), Priority(0));
}

#[test]
fn without_a_runtime_there_is_an_error_and_with_one_from_anywhere_there_is_none() {
    let nowhere = TaskGroup::new();
    let refused = nowhere.spawn(async { 1 }).unwrap_err();
    assert!(matches!(refused, SpawnError::NoRuntime(_)));
    assert!(nowhere.spawn_blocking(|| 1).is_err());
    assert_eq!(nowhere.len(), 0);

    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mut here = runtime.block_on(async { nowhere.spawn(async { 2 }) }).unwrap();
    assert_eq!(here.join_blocking().unwrap(), 2);

    let group = TaskGroup::on(runtime.handle().clone());
    let mut task = group.spawn(async { 3 }).unwrap();
    let mut other = thread::scope(|scope| scope.spawn(|| group.spawn(pending::<()>())).join().unwrap()).unwrap();
    assert_eq!(task.join_blocking_timeout(Duration::MAX).unwrap(), 3);
    assert!(matches!(other.join_blocking_timeout(Duration::ZERO), Err(JoinError::TimedOut)));
    assert_eq!(group.close_blocking_timeout(Duration::ZERO), Err(ShutdownError::TimedOut));
    drop(runtime);
    assert!(matches!(other.join_blocking(), Err(JoinError::Aborted)));
    assert!(group.close_blocking().is_clean());
    assert!(matches!(task.join_blocking(), Err(JoinError::Aborted)), "taken before");
}

#[tokio::test]
async fn aborts_are_swept() {
    let group = TaskGroup::build(Handle::try_current().ok(), true, None);
    let alive: Vec<_> = (0..10).map(|_| group.spawn(pending::<()>()).unwrap()).collect();
    for _ in 0..10_000 {
        drop(group.spawn(async {}).unwrap());
        yield_now().await;
    }
    assert!(group.shared.aborts.as_ref().unwrap().kept() <= 64);
    assert_eq!(group.abort_all(false), 10);
    for task in alive {
        assert!(matches!(task.await, Err(JoinError::Aborted)));
    }
}

#[cfg(feature = "tracing")]
#[tokio::test]
async fn the_span_follows() {
    use tracing::{Level, Span};

    let _collecting = tracing::subscriber::set_default(tracing_subscriber::registry());
    let name = || Span::current().metadata().map(tracing::Metadata::name);
    let group = TaskGroup::new();
    let span = tracing::span!(Level::INFO, "outer");
    let entered = span.enter();
    let task = group.spawn(async move {
        yield_now().await;
        name()
    });
    drop(entered);
    let outside = group.spawn(async move { name() });
    assert_eq!(task.unwrap().await.unwrap(), Some("outer"));
    assert_eq!((outside.unwrap().await.unwrap(), name()), (None, None));
}

#[tokio::test]
async fn tasks_and_guards_are_members_alike() {
    let group = TaskGroup::new();
    assert!(group.is_empty());
    let mut cx = Context::from_waker(Waker::noop());
    let guard = group.track().unwrap();
    assert_eq!(group.len(), 1);
    let stuck = group.spawn(pending::<()>()).unwrap();
    assert_eq!(group.len(), 2);
    let mut closed = pin!(group.close());
    assert_eq!((group.len(), group.is_closed()), (2, true));
    stuck.abort();
    assert!(stuck.await.is_err());
    assert_eq!(group.len(), 1);
    // The guard alone keeps it open; whoever has it may bring others.
    assert!(closed.as_mut().poll(&mut cx).is_pending());
    let brought = group.spawn(async { 7 }).unwrap();
    assert_eq!(group.len(), 2);
    drop(guard);
    assert!(closed.as_mut().poll(&mut cx).is_pending());
    assert_eq!(brought.await.unwrap(), 7);
    closed.await;
    assert!(group.is_empty());
    assert!(group.spawn(async {}).unwrap_err().is_closed());
}

#[tokio::test]
async fn the_last_task_of_a_group_that_is_open_does_not_close_it() {
    let group = TaskGroup::new();
    for round in 0..3 {
        assert_eq!(group.spawn(async move { round }).unwrap().await.unwrap(), round);
    }
    assert!(!group.is_closed());
    assert!(group.close().await.is_clean());
}
