//! [`start`]: a thread, if the system has one to give.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread of that name, which is one of ours and has no NUL in it.
///
/// # Errors
///
/// If the system refuses: `body` is dropped then.
pub(crate) fn start(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    #[cfg(test)]
    refusal::due()?;
    Builder::new().name(name).spawn(body)
}

/// For tests: the system refuses, just when something else happens.
#[cfg(test)]
pub(crate) mod refusal {
    use core::cell::RefCell;
    use std::io;

    type Meanwhile = Box<dyn FnOnce()>;

    thread_local! {
        static NEXT: RefCell<Vec<Meanwhile>> = const { RefCell::new(Vec::new()) };
    }

    /// The next thread that this one wants to start is refused, and `meanwhile` happens just then.
    pub(crate) fn of_the_next(meanwhile: impl FnOnce() + 'static) {
        NEXT.with_borrow_mut(|next| next.push(Box::new(meanwhile)));
    }

    pub(super) fn due() -> io::Result<()> {
        match NEXT.with_borrow_mut(Vec::pop) {
            None => Ok(()),
            Some(meanwhile) => {
                meanwhile();
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}
