//! Layers around a service that answers at once: what a layer costs per call.

mod limits;
mod rates;
mod work;

use crate::harness::Group;

pub(super) fn groups() -> Vec<Group> {
    let mut groups = limits::groups();
    groups.extend(rates::groups());
    groups
}
