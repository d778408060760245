//! [`Sim`]: the executor, which is also the platform.

use core::fmt;
use core::future::Future;
use core::num::NonZero;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic;
use std::rc::Rc;

use tidegate_core::{Platform, Priority, Spawn, Timed};
use tidegate_threads::Threads;

use crate::schedule::{Chooser, Decision};
use crate::trace::Log;
use crate::world::{Entered, MAIN, World};
use crate::{Schedule, SimError, SimTimer, Step, priority};

/// The simulator: runs async code under virtual time, in an order drawn from a seed.
///
/// It is a [`Platform`] too, and the one that is more than a name. Handles take a platform as a type and never
/// ask for a value, so the executor can lend its own: `Semaphore<Sim, Heap>`, where other adapters have a
/// zero-sized type for it. What the platform needs of a run, it finds through the thread that is running it.
///
/// ```
/// use tidegate_sim::{Sim, spawn, yield_now};
///
/// let mut sim = Sim::new(42);
/// let mut run = || {
///     let sum = sim.run(async {
///         let five = spawn(async { yield_now().await; 5 });
///         five.await.unwrap_or_default() + 2
///     });
///     (sum, sim.order_hash())
/// };
/// let first = run();
/// assert_eq!(first.0, Ok(7));
/// assert_eq!(first, run());
/// ```
#[derive(Clone)]
pub struct Sim {
    schedule: Schedule,
    step_limit: u64,
    traces: bool,
    log: Log,
    decisions: Vec<Decision>,
}

impl Sim {
    /// How many steps a run may take, unless [told otherwise](Self::with_step_limit): 20 million.
    pub const STEP_LIMIT: u64 = 20_000_000;

