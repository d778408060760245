//! [`explore`]: every order there is, for small cases.

use core::future::Future;
use core::panic::AssertUnwindSafe;
use std::panic;

use crate::schedule::Decision;
use crate::{Sim, SimError};

/// What [`explore`] has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "whether the exploration is complete is what it was for"]
pub struct Explored {
    /// How many different orders of steps were run.
    pub schedules: u64,
    /// Whether these were all there are.
    pub complete: bool,
}

/// Runs `scenario` under every order of steps there is, `limit` of them at most, and stops at the first that
/// fails.
///
/// The number of orders grows like a factorial: this is for a handful of tasks with a handful of steps. Tasks
/// that wake themselves until something happens have no end of orders; the limit then does its work.
/// The scenario must do the same each time if the order is the same.
///
/// A failure, which is a panic or a [`SimError`], is preceded by a line on standard error with the decisions
/// that lead to it, for [`Sim::scripted`]. The panic then goes on unwinding.
///
/// # Errors
///
/// The [`SimError`] of the order that failed.
///
/// ```
/// use core::cell::Cell;
/// use std::rc::Rc;
/// use tidegate_sim::{SimError, explore, spawn};
///
/// let explored = explore(100, || async {
///     let count = Rc::new(Cell::new(0));
///     let increment = |count: Rc<Cell<u32>>| async move { count.set(count.get() + 1) };
///     let (one, two) = (spawn(increment(count.clone())), spawn(increment(count.clone())));
///     assert!(one.await.is_ok() && two.await.is_ok());
///     assert_eq!(count.get(), 2);
/// })?;
/// assert!(explored.complete);
/// # Ok::<(), SimError>(())
/// ```
pub fn explore<F, S>(limit: u64, mut scenario: S) -> Result<Explored, SimError>
where
    F: Future<Output = ()>,
    S: FnMut() -> F,
{
    let mut script = Some(Vec::new());
    let mut schedules = 0;
    while schedules < limit
        && let Some(decisions) = script
    {
        let mut sim = Sim::scripted(decisions);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| sim.run(scenario())));
        if !matches!(outcome, Ok(Ok(()))) {
            let decisions: Vec<usize> = sim.decisions().iter().map(|decision| decision.chosen).collect();
            eprintln!("tidegate-sim: order {schedules} failed; Sim::scripted({decisions:?}) repeats it");
        }
        outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked))?;
        schedules += 1;
        script = next_script(sim.decisions());
    }
    Ok(Explored { schedules, complete: script.is_none() })
}

/// The next script in lexical order: the last decision that can be another becomes the next one, and whatever
/// follows it starts over.
fn next_script(made: &[Decision]) -> Option<Vec<usize>> {
    let turn = made.iter().rposition(|decision| decision.chosen + 1 < decision.among)?;
    let mut script: Vec<usize> = made[..=turn].iter().map(|decision| decision.chosen).collect();
    script[turn] += 1;
    Some(script)
}
