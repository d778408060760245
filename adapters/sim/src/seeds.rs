//! [`for_each_seed`]: one scenario, many orders.

use core::future::Future;
use core::panic::AssertUnwindSafe;
use std::env;
use std::panic;

use crate::{Sim, SimError};

/// The environment variable that has [`for_each_seed`] run one seed only.
const SEED_VARIABLE: &str = "TIDEGATE_SEED";

/// Runs `scenario` once for each seed, and stops at the first that fails.
///
/// A failure, which is a panic or a [`SimError`], is preceded by a line on standard error that says which seed
/// it was and how to replay it: with the environment variable `TIDEGATE_SEED` set to a seed, it runs that one
/// and no other. The panic then goes on unwinding.
///
/// # Errors
///
/// The [`SimError`] of the seed that failed, or [`SimError::BadSeed`] if the variable makes no sense.
///
/// ```
/// use tidegate_sim::{Semaphore, SimError, for_each_seed, spawn, yield_now};
///
/// # fn main() -> Result<(), SimError> {
/// for_each_seed(0..100, |_seed| async {
///     static GATE: Semaphore = Semaphore::new(1);
///     let other = spawn(async {
///         let _permit = GATE.acquire().await;
///         yield_now().await;
///     });
///     drop(GATE.acquire().await);
///     assert!(other.await.is_ok());
///     assert_eq!(GATE.available_permits(), 1);
/// })
/// # }
/// ```
pub fn for_each_seed<F, S>(seeds: impl IntoIterator<Item = u64>, mut scenario: S) -> Result<(), SimError>
where
    F: Future<Output = ()>,
    S: FnMut(u64) -> F,
{
    if let Some(value) = env::var_os(SEED_VARIABLE) {
        let value = value.to_string_lossy();
        let seed = value.trim().parse().map_err(|_| SimError::BadSeed { value: value.to_string() })?;
        return run_seed(seed, &mut scenario);
    }
    seeds.into_iter().try_for_each(|seed| run_seed(seed, &mut scenario))
}

fn run_seed<F, S>(seed: u64, scenario: &mut S) -> Result<(), SimError>
where
    F: Future<Output = ()>,
    S: FnMut(u64) -> F,
{
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| Sim::new(seed).run(scenario(seed))));
    if !matches!(outcome, Ok(Ok(()))) {
        eprintln!("tidegate-sim: seed {seed} failed; {SEED_VARIABLE}={seed} runs it alone");
    }
    outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}
