//! Batches beside what is used for batches.

mod request;
mod stream;

use crate::harness::Group;

pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::from(stream::groups());
    groups.push(request::group());
    groups
}
