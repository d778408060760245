//! Small scenarios in every order that there is.

use std::rc::Rc;

use tidegate_sim::{AcquireError, Semaphore, cancel_after, cancel_before, explore, spawn, yield_now};

/// More orders than any of these have.
const LIMIT: u64 = 200_000;

#[test]
fn whoever_is_cancelled_when_one_permit_goes_round() {
    for polls in 0..4 {
        for before in [false, true] {
            let explored = explore(LIMIT, || async move {
                let semaphore = Rc::new(Semaphore::new(1));
                let worker = |semaphore: Rc<Semaphore>| async move {
                    let _permit = semaphore.acquire().await.expect("nobody closes it");
                    yield_now().await;
                };
                let fickle = worker(Rc::clone(&semaphore));
                let fickle =
                    if before { spawn(cancel_before(polls, fickle)) } else { spawn(cancel_after(polls, fickle)) };
                let steady = [spawn(worker(Rc::clone(&semaphore))), spawn(worker(Rc::clone(&semaphore)))];
                for task in steady {
                    assert!(task.await.is_ok());
                }
                drop(fickle);
                // Whether or not it has got anywhere by now, it stands in nobody's way.
                assert!(semaphore.acquire().await.is_ok());
            });
            assert!(explored.expect("nobody is stuck").complete, "every order was run");
        }
    }
}

#[test]
fn whenever_it_is_closed_everybody_hears_of_it() {
    let explored = explore(LIMIT, || async {
        let semaphore = Rc::new(Semaphore::new(1));
        let worker = |semaphore: Rc<Semaphore>| async move {
            match semaphore.acquire().await {
                Ok(_permit) => yield_now().await,
                Err(error) => assert_eq!(error, AcquireError::Closed),
            }
        };
        let workers = [(); 2].map(|()| spawn(worker(Rc::clone(&semaphore))));
        let closer = spawn({
            let semaphore = Rc::clone(&semaphore);
            async move { semaphore.close() }
        });
        for task in workers {
            assert!(task.await.is_ok());
        }
        assert!(closer.await.is_ok());
        assert_eq!((semaphore.available_permits(), semaphore.waiters()), (1, 0));
    });
    assert!(explored.expect("nobody is stuck").complete, "every order was run");
}

#[test]
fn a_large_request_and_two_small_ones() {
    let explored = explore(LIMIT, || async {
        let semaphore = Rc::new(Semaphore::new(2));
        let worker = |permits| {
            let semaphore = Rc::clone(&semaphore);
            async move {
                let _permit = semaphore.acquire_many(permits).await.expect("nobody closes it");
                yield_now().await;
            }
        };
        let workers = [1, 2, 1].map(|permits| spawn(worker(permits)));
        for task in workers {
            assert!(task.await.is_ok());
        }
        assert_eq!((semaphore.available_permits(), semaphore.waiters()), (2, 0));
    });
    assert!(explored.expect("nobody is stuck").complete, "every order was run");
}
