//! Shutdown in a run: the same phases, and signals by script.
//!
//! ```
//! use core::time::Duration;
//! use std::rc::Rc;
//! use tidegate_sim::shutdown::{Reason, Shutdown, listen, raise_at};
//! use tidegate_sim::{Instant, Sim, now, sleep, spawn};
//!
//! const SIGINT: i32 = 2;
//!
//! let report = Sim::new(7).run(async {
//!     let shutdown = Rc::new(Shutdown::new());
//!     let _listening = listen(Rc::clone(&shutdown), [SIGINT]);
//!     raise_at(Instant::EPOCH + Duration::from_hours(3), SIGINT);
//!
//!     let start_ups = shutdown.begin().expect("it is new");
//!     let worker = spawn(sleep(Duration::from_hours(4))); // does not heed the signal
//!     let mut joins = start_ups.triggered().await.joins();
//!     assert_eq!(now(), Instant::EPOCH + Duration::from_hours(3));
//!     let _late = joins.join("worker", Duration::from_mins(1), worker).await;
//!     joins.finish()
//! })?;
//! assert_eq!((report.reason(), report.late()), (Reason::Signal(SIGINT), &["worker"][..]));
//! # Ok::<(), tidegate_sim::SimError>(())
//! ```
//!
//! There is no `Service` here: its lists of steps are the other adapters'. What it does with them is what a run
//! does that is [begun](Shutdown::begin) by hand. And there is no process that a second signal could end: it cuts
//! the run of the shutdown short, and the report says so.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::rc::Rc;

pub use tidegate_core::shutdown::*;
use tidegate_core::{Heap, Instant, Timer, shutdown};

use crate::{Sim, SimTimer, spawn_named, world};

/// The end of a program, or of a part of it. See [`tidegate_core::shutdown`].
pub type Shutdown<T = SimTimer> = shutdown::Shutdown<Sim, Heap, T>;

type Hear = Rc<dyn Fn(i32) -> Heard>;

struct Listener {
    id: u64,
    /// The run that it belongs to.
    world: Option<u64>,
    signals: Vec<i32>,
    hear: Hear,
}

thread_local! {
    static LISTENERS: RefCell<Vec<Listener>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

fn current() -> Option<u64> {
    world::current().map(|world| world.id)
}

/// Has a shutdown triggered by each of these signals that is raised in this run, until the answer is dropped.
pub fn listen<R>(shutdown: R, signals: impl IntoIterator<Item = i32>) -> Listening
where
    R: ShutdownRef + 'static,
{
    let id = NEXT.get();
    NEXT.set(id + 1);
    let hear = Rc::new(move |signal| shutdown.shutdown().trigger_by(Reason::Signal(signal)));
    let listener = Listener { id, world: current(), signals: signals.into_iter().collect(), hear };
    LISTENERS.with_borrow_mut(|listeners| listeners.push(listener));
    Listening { id }
}

/// Signals are listened to until this is dropped.
#[must_use = "dropping it ends the listening"]
pub struct Listening {
    id: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Taken out first: what is dropped may listen, too. Thread-locals are gone while a thread ends.
        let left = LISTENERS.try_with(|listeners| {
            let mut listeners = listeners.borrow_mut();
            let place = listeners.iter().position(|listener| listener.id == self.id)?;
            Some(listeners.remove(place))
        });
        drop(left);
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

/// Raises a signal, here and now; answers how many have heard it. One that nobody listens to does nothing.
#[expect(clippy::must_use_candidate, reason = "it is done for what it does")]
pub fn raise(signal: i32) -> usize {
    let world = current();
    let heard: Vec<Hear> = LISTENERS.with_borrow(|listeners| {
        let all =
            listeners.iter().filter(|listener| listener.world == world && listener.signals.contains(&signal));
        all.map(|listener| Rc::clone(&listener.hear)).collect()
    });
    for hear in &heard {
        hear(signal);
    }
    heard.len()
}

/// Raises a signal at this time, in a task of its own.
pub fn raise_at(time: Instant, signal: i32) {
    drop(spawn_named(format!("signal {signal}"), async move {
        SimTimer.sleep_until(time).await;
        raise(signal);
    }));
}
