//! Batches beside what is used for batches.

mod stream;

use crate::harness::Group;

pub(super) fn groups() -> Vec<Group> {
    stream::groups().into()
}
