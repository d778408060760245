//! Loaders that ask for their own keys, and calls that only look like it.

use super::*;

#[test]
fn a_loader_that_asks_for_its_own_key_is_told() {
    let cache: Small<u32, &str> = Small::<u32, &str>::new(8);
    let outer = now(cache.get_or_load(&1, || async {
        match cache.get_or_load(&1, || async { Ok(1) }).await {
            Err(LoadError::Recursive) => Err("itself"),
            other => panic!("{other:?}"),
        }
    }));
    assert_eq!(outer, Err(LoadError::Failed("itself")));
    assert_eq!(cache.in_flight(), 0);
}

#[test]
fn also_by_way_of_other_keys_and_after_a_wait() {
    let cache = Small::<u32>::new(8);
    let mut waited = false;
    let mut outer = Box::pin(cache.get_or_load(&1, || async {
        poll_fn(|_| if core::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        let inner = cache.get_or_load(&2, || async {
            u32::from(cache.get_or_load(&1, || async { 1 }).await == Err(LoadError::Recursive))
        });
        inner.await.unwrap_or(7)
    }));
    assert!(poll(&mut outer).is_pending());
    assert_eq!(poll(&mut outer), Poll::Ready(Ok(1)));
    assert_eq!(cache.get(&2), Some(1));
}

#[test]
fn two_calls_side_by_side_in_one_task_are_no_recursion() {
    let cache = Small::new(8);
    let source = Source::new();
    let (_, waker) = Count::new();
    let mut first = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll_with(&mut first, &waker).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    source.set(1);
    assert_eq!(poll_with(&mut first, &waker), Poll::Ready(Ok(1)));
    assert_eq!(poll_with(&mut second, &waker), Poll::Ready(Ok(1)));
}

#[test]
fn a_loader_may_ask_for_other_keys() {
    fn factorial(cache: &Small<u32>, n: u32) -> Pin<Box<dyn Future<Output = u32> + '_>> {
        Box::pin(async move {
            let smaller = async || if n == 0 { 1 } else { n * factorial(cache, n - 1).await };
            cache.get_or_load(&n, smaller).await.unwrap()
        })
    }
    let cache = Small::new(8);
    // Three flights at once at most fit beside the first: the table has room for four.
    assert_eq!(now(factorial(&cache, 3)), 6);
    assert_eq!(now(factorial(&cache, 6)), 720);
    assert_eq!(cache.stats().misses, 7);
}
