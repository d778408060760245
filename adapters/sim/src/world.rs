//! [`World`]: everything that exists during one run. The thread knows the world of its innermost run.
//!
//! Invariant: no `RefCell` here is borrowed while foreign code runs. Futures and wakers are taken out first,
//! then polled, woken or dropped, because all three may call back.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Waker};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;

use parking_lot::Mutex;
use tidegate_core::Instant;

/// Tasks are numbered in the order in which they are spawned.
pub(crate) type TaskId = u64;

/// The future that was given to `run`. The world knows it by name only.
pub(crate) const MAIN: TaskId = 0;

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The deadline, and a number that no other sleeper of the world ever has.
pub(crate) type SleeperKey = (Instant, u64);

thread_local! {
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// The world of the innermost run on this thread.
pub(crate) fn current() -> Option<Rc<World>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Makes a world the current one, until this is dropped.
pub(crate) struct Entered {
    outer: Option<Rc<World>>,
}

impl Entered {
    pub(crate) fn new(world: &Rc<World>) -> Self {
        let outer = CURRENT.try_with(|current| current.replace(Some(Rc::clone(world)))).ok().flatten();
        Self { outer }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let inner = CURRENT.try_with(|current| current.replace(outer));
        drop(inner);
    }
}

pub(crate) struct World {
    /// No two worlds of a process have the same.
    pub(crate) id: u64,
    now: Cell<Instant>,
    ready: Arc<Ready>,
    tasks: RefCell<BTreeMap<TaskId, Task>>,
    next_task: Cell<TaskId>,
    /// Who is being polled or dropped.
    running: Cell<TaskId>,
    /// The run is over; nothing is spawned any more.
    closing: Cell<bool>,
    sleepers: RefCell<BTreeMap<SleeperKey, Waker>>,
    next_sleeper: Cell<u64>,
}

/// Tasks that have been woken, each at most once, the one that waits longest first.
type Ready = Mutex<VecDeque<TaskId>>;

struct Task {
    name: Arc<str>,
    /// `None` for the main task, and for one that is being polled.
    future: Option<BoxFuture>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Wakes one task.
struct Bell {
    task: TaskId,
    /// Whether the task is among the ready ones, or is to be kept from it for good.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.lock().push_back(self.task);
        }
    }
}

