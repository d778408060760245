//! [`Bell`]: what machines wake here.

use core::cell::Cell;
use core::fmt;
use std::rc::Rc;

use tidegate_core::Wake;

/// Notes that it was woken. A clone of what it notes in makes another waker of the same.
pub(crate) struct Bell(pub(crate) Rc<Cell<bool>>);

impl Wake for Bell {
    fn wake(self) {
        self.0.set(true);
    }

    fn will_wake(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bell").field(&self.0.get()).finish()
    }
}
