//! [`Machine`]: one value from one side to the other, as a pure state machine.
//!
//! ```text
//!            send                  poll
//!   empty ─────────► ready ──────────────────► over
//!     │                │                        ▲
//!     │ abandon        └──────── hang up ───────┤
//!     ▼                                         │
//!   abandoned ───────────────────── poll ───────┤
//!   empty ───────────────────── hang up ────────┘
//! ```
//!
//! Invariant, by construction: a waker is kept only while it is empty.

use core::mem;

use crate::wake::Wake;

/// The answer to [`Machine::poll`].
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// The value; there is no other.
    Received(T),
    /// There will be no value, or it has been received before.
    Abandoned,
    /// The receiver is to be woken by the waker that it showed.
    Waiting,
    /// No waker is registered, or another one: call [`Machine::register`].
    WakerDiffers,
}

/// One value from one side to the other, as a pure state machine.
///
/// It wakes nobody: what is to be woken is handed out, to be woken outside of the lock that guards the machine.
///
/// ```
/// use core::task::Waker;
/// use tidegate_core::oneshot::{Machine, Progress};
///
/// let mut machine = Machine::new();
/// assert_eq!(machine.poll(Waker::noop()), Progress::WakerDiffers);
/// assert!(machine.register(Waker::noop().clone()).is_ok());
/// let waker = machine.send(7).expect("nobody has hung up");
/// waker.expect("it was registered").wake();
/// assert_eq!(machine.poll(Waker::noop()), Progress::Received(7));
/// ```
#[derive(Debug)]
pub struct Machine<T, W> {
    state: State<T, W>,
}

#[derive(Debug)]
enum State<T, W> {
    Empty(Option<W>),
    Ready(T),
    Abandoned,
    Over,
}

impl<T, W: Wake> Machine<T, W> {
    /// No value so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Empty(None) }
    }

    /// Brings the value; answers whom to wake.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver has hung up, or if there is no place for another one.
    pub fn send(&mut self, value: T) -> Result<Option<W>, T> {
        match &mut self.state {
            State::Empty(waker) => {
                let waker = waker.take();
                self.state = State::Ready(value);
                Ok(waker)
            }
            _ => Err(value),
        }
    }

    /// There will be no value; answers whom to wake. Does nothing if the value has been sent.
    pub fn abandon(&mut self) -> Option<W> {
        let State::Empty(waker) = &mut self.state else { return None };
        let waker = waker.take();
        self.state = State::Abandoned;
        waker
    }

    /// Asks for the value.
    #[must_use]
    pub fn poll(&mut self, waker: &W) -> Progress<T> {
        match &self.state {
            State::Empty(Some(registered)) if registered.will_wake(waker) => Progress::Waiting,
            State::Empty(_) => Progress::WakerDiffers,
            _ => match mem::replace(&mut self.state, State::Over) {
                State::Ready(value) => Progress::Received(value),
                _ => Progress::Abandoned,
            },
        }
    }

    /// Registers a waker, and answers the one before, to be dropped outside of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is nothing to wait for: [`poll`](Self::poll).
    pub const fn register(&mut self, waker: W) -> Result<Option<W>, W> {
        match &mut self.state {
            State::Empty(registered) => Ok(registered.replace(waker)),
            _ => Err(waker),
        }
    }

    /// The receiver wants the value no more. Answers what is left, to be dropped outside of the lock.
    pub fn hang_up(&mut self) -> (Option<T>, Option<W>) {
        match mem::replace(&mut self.state, State::Over) {
            State::Empty(waker) => (None, waker),
            State::Ready(value) => (Some(value), None),
            State::Abandoned | State::Over => (None, None),
        }
    }

    /// Whether asking will give an answer.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        !matches!(self.state, State::Empty(_))
    }

    /// Whether a value that is sent now would not be received.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

impl<T, W: Wake> Default for Machine<T, W> {
    fn default() -> Self {
        Self::new()
    }
}