impl World {
    /// A world in which only the main task exists, and is ready.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let world = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            now: Cell::new(Instant::EPOCH),
            ready: Arc::default(),
            tasks: RefCell::default(),
            next_task: Cell::new(MAIN),
            running: Cell::new(MAIN),
            closing: Cell::new(false),
            sleepers: RefCell::default(),
            next_sleeper: Cell::new(0),
        };
        world.insert(Some("main".into()), None);
        world
    }

    // Tasks.

    /// Adds a task, which is ready at once; gives the future back if the run is over.
    pub(crate) fn spawn(&self, name: Option<Arc<str>>, future: BoxFuture) -> Result<TaskId, BoxFuture> {
        if self.closing.get() { Err(future) } else { Ok(self.insert(name, Some(future))) }
    }

    fn insert(&self, name: Option<Arc<str>>, future: Option<BoxFuture>) -> TaskId {
        let task = self.next_task.get();
        self.next_task.set(task + 1);
        let name = name.unwrap_or_else(|| format!("task {task}").into());
        let bell = Arc::new(Bell { task, queued: AtomicBool::new(true), ready: Arc::clone(&self.ready) });
        let waker = Waker::from(Arc::clone(&bell));
        self.tasks.borrow_mut().insert(task, Task { name, future, bell, waker });
        self.ready.lock().push_back(task);
        task
    }

    /// Takes one of the ready tasks, the one that `choose` names when told how many there are.
    pub(crate) fn take_ready(&self, choose: impl FnOnce(usize) -> usize) -> Option<TaskId> {
        let mut ready = self.ready.lock();
        if ready.is_empty() {
            return None;
        }
        let index = choose(ready.len());
        ready.remove(index)
    }

    /// The waker to poll a task with, which can be rung again from here on.
    pub(crate) fn start(&self, task: TaskId) -> Option<Waker> {
        let tasks = self.tasks.borrow();
        let Task { bell, waker, .. } = tasks.get(&task)?;
        bell.queued.store(false, Ordering::Release);
        self.running.set(task);
        Some(waker.clone())
    }

    /// Polls a spawned task.
    pub(crate) fn poll(&self, task: TaskId) {
        let Some(waker) = self.start(task) else { return };
        let future = self.tasks.borrow_mut().get_mut(&task).and_then(|task| task.future.take());
        let Some(mut future) = future else { return };
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(future);
            drop(self.remove(task));
            return;
        }
        let aborted = match self.tasks.borrow_mut().get_mut(&task) {
            Some(task) => task.future.replace(future),
            None => Some(future),
        };
        drop(aborted);
    }

    /// Drops a task, now, or after its poll if it is being polled; `false` if it has ended.
    pub(crate) fn abort(&self, task: TaskId) -> bool {
        self.remove(task).is_some()
    }

    /// Takes a task out for good.
    fn remove(&self, task: TaskId) -> Option<Task> {
        let removed = self.tasks.borrow_mut().remove(&task)?;
        if removed.bell.queued.swap(true, Ordering::AcqRel) {
            self.ready.lock().retain(|&ready| ready != task);
        }
        Some(removed)
    }

    /// Drops whatever is left when the run is over. May be called again if a drop has panicked.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        loop {
            let first = self
                .tasks
                .borrow_mut()
                .first_entry()
                .map(|mut first| (*first.key(), first.get_mut().future.take()));
            let Some((task, future)) = first else { break };
            self.running.set(task);
            // The entry, and with it the name, outlives the future: for the report, should the drop panic.
            drop(future);
            self.remove(task);
        }
        drop(mem::take(&mut *self.sleepers.borrow_mut()));
    }

    // Names.

    pub(crate) fn name(&self, task: TaskId) -> Arc<str> {
        self.tasks.borrow().get(&task).map_or_else(|| "an aborted task".into(), |task| Arc::clone(&task.name))
    }

    pub(crate) fn running(&self) -> TaskId {
        self.running.get()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tasks.borrow().values().map(|task| task.name.to_string()).collect()
    }

    pub(crate) fn ready_names(&self) -> Vec<String> {
        let mut ready: Vec<TaskId> = self.ready.lock().iter().copied().collect();
        ready.sort_unstable();
        ready.into_iter().map(|task| self.name(task).to_string()).collect()
    }

    // Time.

    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Sets the clock forward and wakes whoever is due.
    pub(crate) fn set_now(&self, now: Instant) {
        self.now.set(self.now.get().max(now));
        while let Some(waker) = self.pop_due() {
            waker.wake();
        }
    }

    fn pop_due(&self) -> Option<Waker> {
        let mut sleepers = self.sleepers.borrow_mut();
        let first = sleepers.first_entry()?;
        if first.key().0 > self.now.get() { None } else { Some(first.remove()) }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.sleepers.borrow().first_key_value().map(|(&(deadline, _), _)| deadline)
    }

    pub(crate) fn add_sleeper(&self, deadline: Instant, waker: Waker) -> SleeperKey {
        let key = (deadline, self.next_sleeper.get());
        self.next_sleeper.set(key.1 + 1);
        self.sleepers.borrow_mut().insert(key, waker);
        key
    }

    /// Makes `waker` the one to wake; `false` if the sleeper is no longer here.
    pub(crate) fn refresh_sleeper(&self, key: SleeperKey, waker: &Waker) -> bool {
        let mut other = waker.clone();
        let present = match self.sleepers.borrow_mut().get_mut(&key) {
            Some(waker) => {
                mem::swap(waker, &mut other);
                true
            }
            None => false,
        };
        drop(other);
        present
    }

    pub(crate) fn remove_sleeper(&self, key: SleeperKey) {
        let removed = self.sleepers.borrow_mut().remove(&key);
        drop(removed);
    }
}
