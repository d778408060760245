//! What is measured: a module per primitive.

mod cache;
mod generator;
mod lru;
mod queue;
mod rate_limiter;
mod scheduler;
mod semaphore;
mod tasks;
mod tower;
mod waterfall;

use crate::harness::Group;

/// Every row there is.
pub(crate) fn all() -> Vec<Group> {
    let mut groups = semaphore::groups();
    // Before whatever pauses tokio's clock: from then on reading it takes twice as long in this process.
    groups.extend(tower::groups());
    groups.extend(rate_limiter::groups());
    groups.extend(lru::groups());
    groups.extend(cache::groups());
    groups.extend(tasks::groups());
    groups.extend(queue::groups());
    groups.extend(waterfall::groups());
    groups.extend(scheduler::groups());
    groups.extend(generator::groups());
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn paths_and_contenders_are_unique_and_every_bar_is_about_a_contender() {
        let mut paths = HashSet::new();
        for group in all() {
            for row in &group.rows {
                let path = group.path(row);
                assert!(paths.insert(path.clone()), "two rows are called {path}");
                let contenders = row.contenders();
                let names: HashSet<_> = contenders.names().collect();
                assert_eq!(names.len(), contenders.names().count(), "{path}: two contenders of one name");
                for bar in &row.bars {
                    assert!(names.contains(bar.against), "{path}: there is no {}", bar.against);
                }
            }
        }
    }

    #[test]
    fn tidegate_is_the_subject_of_every_row() {
        for group in all() {
            for row in &group.rows {
                let subject = row.contenders().names().next().map(str::to_owned).unwrap_or_default();
                assert!(subject.starts_with("tidegate"), "{}: {subject}", group.path(row));
            }
        }
    }
}
