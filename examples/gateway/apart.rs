//! [`Apart`]: what changes with every request, apart from what does not.

use core::ops::Deref;

/// Has lines of cache of its own: what lies beside it stays with every processor that reads it, whoever changes this.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
