//! Task groups, executors and background loops beside their peers.

mod background;
mod group;
mod map;

use crate::harness::Group;

pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::from(group::groups());
    groups.extend(map::groups());
    groups.push(background::group());
    groups
}
