//! Exploring: every order, each once.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::HashMap;
use std::rc::Rc;

use tidegate_sim::{Semaphore, SimError, explore, spawn, yield_now};

/// Wakes the main task once, when the last of so many tasks has arrived.
struct Latch {
    left: Cell<u32>,
    waker: RefCell<Option<Waker>>,
}

impl Latch {
    fn arrive(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            self.waker.replace(Some(cx.waker().clone()));
            if self.left.get() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Explores `tasks` tasks with `steps` steps each; answers how often each interleaving was seen.
fn interleavings(tasks: u32, steps: u32, limit: u64) -> (HashMap<Vec<u32>, u32>, u64, bool) {
    let seen = RefCell::new(HashMap::new());
    let explored = explore(limit, || async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let latch = Rc::new(Latch { left: Cell::new(tasks), waker: RefCell::new(None) });
        for task in 0..tasks {
            let (order, latch) = (Rc::clone(&order), Rc::clone(&latch));
            drop(spawn(async move {
                for step in 0..steps {
                    order.borrow_mut().push(task);
                    if step + 1 < steps {
                        yield_now().await;
                    }
                }
                latch.arrive();
            }));
        }
        latch.wait().await;
        *seen.borrow_mut().entry(order.take()).or_insert(0) += 1;
    })
    .unwrap();
    (seen.into_inner(), explored.schedules, explored.complete)
}

#[test]
fn k_tasks_of_one_step_have_k_factorial_orders() {
    for (tasks, orders) in [(0, 1), (1, 1), (2, 2), (3, 6), (4, 24), (5, 120)] {
        let (seen, schedules, complete) = interleavings(tasks, 1, 1_000);
        assert!(complete);
        assert_eq!((seen.len(), schedules), (orders, orders as u64));
        assert!(seen.values().all(|&times| times == 1));
    }
}

#[test]
fn tasks_of_several_steps_have_multinomially_many() {
    // (2·3)! / (3!·3!) and (3·2)! / (2!·2!·2!)
    for (tasks, steps, orders) in [(2, 3, 20), (3, 2, 90)] {
        let (seen, schedules, complete) = interleavings(tasks, steps, 1_000);
        assert!(complete);
        assert_eq!((seen.len(), schedules), (orders, orders as u64));
    }
}

#[test]
fn the_limit_is_kept_and_admitted() {
    let (seen, schedules, complete) = interleavings(4, 1, 24);
    assert!(complete);
    assert_eq!((seen.len(), schedules), (24, 24));
    let (seen, schedules, complete) = interleavings(4, 1, 23);
    assert!(!complete);
    assert_eq!((seen.len(), schedules), (23, 23));
    let (_, schedules, complete) = interleavings(4, 1, 0);
    assert_eq!((schedules, complete), (0, false));
}

#[test]
fn tasks_that_wait_for_each_other_by_polling_end_at_the_limit() {
    let explored = explore(300, || async {
        let done = Rc::new(Cell::new(false));
        let set = Rc::clone(&done);
        drop(spawn(async move { set.set(true) }));
        while !done.get() {
            yield_now().await;
        }
    })
    .unwrap();
    assert_eq!((explored.schedules, explored.complete), (300, false));
}

#[test]
fn a_deadlock_in_one_order_of_many_is_found() {
    let run = explore(10_000, || async {
        let forks = Rc::new([Semaphore::new(1), Semaphore::new(1)]);
        let eat = |first: usize, forks: Rc<[Semaphore; 2]>| async move {
            let _one = forks[first].acquire().await;
            yield_now().await;
            let _other = forks[1 - first].acquire().await;
        };
        let tasks = [spawn(eat(0, Rc::clone(&forks))), spawn(eat(1, Rc::clone(&forks)))];
        for task in tasks {
            assert_eq!(task.await, Ok(()));
        }
    });
    assert!(matches!(run, Err(SimError::Deadlock { .. })), "{run:?}");
}