    /// A simulator whose order of steps is drawn from `seed`.
    ///
    /// The meaning of a seed is kept from version to version, as far as the program itself stays the same.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self::with_schedule(Schedule::Seed(seed))
    }

    /// A simulator that is told the order of steps, as [`Schedule::Decisions`] explains. A decision for a task
    /// that is not there goes to the last one that is.
    ///
    /// With no decisions at all, tasks take their turns in the order in which they became ready.
    ///
    /// ```
    /// use core::cell::RefCell;
    /// use tidegate_sim::{Sim, spawn, yield_now};
    ///
    /// let mut sim = Sim::scripted([1]).with_trace();
    /// let done = sim.run(async {
    ///     let tasks = (spawn(async {}), spawn(async {}));
    ///     tasks.0.await.is_ok() && tasks.1.await.is_ok()
    /// });
    /// assert_eq!(done, Ok(true));
    /// let order: Vec<&str> = sim.trace().iter().map(|step| &*step.task).collect();
    /// assert_eq!(order, ["main", "task 2", "task 1", "main"]);
    /// ```
    #[must_use]
    pub fn scripted(decisions: impl IntoIterator<Item = usize>) -> Self {
        Self::with_schedule(Schedule::Decisions(decisions.into_iter().collect()))
    }

    const fn with_schedule(schedule: Schedule) -> Self {
        let log = Log::new();
        Self { schedule, step_limit: Self::STEP_LIMIT, traces: false, log, decisions: Vec::new() }
    }

    /// Allows a run so many steps; then it ends with [`SimError::StepLimit`].
    #[must_use]
    pub const fn with_step_limit(mut self, steps: u64) -> Self {
        self.step_limit = steps;
        self
    }

    /// Keeps every step of a run, for [`trace`](Self::trace): some 24 bytes each.
    #[must_use]
    pub const fn with_trace(mut self) -> Self {
        self.traces = true;
        self
    }

    /// What decides the order of steps.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Runs `main` to its end, and with it whatever it [spawns](crate::spawn). Tasks that are left when `main`
    /// ends are dropped, in the order in which they were spawned.
    ///
    /// Time starts at [`Instant::EPOCH`](crate::Instant::EPOCH), and the same order of steps is taken each time.
    /// Runs may be nested; the inner one has a time of its own, and is one step of the outer one.
    ///
    /// If `main` or another task panics, the run says on standard error which task it was and what repeats
    /// the run; then it drops everything and goes on unwinding.
    ///
    /// # Errors
    ///
    /// [`SimError::Deadlock`] when nothing can ever go on, [`SimError::StepLimit`] when it goes on for too long.
    pub fn run<F: Future>(&mut self, main: F) -> Result<F::Output, SimError> {
        let world = Rc::new(World::new());
        let entered = Entered::new(&world);
        let mut chooser = Chooser::new(&self.schedule);
        self.log = Log::new();

        let main = Box::pin(main);
        let mut outcome = panic::catch_unwind(AssertUnwindSafe(|| self.drive(&world, &mut chooser, main)));
        if outcome.is_err() {
            self.report(&world, &chooser);
        }
        while let Err(panicked) = panic::catch_unwind(AssertUnwindSafe(|| world.close())) {
            self.report(&world, &chooser);
            // The first panic is the one that counts.
            if outcome.is_ok() {
                outcome = Err(panicked);
            }
        }
        drop(entered);
        self.decisions = chooser.made().to_vec();
        outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }

    fn drive<F: Future>(
        &mut self,
        world: &World,
        chooser: &mut Chooser,
        mut main: Pin<Box<F>>,
    ) -> Result<F::Output, SimError> {
        loop {
            if self.log.steps >= self.step_limit {
                let tasks = world.ready_names();
                if !tasks.is_empty() {
                    let (schedule, at, limit) = (chooser.schedule(), world.now(), self.step_limit);
                    return Err(SimError::StepLimit { schedule, at, limit, tasks });
                }
            }
            let Some(task) = world.take_ready(|among| chooser.choose(among)) else {
                let Some(deadline) = world.next_deadline() else {
                    let (schedule, at, tasks) = (chooser.schedule(), world.now(), world.names());
                    return Err(SimError::Deadlock { schedule, at, tasks });
                };
                world.set_now(deadline);
                continue;
            };
            self.log.step(world.now(), task);
            if self.traces {
                self.log.trace.push(Step { at: world.now(), task: world.name(task) });
            }
            if task != MAIN {
                world.poll(task);
            } else if let Some(waker) = world.start(MAIN)
                && let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return Ok(output);
            }
        }
    }

    fn report(&self, world: &World, chooser: &Chooser) {
        let (task, at, steps) = (world.name(world.running()), world.now(), self.log.steps);
        eprintln!("tidegate-sim: {task} panicked at {at}, step {steps} ({})", chooser.schedule());
    }

    /// How many steps the last run took.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.log.steps
    }

    /// A hash of the last run's order: of which task was polled at what time, step by step.
    #[must_use]
    pub const fn order_hash(&self) -> u64 {
        self.log.hash
    }

    /// The steps of the last run; empty unless asked for [`with_trace`](Self::with_trace).
    #[must_use]
    pub fn trace(&self) -> &[Step] {
        &self.log.trace
    }

    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.decisions
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("schedule", &self.schedule)
            .field("step_limit", &self.step_limit)
            .field("steps", &self.log.steps)
            .field("order_hash", &self.log.hash)
            .finish_non_exhaustive()
    }
}

impl Platform for Sim {
    type RawMutex = <Threads as Platform>::RawMutex;
    type CrowdedMutex = <Threads as Platform>::CrowdedMutex;
    const FAST_PATH: bool = true;

    fn ambient_priority() -> Priority {
        priority::current()
    }

    fn current_thread() -> Option<NonZero<usize>> {
        Threads::current_thread()
    }
}

impl Spawn for Sim {
    /// In a task of the run. Outside of a run there is nobody to run it, and the future is dropped.
    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F) {
        drop(crate::spawn(future));
    }
}

impl Timed for Sim {
    type Timer = SimTimer;
    const TIMER: SimTimer = SimTimer;
}
